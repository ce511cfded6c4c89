//! Times that come again: `08:30`, `Mon-Fri 08:30`, `Sat,Sun 10:00`, and times that come once: `2026-11-27 08:00`. UTC throughout,
//! since metrics, ledgers and CloudTrail speak UTC, and since no day of it has 23 or 25 hours.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY: i64 = 1440;
/// 1970-01-01 was a Thursday.
const FIRST_DAY: i64 = 3;

/// When something starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// On these days of the week (bit 0 is Monday), at this minute of the day.
    Weekly { days: u8, minute: u16 },
    /// Once, at this minute since 1970.
    Once(i64),
}

impl At {
    /// The newest start that is not after `minute` (minutes since 1970).
    pub fn began(self, minute: i64) -> Option<i64> {
        match self {
            Self::Once(start) => (start <= minute).then_some(start),
            Self::Weekly { days, minute: of_day } => {
                let today = minute.div_euclid(DAY);
                let start = |day: i64| day * DAY + i64::from(of_day);
                let runs = |day: i64| days >> (day + FIRST_DAY).rem_euclid(7) & 1 == 1;
                (today - 7..=today).rev().find(|day| runs(*day) && start(*day) <= minute).map(start)
            }
        }
    }

    /// The end of what starts so and lasts `length` minutes, if `minute` lies in it or at most `lead` minutes before it.
    pub fn until(self, minute: i64, lead: i64, length: i64) -> Option<i64> {
        let end = self.began(minute.saturating_add(lead))?.saturating_add(length);
        (minute < end).then_some(end)
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a time; write `08:30`, `Mon-Fri 08:30`, `Sat,Sun 10:00` or `2026-11-27 08:00`, in UTC"
            )
        };
        let (before, clock) = text.trim().rsplit_once([' ', 'T']).unwrap_or(("", text.trim()));
        let minute = minute_of_day(clock).ok_or_else(wrong)?;
        if let Ok(date) = before.trim().parse::<jiff::civil::Date>() {
            let midnight = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| wrong())?;
            return Ok(Self::Once(midnight.as_second().div_euclid(60) + i64::from(minute)));
        }
        let days = if before.is_empty() { Some(0x7F) } else { days(before) };
        Ok(Self::Weekly { days: days.ok_or_else(wrong)?, minute })
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, end: u16| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| digits && *number < end)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60).filter(|_| minute.len() == 2)?)
}

/// `Mon-Fri`, `Sat,Sun`, `Fri-Mon,Wed` as bits.
fn days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name.trim()));
    text.split(',').try_fold(0, |bits, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        Some((0..=(last + 7 - first) % 7).fold(bits, |bits, step| bits | 1 << ((first + step) % 7)))
    })
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        match *self {
            Self::Once(start) => match jiff::Timestamp::from_second(start.saturating_mul(60)) {
                Ok(at) => f.pad(&at.strftime("%Y-%m-%d %H:%M").to_string()),
                Err(_) => f.pad(&start.to_string()),
            },
            Self::Weekly { days: 0x7F, minute } => f.pad(&clock(minute.into())),
            Self::Weekly { days: 0x1F, minute } => f.pad(&format!("Mon-Fri {}", clock(minute.into()))),
            Self::Weekly { days, minute } => {
                let names: Vec<&str> = (0..7).filter(|day| days >> day & 1 == 1).map(|day| DAYS[day]).collect();
                f.pad(&format!("{} {}", names.join(","), clock(minute.into())))
            }
        }
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for At {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["Mon-Fri 08:30", "2026-11-27 08:00"],
            "pattern": "^(([A-Za-z]{3}(-[A-Za-z]{3})?)(,[A-Za-z]{3}(-[A-Za-z]{3})?)* |[0-9]{4}-[0-9]{2}-[0-9]{2}[ T])?[0-9]{1,2}:[0-9]{2}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, told) in [
            ("8:30", "08:30"),
            ("Mon-Fri 08:30", "Mon-Fri 08:30"),
            ("sat,SUN 10:00", "Sat,Sun 10:00"),
            ("Sun-Mon 00:00", "Mon,Sun 00:00"),
            ("2026-11-27T08:00", "2026-11-27 08:00"),
        ] {
            assert_eq!(text.parse::<At>().unwrap().to_string(), told);
        }
        for text in ["", "8", "24:00", "08:60", "8:5", "Mo 08:00", "2026-13-01 08:00", "Mon- 08:00", "+8:00"] {
            assert!(text.parse::<At>().unwrap_err().contains("is not a time; write `08:30`"), "{text}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_began_on() {
        // 2026-11-27 is a Friday.
        let friday = "2026-11-27 00:00".parse::<At>().unwrap().began(i64::MAX).unwrap();
        let night: At = "Fri 22:00".parse().unwrap();
        let at = |minute: i64| night.until(friday + minute, 0, 480).map(|end| end - friday);
        let found = [22 * 60 - 1, 22 * 60, 24 * 60 + 359, 30 * 60].map(at);
        assert_eq!(found, [None, Some(1800), Some(1800), None]);
        assert_eq!(night.until(friday + 22 * 60 - 10, 10, 480), Some(friday + 1800));
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_again(days in 1u8..128, minute in 0u16..1440, now in -5_000_000i64..50_000_000) {
            for at in [At::Weekly { days, minute }, At::Once(now)] {
                prop_assert_eq!(at.to_string().parse::<At>(), Ok(at));
            }
            let began = At::Weekly { days, minute }.began(now).expect("every week has such a day");
            prop_assert!(began <= now && began > now - 7 * 1440);
        }
    }
}
