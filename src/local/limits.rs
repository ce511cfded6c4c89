//! AWS's limits as functions of values. Sources: Kinesis quotas page and API references, as of 2026-11;
//! most of them are raised on request, so they are settings, not constants.

use serde::{Deserialize, Serialize};

use crate::cloud::Class;
pub use crate::model::DAY;

/// The limits of one account and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// UpdateShardCount per stream in rolling 24 hours.
    pub reshards_a_day: usize,
    /// UpdateStreamMode per stream in rolling 24 hours.
    pub mode_switches_a_day: usize,
    /// StartStreamEncryption and StopStreamEncryption per stream in rolling 24 hours.
    pub key_changes_a_day: usize,
    /// Open shards that UpdateShardCount can reach.
    pub shards_of_a_stream: u32,
    /// Open shards of all provisioned streams, those that exist only during a reshard included.
    pub shards_of_the_account: u32,
    pub on_demand_streams: usize,
    pub streams_creating: usize,
    pub consumers_of_a_stream: usize,
    pub consumers_creating: usize,
    /// Tags of one resource.
    pub tags: usize,
    /// Retention, in hours.
    pub retention: (u64, u64),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reshards_a_day: 10,
            mode_switches_a_day: 2,
            key_changes_a_day: 25,
            shards_of_a_stream: 10_000,
            shards_of_the_account: 20_000,
            on_demand_streams: 50,
            streams_creating: 5,
            consumers_of_a_stream: 20,
            consumers_creating: 5,
            tags: 50,
            retention: (24, 8760),
        }
    }
}

/// A no in AWS's words, before it is known what we were doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub class: Class,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into() }
    }

    /// The call itself is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, "InvalidArgumentException", message)
    }

    /// A quota is used up; waiting a moment does not help.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, "LimitExceededException", message)
    }

    /// Too many at once; waiting helps.
    pub fn later(message: impl Into<String>) -> Self {
        Self::new(Class::Throttled, "LimitExceededException", message)
    }

    pub fn in_use(message: impl Into<String>) -> Self {
        Self::new(Class::Busy, "ResourceInUseException", message)
    }
}

/// A call that is limited per rolling 24 hours; `calls` are those made so far, in seconds since 1970.
pub fn per_day(calls: &[i64], now: i64, limit: usize, what: &str) -> Result<(), Refusal> {
    let made = calls.iter().filter(|at| **at > now - DAY).count();
    if made < limit {
        return Ok(());
    }
    Err(Refusal::limit(format!(
        "{what} was called {made} times in the last 24 hours, and AWS allows {limit} in rolling 24 hours"
    )))
}

impl Limits {
    /// UpdateShardCount: at most the double, at least the half (rounded up), and at most 10,000.
    pub fn reshape(&self, open: u32, to: i64) -> Result<u32, Refusal> {
        let Ok(to) = u32::try_from(to) else {
            return Err(Refusal::invalid(format!("{to} is no shard count")));
        };
        if to == 0 {
            return Err(Refusal::invalid("a stream has at least one shard"));
        }
        if to > open.saturating_mul(2) {
            return Err(Refusal::limit(format!(
                "{open} shards can grow to at most {}, the double, in one call; {to} were asked for",
                open * 2
            )));
        }
        if to < open.div_ceil(2) {
            return Err(Refusal::limit(format!(
                "{open} shards can shrink to at least {}, the half, in one call; {to} were asked for",
                open.div_ceil(2)
            )));
        }
        if to > self.shards_of_a_stream {
            let most = self.shards_of_a_stream;
            return Err(Refusal::limit(format!(
                "a stream has at most {most} shards by UpdateShardCount; {to} were asked for"
            )));
        }
        Ok(to)
    }

    /// The account's shard quota.
    pub fn account_shards(&self, others: u64, this: u64) -> Result<(), Refusal> {
        let quota = u64::from(self.shards_of_the_account);
        if others + this <= quota {
            return Ok(());
        }
        Err(Refusal::limit(format!(
            "the account's shard limit of {quota} would be exceeded: this stream needs {this} at the peak of the change, the others have {others}"
        )))
    }

    /// Increase and Decrease each go in their direction only, within 24 to 8,760 hours.
    pub fn retention(&self, verb: &str, from: u64, to: u64) -> Result<(), Refusal> {
        let (least, most) = self.retention;
        if !(least..=most).contains(&to) {
            return Err(Refusal::invalid(format!("the retention is {least} to {most} hours; {to} were asked for")));
        }
        match verb {
            "IncreaseStreamRetentionPeriod" if to < from => Err(Refusal::invalid(format!(
                "requested retention of {to} hours is less than the current {from}: it can only be decreased by DecreaseStreamRetentionPeriod"
            ))),
            "DecreaseStreamRetentionPeriod" if to > from => Err(Refusal::invalid(format!(
                "requested retention of {to} hours is more than the current {from}: it can only be increased by IncreaseStreamRetentionPeriod"
            ))),
            _ => Ok(()),
        }
    }

    pub fn tag_count(&self, tags: usize) -> Result<(), Refusal> {
        if tags <= self.tags {
            return Ok(());
        }
        Err(Refusal::invalid(format!("a resource has at most {} tags; this would make {tags}", self.tags)))
    }

    /// `count` are there (or being created) already.
    pub fn on_demand(&self, count: usize) -> Result<(), Refusal> {
        if count < self.on_demand_streams {
            return Ok(());
        }
        Err(Refusal::limit(format!("the account's quota of {} on-demand streams is used up", self.on_demand_streams)))
    }

    pub fn creating(&self, count: usize) -> Result<(), Refusal> {
        if count < self.streams_creating {
            return Ok(());
        }
        Err(Refusal::later(format!("{} streams are CREATING, and AWS allows no more at once", self.streams_creating)))
    }

    pub fn consumers(&self, registered: usize, creating: usize) -> Result<(), Refusal> {
        if registered >= self.consumers_of_a_stream {
            return Err(Refusal::limit(format!(
                "the quota of {} registered consumers of a stream is used up",
                self.consumers_of_a_stream
            )));
        }
        if creating >= self.consumers_creating {
            return Err(Refusal::later(format!(
                "{} consumers of the stream are CREATING, and AWS allows no more at once",
                self.consumers_creating
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_counts_move_between_half_and_double() {
        let limits = Limits::default();
        for (open, to, fits) in [
            (4, 8, true),
            (4, 9, false),
            (4, 2, true),
            (4, 1, false),
            (5, 3, true),
            (5, 2, false),
            (1, 1, true),
            (1, 0, false),
            (1, -3, false),
            (5_000, 10_000, true),
            (6_000, 10_001, false),
            (15_000, 9_000, true),
            (15_000, 12_000, false),
        ] {
            assert_eq!(limits.reshape(open, to).is_ok(), fits, "{open} to {to}");
        }
        assert_eq!(limits.reshape(4, 9).unwrap_err().code, "LimitExceededException");
    }

    #[test]
    fn calls_count_for_a_rolling_day() {
        let calls: Vec<i64> = (0..10).map(|i| 1000 + i).collect();
        let refused = per_day(&calls, 1009 + 60, 10, "UpdateShardCount").unwrap_err();
        assert_eq!((refused.class, refused.code), (Class::Refused, "LimitExceededException"));
        assert!(refused.message.contains("24 hours"));
        assert!(per_day(&calls, 1000 + DAY - 1, 10, "x").is_err());
        assert!(per_day(&calls, 1000 + DAY, 10, "x").is_ok());
    }

    #[test]
    fn retention_goes_one_way_per_operation() {
        let limits = Limits::default();
        for (verb, from, to, fits) in [
            ("IncreaseStreamRetentionPeriod", 24, 48, true),
            ("IncreaseStreamRetentionPeriod", 48, 24, false),
            ("DecreaseStreamRetentionPeriod", 48, 24, true),
            ("DecreaseStreamRetentionPeriod", 24, 48, false),
            ("IncreaseStreamRetentionPeriod", 24, 8760, true),
            ("IncreaseStreamRetentionPeriod", 24, 8761, false),
            ("DecreaseStreamRetentionPeriod", 24, 23, false),
        ] {
            assert_eq!(limits.retention(verb, from, to).is_ok(), fits, "{verb} {from} {to}");
        }
    }

    #[test]
    fn quotas_hold_at_their_edge() {
        let limits = Limits::default();
        assert!(limits.account_shards(19_990, 10).is_ok() && limits.account_shards(19_991, 10).is_err());
        assert!(limits.tag_count(50).is_ok() && limits.tag_count(51).is_err());
        assert!(limits.on_demand(49).is_ok() && limits.on_demand(50).is_err());
        assert!(limits.creating(4).is_ok());
        assert_eq!(limits.creating(5).unwrap_err().class, Class::Throttled);
        assert!(limits.consumers(19, 4).is_ok());
        assert_eq!(limits.consumers(20, 0).unwrap_err().class, Class::Refused);
        assert_eq!(limits.consumers(7, 5).unwrap_err().class, Class::Throttled);
    }
}
