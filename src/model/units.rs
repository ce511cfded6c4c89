//! Quantities as people write them: `7d`, `90s`, `128MiB`. Durations are whole seconds, sizes whole bytes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DURATIONS: &[(&str, u64)] = &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const SIZES: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A length of time, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// An amount of data, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

impl Span {
    pub const fn of_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn days(days: u64) -> Self {
        Self(days * 86_400)
    }

    pub const fn seconds(self) -> u64 {
        self.0
    }
}

fn parse(text: &str, units: &[(&str, u64)], example: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let names = units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let what = if number.is_empty() || unit.starts_with(['.', ',']) {
            format!("`{text}` is no whole number with a unit")
        } else if unit.is_empty() {
            format!("`{text}` needs a unit")
        } else {
            format!("`{unit}` is no unit")
        };
        return Err(format!("{what}; write a number and one of {names}, for example {example}"));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| format!("`{text}` is not a quantity; write a whole number and a unit, for example {example}"))
}

fn show(amount: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Two days read better than 48 hours, but one day reads worse than 24 hours: AWS speaks of 24 hours.
    let fits =
        |factor: &u64| amount != 0 && amount.is_multiple_of(*factor) && (*factor != 86_400 || amount / factor > 1);
    let (name, factor) =
        units.iter().find(|(_, factor)| fits(factor)).copied().unwrap_or_else(|| units[units.len() - 1]);
    f.pad(&format!("{}{name}", amount / factor))
}

macro_rules! quantity {
    ($type:ident, $units:ident, $example:literal, $pattern:literal, $words:literal, $usual:literal) => {
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                parse(text, $units, $example).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(self.0, $units, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Written;
                impl Visitor<'_> for Written {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str(concat!($words, " such as ", $example))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        let names = $units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                        // Nobody means a million mebibytes.
                        let unit = if number < 10_000 { $usual } else { $units[$units.len() - 1].0 };
                        let usual = format!("{number}{unit}");
                        Err(E::custom(format!("`{number}` needs a unit; write one of {names} behind it, for example {usual}")))
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(Written)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

quantity!(Span, DURATIONS, "7d", "^[0-9]+(d|h|m|s)$", "a length of time", "h");
quantity!(Size, SIZES, "128MiB", "^[0-9]+(GiB|MiB|KiB|B)$", "an amount of data", "MiB");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_come_back_as_they_were_written() {
        for text in ["7d", "24h", "90s", "5m", "0s", "36h", "2d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["128MiB", "5KiB", "1GiB", "7B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_the_remedy() {
        assert_eq!(
            "60".parse::<Span>().unwrap_err(),
            "`60` needs a unit; write a number and one of d, h, m, s, for example 7d"
        );
        let bare = serde_json::from_str::<Span>("25").unwrap_err().to_string();
        assert!(bare.starts_with("`25` needs a unit; write one of d, h, m, s behind it, for example 25h"), "{bare}");
        let bare = serde_json::from_str::<Size>("2").unwrap_err().to_string();
        assert!(bare.contains("for example 2MiB"), "{bare}");
        assert!("99999999999999999999d".parse::<Span>().is_err());
        assert!("-1d".parse::<Span>().is_err());
    }
}
