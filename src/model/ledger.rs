//! The calls that AWS limits per rolling day, kept on the stream itself as a tag. AWS tells nobody how many are left.

use super::{LEDGER, Resource};

/// Seconds of the rolling window.
const DAY: i64 = 86_400;

/// When this stream's limited calls were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// UpdateShardCount, in minutes since 1970.
    pub reshards: Vec<i64>,
    pub mode_switches: Vec<i64>,
    pub key_changes: Vec<i64>,
}

impl Ledger {
    /// Reads the tag; whatever is older than a day or not readable does not count.
    pub fn of(stream: Option<&Resource>, now: i64) -> Self {
        Self::read(stream.and_then(|stream| stream.tag(LEDGER)).unwrap_or_default(), now)
    }

    /// Reads the tag's text.
    pub fn read(text: &str, now: i64) -> Self {
        let mut ledger = Self::default();
        let mut into = &mut ledger.reshards;
        for word in text.split(' ') {
            match word {
                "r" => into = &mut ledger.reshards,
                "m" => into = &mut ledger.mode_switches,
                "k" => into = &mut ledger.key_changes,
                minute => into.extend(i64::from_str_radix(minute, 36).ok().filter(|minute| minute * 60 > now - DAY)),
            }
        }
        ledger
    }

    /// The tag's text: at most 256 characters, so the oldest key changes are forgotten first.
    pub fn text(&self) -> String {
        let mut keys = self.key_changes.as_slice();
        loop {
            let text = [("r", self.reshards.as_slice()), ("m", &self.mode_switches), ("k", keys)]
                .iter()
                .filter(|(_, minutes)| !minutes.is_empty())
                .map(|(mark, minutes)| {
                    format!("{mark} {}", minutes.iter().map(|minute| base36(*minute)).collect::<Vec<_>>().join(" "))
                })
                .collect::<Vec<_>>()
                .join(" ");
            if text.len() <= 256 || keys.is_empty() {
                return text;
            }
            keys = &keys[1..];
        }
    }
}

fn base36(mut number: i64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    #[test]
    fn what_is_written_is_read_for_a_day() {
        let now = 1_795_000_000;
        let minute = now / 60;
        let ledger = Ledger {
            reshards: vec![minute - 100, minute],
            mode_switches: vec![minute - 5],
            key_changes: (0..25).map(|i| minute - i).collect(),
        };
        let mut stream = Resource::default();
        stream.attrs.insert("tags".into(), Value::map([(LEDGER, ledger.text())]));
        assert!(ledger.text().len() <= 256);
        assert_eq!(Ledger::of(Some(&stream), now), ledger);
        assert_eq!(Ledger::of(Some(&stream), now + DAY + 60), Ledger::default());
    }
}
