//! Keys that are not even, on the plant of single shards that the local cloud has: the reference plant knows one fluid.

use std::fmt;
use std::str::FromStr;

use crate::local::Keys;
use crate::local::plant::{self, Offer, Plant};
use crate::local::reference::Served;
use crate::local::shards::ShardMap;
use crate::local::traffic::Amount;
use crate::model::{BYTES_PER_SHARD_MINUTE, RECORDS_PER_SHARD_MINUTE};

/// Keys of a Zipf law: so many that a shard has several, so few that a day takes less than a second.
const ZIPF_KEYS: u32 = 100;
/// The steepest law: above it the first key has nearly all.
const STEEPEST: f64 = 3.0;
/// Retention in minutes: the default 24 hours.
pub(super) const RETENTION: i64 = 1440;
/// Where the one hot key lies, as a hash key: inside a shard, whatever the count.
pub(super) const HOT: u128 = u128::MAX / 3;

/// How the load is spread over partition keys, as a user says it: `zipf:0.9`, `hot:25%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Skew {
    /// A hundred keys at seeded places whose loads fall as `1 / rank^exponent`.
    Zipf(f64),
    /// One key has this share of the load, 0 to 1; the rest is even.
    Hot(f64),
}

impl Skew {
    /// Every key like every other.
    pub const EVEN: Self = Self::Hot(0.0);

    /// Where they lie.
    pub fn keys(self, seed: u64) -> Keys {
        match self {
            Self::Zipf(exponent) => Keys::zipf(ZIPF_KEYS, exponent, seed),
            Self::Hot(share) => Keys::hot(HOT, share),
        }
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zipf(exponent) => write!(out, "{ZIPF_KEYS} keys whose loads fall as 1 / rank^{exponent}"),
            Self::Hot(share) => write!(out, "one key with {} % of the load", (share * 1e4).round() / 1e2),
        }
    }
}

impl FromStr for Skew {
    type Err = String;

    /// # Errors
    /// It is neither `zipf:EXPONENT` nor `hot:SHARE%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let help =
            || format!("`zipf:EXPONENT` (0 to {STEEPEST}) or `hot:SHARE%` (0 to 100 %), such as zipf:0.9 or hot:25%");
        let (law, number) = text.split_once(':').ok_or_else(help)?;
        let (number, most) = match law {
            "zipf" => (number, STEEPEST),
            "hot" => (number.strip_suffix('%').ok_or_else(help)?, 100.0),
            _ => return Err(help()),
        };
        let number: f64 = number.trim().parse().map_err(|_| help())?;
        if !(0.0..=most).contains(&number) {
            return Err(help());
        }
        Ok(if law == "zipf" { Self::Zipf(number) } else { Self::Hot(number / 100.0) })
    }
}

/// Shards that take what the units of load say. `burst`: half of each minute runs at so many times its mean rate, 1 to 2.
pub(super) fn settings(burst: f64) -> plant::Settings {
    plant::Settings { burst, write_bytes: BYTES_PER_SHARD_MINUTE / 60.0, ..plant::Settings::default() }
}

/// The shards of a stream, one by one.
#[derive(Debug)]
pub struct Uneven {
    keys: Keys,
    map: ShardMap,
    plant: Plant,
    settings: plant::Settings,
    /// Whether the shards refused reads in the newest minute.
    pub reads_refused: bool,
}

impl Uneven {
    /// `burst`: half of each minute runs at so many times its mean rate, 1 to 2.
    pub fn new(skew: Skew, shards: u32, burst: f64, seed: u64) -> Self {
        let map = ShardMap::new(shards, 0);
        let settings = settings(burst);
        Self { keys: skew.keys(seed), plant: Plant::new(map.open()), map, settings, reads_refused: false }
    }

    /// Serves a minute's load, in shards, with so many open shards of equal ranges. `pace`: records of one shard that its reader gets done
    /// in a second; `None`: all that it may read. Answers what became of it, and the iterator age in minutes.
    pub fn serve(&mut self, minute: i64, fresh: f64, shards: u32, pace: Option<f64>) -> (Served, f64) {
        if self.map.open_count() != shards {
            self.map.reshape(shards, minute * 60);
            self.plant = std::mem::take(&mut self.plant).reshaped(self.map.open(), &self.settings);
        }
        let fresh = Amount { records: fresh * RECORDS_PER_SHARD_MINUTE, bytes: fresh * BYTES_PER_SHARD_MINUTE };
        let retention = RETENTION;
        let offer = Offer { minute, fresh, keys: &self.keys, readers: 1, outage: false, pace, retention };
        let (plant, done) = plant::step(std::mem::take(&mut self.plant), &offer, &self.settings);
        self.plant = plant;
        self.reads_refused = done.read_rejected > 0.0;
        let load = |records: f64| records / RECORDS_PER_SHARD_MINUTE;
        let served = Served {
            accepted: load(done.written.records),
            rejected: load(done.rejected),
            throttled: load(done.throttled),
            lost: load(done.lost),
        };
        (served, done.age_ms.unwrap_or_default() / 60_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_wrong_ones_are_told_how() {
        assert_eq!("zipf:0.9".parse(), Ok(Skew::Zipf(0.9)));
        assert_eq!("hot:25%".parse(), Ok(Skew::Hot(0.25)));
        for wrong in ["", "zipf", "hot:25", "hot:101%", "zipf:-1", "zipf:nan", "cold:1%", "hot:%"] {
            assert!(wrong.parse::<Skew>().is_err_and(|help| help.contains("hot:25%")), "{wrong}");
        }
    }

    #[test]
    fn even_keys_fill_all_shards_and_a_hot_one_its_own() {
        let mut even = Uneven::new(Skew::EVEN, 4, 1.0, 1);
        let (served, _) = even.serve(0, 4.0, 4, None);
        assert!((served.accepted - 4.0).abs() < 1e-6 && served.rejected < 1e-6, "{served:?}");
        // A key with half of four shards' load gets what its shard gives besides its part of the rest, whatever the count.
        for shards in [4, 8, 16] {
            let mut hot = Uneven::new(Skew::Hot(0.5), shards, 1.0, 1);
            let (served, _) = hot.serve(0, 4.0, shards, None);
            let kept = 2.0 + 2.0 / f64::from(shards) - 1.0;
            assert!((served.throttled - kept).abs() < 1e-6, "{shards}: {served:?}");
        }
    }

    #[test]
    fn a_resize_takes_over_what_is_sent_again() {
        let mut stream = Uneven::new(Skew::EVEN, 2, 1.0, 1);
        assert!((stream.serve(0, 3.0, 2, None).0.rejected - 1.0).abs() < 1e-6);
        let (served, _) = stream.serve(1, 3.0, 4, None);
        assert!((served.accepted - 4.0).abs() < 1e-6, "{served:?}");
    }
}
