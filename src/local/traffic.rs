//! What producers offer and consumers read: synthetic from a seed, or a given series.

use serde::{Deserialize, Serialize};

/// What producers send in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    pub records: f64,
    pub bytes: f64,
}

/// Where the records fall in the key space: some keys have a share of their own, the rest is spread evenly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// Hash key (decimal text in files) and its share of the load, 0 to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hot: Vec<HotKey>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct HotKey {
    hash: String,
    share: f64,
}

impl Keys {
    pub fn uniform() -> Self {
        Self::default()
    }

    /// One partition key with `share` of the load.
    pub fn hot(hash: u128, share: f64) -> Self {
        Self { hot: vec![HotKey { hash: hash.to_string(), share: share.clamp(0.0, 1.0) }] }
    }

    /// `count` keys at seeded places whose loads fall as `1 / rank^exponent`.
    pub fn zipf(count: u32, exponent: f64, seed: u64) -> Self {
        let weights: Vec<f64> = (1..=count).map(|rank| f64::from(rank).powf(-exponent)).collect();
        let total: f64 = weights.iter().sum();
        let mut random = fastrand::Rng::with_seed(seed);
        let hot =
            weights.iter().map(|weight| HotKey { hash: random.u128(..).to_string(), share: weight / total }).collect();
        Self { hot }
    }

    /// The share of the load that falls into the range from `start` to `end`, both inclusive.
    pub fn share(&self, start: u128, end: u128) -> f64 {
        let own: f64 = self
            .hot
            .iter()
            .filter(|key| key.hash().is_some_and(|hash| (start..=end).contains(&hash)))
            .map(|key| key.share)
            .sum();
        let rest = (1.0 - self.hot.iter().map(|key| key.share).sum::<f64>()).max(0.0);
        own + rest * width(start, end)
    }
}

impl HotKey {
    fn hash(&self) -> Option<u128> {
        self.hash.parse().ok()
    }
}

/// The width of a range as a fraction of the key space.
pub fn width(start: u128, end: u128) -> f64 {
    ((end - start) as f64 + 1.0) / 2f64.powi(128)
}

/// The offered load of one stream over time, and who reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub shape: Shape,
    #[serde(default)]
    pub keys: Keys,
    /// Consumers that share the 2 MiB/s per shard; 0: nobody reads, so there is no iterator age.
    pub readers: u32,
    /// Minutes since 1970, from and to (exclusive), in which the readers stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<(i64, i64)>,
}

/// How the offered load goes over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    Synthetic(Synthetic),
    /// Minute since 1970 and what is offered in it, sorted; nothing elsewhere.
    Series(Vec<(i64, Amount)>),
}

/// A level, a daily wave with its top at 18:00 UTC, and noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthetic {
    pub seed: u64,
    pub records_per_second: f64,
    pub bytes_per_record: f64,
    /// The wave's height as a fraction of the level, 0 to 1.
    pub daily: f64,
    /// Standard deviation from minute to minute as a fraction of the level.
    pub noise: f64,
}

impl Load {
    /// A day's wave of ±60 % and 5 % noise around a level, evenly spread, read by one consumer.
    pub fn synthetic(seed: u64, records_per_second: f64, bytes_per_record: f64) -> Self {
        Self::of(Shape::Synthetic(Synthetic { seed, records_per_second, bytes_per_record, daily: 0.6, noise: 0.05 }))
    }

    /// Exactly these minutes: (minute since 1970, records, bytes).
    pub fn series(minutes: impl IntoIterator<Item = (i64, f64, f64)>) -> Self {
        let mut series: Vec<(i64, Amount)> =
            minutes.into_iter().map(|(minute, records, bytes)| (minute, Amount { records, bytes })).collect();
        series.sort_by_key(|(minute, _)| *minute);
        Self::of(Shape::Series(series))
    }

    fn of(shape: Shape) -> Self {
        Self { shape, keys: Keys::uniform(), readers: 1, outage: None }
    }

    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    #[must_use]
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }

    #[must_use]
    pub fn outage(mut self, from: i64, to: i64) -> Self {
        self.outage = Some((from, to));
        self
    }

    /// What is offered in a minute since 1970. A pure function of the minute.
    pub fn at(&self, minute: i64) -> Amount {
        match &self.shape {
            Shape::Series(series) => {
                let found = series.binary_search_by_key(&minute, |(at, _)| *at);
                found.map(|at| series[at].1).unwrap_or_default()
            }
            Shape::Synthetic(wave) => wave.at(minute),
        }
    }

    /// Whether the readers stand still in this minute.
    pub fn is_out(&self, minute: i64) -> bool {
        self.outage.is_some_and(|(from, to)| (from..to).contains(&minute))
    }
}

impl Synthetic {
    fn at(&self, minute: i64) -> Amount {
        /// 18:00 UTC in minutes of the day.
        const TOP: f64 = 1080.0;
        let phase = (minute.rem_euclid(1440) as f64 - TOP) / 1440.0 * std::f64::consts::TAU;
        let mut random = fastrand::Rng::with_seed(mix(self.seed, minute.cast_unsigned()));
        // Twelve uniform numbers less six have mean 0 and variance 1.
        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let level = (1.0 + self.daily * phase.cos()) * (1.0 + self.noise * normal);
        let records = (self.records_per_second * 60.0 * level.max(0.0)).round();
        Amount { records, bytes: (records * self.bytes_per_record).round() }
    }
}

/// A seed made of two numbers (the finaliser of SplitMix64).
pub fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The same for a text (FNV-1a).
pub fn mix_text(seed: u64, text: &str) -> u64 {
    text.bytes()
        .fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let load = Load::synthetic(7, 1000.0, 512.0);
        assert_eq!(load.at(29_000_000), load.clone().at(29_000_000));
        assert_ne!(load.at(29_000_000), Load::synthetic(8, 1000.0, 512.0).at(29_000_000));
        let day: f64 = (0..1440).map(|minute| load.at(minute).records).sum();
        assert!((day / (1440.0 * 60_000.0) - 1.0).abs() < 0.02, "the level is the mean of a day");
    }

    #[test]
    fn shares_of_all_ranges_sum_to_one() {
        for keys in [Keys::uniform(), Keys::hot(5, 0.4), Keys::zipf(50, 1.1, 3)] {
            let starts = super::super::shards::even_starts(7);
            let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
            let sum: f64 = starts.iter().zip(ends).map(|(start, end)| keys.share(*start, end)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
        assert!(Keys::hot(5, 0.4).share(0, 10) >= 0.4);
    }

    #[test]
    fn a_series_offers_nothing_elsewhere() {
        let load = Load::series([(11, 5.0, 500.0), (10, 3.0, 300.0)]);
        assert_eq!(load.at(10).records, 3.0);
        assert_eq!(load.at(12), Amount::default());
    }
}
