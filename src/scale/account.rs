//! What a decision can account for: the reason as a word that never changes, and the numbers it rests on.

use serde::{Deserialize, Serialize};

/// Why a decision is as it is. The words are stable: programs read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing else is wanted.
    #[default]
    InBand,
    Grow,
    Shrink,
    /// The count is brought back inside `min` and `max`, or `min` or `max` keeps it.
    Bounds,
    /// A schedule or a pin asks for more than the load does.
    Floor,
    /// The month's money pays for no more shards.
    Budget,
    /// The account may have no more open shards, those that live only during the reshard included.
    Quota,
    /// A reshard is running.
    Resharding,
    /// All calls of the last 24 hours are used.
    CallsUsed,
    /// The newest metrics are too old.
    StaleMetrics,
    /// A minute that matters has no metrics.
    IncompleteMetrics,
    /// Readers are too far behind, or fall behind.
    IteratorAge,
    /// An alarm rings.
    Alarm,
    /// Readers have not come to the new shards yet.
    Draining,
    /// Now is a time in which nothing may shrink.
    NoShrink,
    /// It resized again and again, or grew far beyond its load.
    Breaker,
    /// As many other streams as may are resharding.
    OtherStreams,
}

impl Reason {
    /// Its stable word.
    pub fn slug(self) -> &'static str {
        match self {
            Self::InBand => "in-band",
            Self::Grow => "grow",
            Self::Shrink => "shrink",
            Self::Bounds => "bounds",
            Self::Floor => "floor",
            Self::Budget => "budget",
            Self::Quota => "quota",
            Self::Resharding => "resharding",
            Self::CallsUsed => "calls-used",
            Self::StaleMetrics => "stale-metrics",
            Self::IncompleteMetrics => "incomplete-metrics",
            Self::IteratorAge => "iterator-age",
            Self::Alarm => "alarm",
            Self::Draining => "draining",
            Self::NoShrink => "no-shrink",
            Self::Breaker => "breaker",
            Self::OtherStreams => "other-streams",
        }
    }
}

/// What a policy knows that the metrics do not say; `None` where it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// Demand in shards: writes with what was rejected, or reads if they need more.
    pub demand: Option<f64>,
    /// The share of a shard that can be used before it rejects, 0 to 1.
    pub usable: Option<f64>,
    /// The load in shards that the clock foretells and the present one does not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coming: Option<f64>,
    /// The share of records, 0 to 1, that was rejected as before after the stream had grown: more shards do not help them.
    pub skewed: Option<f64>,
    /// Shares of the trust that want more, and fewer, shards; 0 to 1.
    pub more: Option<f64>,
    pub fewer: Option<f64>,
}

/// The numbers behind a decision. `None` is not known, which is not zero. Loads are in shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Numbers {
    pub shards: u32,
    /// What the policy wants, before all bounds.
    pub wanted: u32,
    /// The lowest and the highest count allowed now: bounds, schedules, pins and budget together.
    pub floor: u32,
    pub ceiling: u32,
    /// Calls left of those that AWS allows in 24 hours.
    pub calls_left: u32,
    /// The newest minute with metrics, since 1970.
    pub metrics_minute: Option<i64>,
    pub accepted: Option<f64>,
    pub rejected: Option<f64>,
    /// Shared consumers together, and the busiest fan-out consumer.
    pub reads_shared: Option<f64>,
    pub reads_fan_out: Option<f64>,
    /// Iterator age in minutes, and by how many minutes it grows in a minute: the maximum over consumers.
    pub age_minutes: Option<f64>,
    pub age_slope: Option<f64>,
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// What a person has to hear beside the decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// Its age grows by the clock and it reads next to nothing: no number of shards helps it.
    DeadConsumer { consumer: String, age_minutes: f64 },
    /// The load asks for more than the month's money pays for: the stream does not grow.
    BudgetBinds { wanted: u32, ceiling: u32 },
    /// The load needs the shards that are open, and the month's money does not pay for them: they stay.
    LoadOverBudget { shards: u32, ceiling: u32 },
    /// A schedule or pin asks for more than the month's money pays for; it wins.
    FloorOverBudget { floor: u32, ceiling: u32 },
    /// The account's shard quota allows only so many now.
    QuotaBinds { wanted: u32, room: u32 },
    /// One partition key asks for more than one shard gives: no number of shards helps it.
    HotKey { shard: String, load: f64 },
    /// What is rejected of these keys did not fall when the stream grew.
    HotKeys { share: f64 },
    /// One shard is full while the stream is not, and it cannot be split.
    HotShard { shard: String, load: f64, because: String },
    /// Somebody should look: the stream is no longer grown.
    BreakerOpen { because: String },
}

impl std::fmt::Display for Notice {
    /// The sentence, with the remedy.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DeadConsumer { consumer, age_minutes } => write!(
                out,
                "{consumer} reads next to nothing and is {age_minutes:.0} min behind: more shards do not help, restart it"
            ),
            Self::BudgetBinds { wanted, ceiling } => {
                write!(
                    out,
                    "{wanted} shards are wanted, what is left of the month's budget pays for {ceiling}: raise `budget` or accept throttling"
                )
            }
            Self::LoadOverBudget { shards, ceiling } => write!(
                out,
                "the load needs {shards} shards, what is left of the month's budget pays for {ceiling}: the month will cost more than `budget`"
            ),
            Self::FloorOverBudget { floor, ceiling } => write!(
                out,
                "a schedule or pin holds {floor} shards, what is left of the month's budget pays for {ceiling}: the month will cost more than `budget`"
            ),
            Self::QuotaBinds { wanted, room } => write!(
                out,
                "{wanted} shards are wanted, the account has room for {room} more during the change: ask AWS for a higher shard quota"
            ),
            Self::HotKey { shard, load } => write!(
                out,
                "one partition key fills {:.0} % of {shard}: more shards do not help, give it several partition keys (a suffix 0 to 9)",
                load * 100.0
            ),
            Self::HotKeys { share } => write!(
                out,
                "{:.0} % of the attempts to write are rejected as they were with fewer shards: a few partition keys take more than a shard gives, \
                 and no shard is bought for them; give such a key several (a suffix 0 to 9), and `shardMetrics` shows where it lies",
                (share * 100.0).max(1.0)
            ),
            Self::HotShard { shard, load, because } => {
                write!(out, "{shard} is {:.0} % full while the stream is not, and {because}", load * 100.0)
            }
            Self::BreakerOpen { because } => {
                write!(out, "{because}: it waits until somebody or a quiet hour resets it")
            }
        }
    }
}
