//! What besides the metrics bears on a decision: alarms, consumers, floors, forbidden times, money and quotas.

use super::budget::Budget;
use crate::model::calendar::At;

/// What an alarm watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    IteratorAge,
    /// WriteProvisionedThroughputExceeded.
    WritesRefused,
    /// ReadProvisionedThroughputExceeded.
    ReadsRefused,
}

/// An alarm of the spec that is in state ALARM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    pub signal: Signal,
}

/// What is known of one consumer now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumer {
    pub name: String,
    /// Iterator age in minutes.
    pub age: Option<f64>,
    /// Minutes by which the age grows in a minute.
    pub slope: Option<f64>,
    /// What it reads, in units of one shard's read limit (2 MiB a second).
    pub reads: Option<f64>,
}

impl Consumer {
    /// From its newest minutes: the newest known age and reads, and the trend of the ages.
    pub fn of(name: impl Into<String>, minutes: &[(i64, Option<f64>, Option<f64>)]) -> Self {
        let ages: Vec<(i64, f64)> = minutes.iter().filter_map(|(at, age, _)| age.map(|age| (*at, age))).collect();
        Self {
            name: name.into(),
            age: ages.last().map(|(_, age)| *age),
            slope: super::lag::slope(&ages),
            reads: minutes.iter().rev().find_map(|(_, _, reads)| *reads),
        }
    }
}

/// A count below which the stream must not fall for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    Schedule {
        at: At,
        minutes: i64,
        min: u32,
    },
    /// By hand, until this minute since 1970.
    Pin {
        min: u32,
        until: i64,
    },
}

impl Floor {
    pub fn min(self) -> u32 {
        match self {
            Self::Schedule { min, .. } | Self::Pin { min, .. } => min,
        }
    }

    /// Whether it holds now, or starts within `lead` minutes.
    pub fn holds(self, now: i64, lead: i64) -> bool {
        match self {
            Self::Schedule { at, minutes, .. } => at.until(now, lead, minutes).is_some(),
            Self::Pin { until, .. } => now < until,
        }
    }
}

impl std::fmt::Display for Floor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schedule { at, minutes, min } => {
                write!(out, "the schedule `{at}` wants at least {min} shards for {minutes} min")
            }
            Self::Pin { min, until } => {
                write!(out, "it is pinned to at least {min} shards until {}", At::Once(*until))
            }
        }
    }
}

/// A time in which nothing shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub at: At,
    pub minutes: i64,
}

/// Open shards of the account and region, as DescribeLimits tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    /// Those of all streams, and those that running reshards may still open.
    pub open: u32,
}

/// How carefully a real stream is handled; in a simulated run without consumers there is nothing to wait for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Care {
    /// Iterator age in minutes above which nothing shrinks.
    pub most_age: f64,
    /// Minutes after a reshard in which the readers are waited for.
    pub settle: i64,
    /// Growing to so many times the count of an hour ago, while the load fills less than a quarter, opens the breaker.
    pub runaway: u32,
    /// Changes of direction within two hours that open the breaker.
    pub reversals: usize,
}

impl Default for Care {
    fn default() -> Self {
        Self { most_age: 10.0, settle: 15, runaway: 4, reversals: 4 }
    }
}

/// All of it; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// Alarms in state ALARM.
    pub alarms: Vec<Alarm>,
    pub consumers: Vec<Consumer>,
    pub floors: Vec<Floor>,
    pub no_shrink: Vec<Quiet>,
    pub budget: Option<Budget>,
    pub quota: Option<Quota>,
    pub care: Option<Care>,
    /// The share of attempts to write, 0 to 1, that shards reject which one key fills, as single shards show; `None` is not known.
    pub hot_keys: Option<f64>,
    /// A Lambda function is late and its parallelization factor can still be raised: no shard is bought for lag.
    pub lambda_first: bool,
    /// The share of records that may be throttled, 0 to 1; the price then follows what was throttled so far, in place of the
    /// user's price.
    pub bound: Option<f64>,
}

impl Inputs {
    /// Nothing but the metrics.
    pub const NONE: &'static Self = &Self {
        alarms: Vec::new(),
        consumers: Vec::new(),
        floors: Vec::new(),
        no_shrink: Vec::new(),
        budget: None,
        quota: None,
        care: None,
        hot_keys: None,
        lambda_first: false,
        bound: None,
    };

    /// The alarm that asks for a decision at once, whatever the clock of the loop says.
    pub fn wakes(&self) -> Option<&Alarm> {
        self.alarms.first()
    }
}
