//! What the controller tells: one plain value for `status`, `explain`, the page and the metrics alike.

use serde::{Deserialize, Serialize};

use super::{Answer, Key};
use crate::scale::Notice;

/// The version of this form; it rises when a reader of the old form would be misled.
pub const FORMAT: u32 = 1;

/// The whole controller at one moment. All times are seconds since 1970, all loads are in shards: 1.0 fills one shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub format_version: u32,
    /// When this was true, by the cloud's clock.
    pub at: i64,
    /// The version of tidegate.
    pub version: String,
    /// Nothing is changed, only told.
    pub dry_run: bool,
    /// Seconds between two ticks.
    pub tick_seconds: u32,
    pub ticks: Ticks,
    pub streams: Vec<StreamStatus>,
    /// The newest drift reconciliation of each pipeline.
    pub drift: Vec<DriftStatus>,
    /// What failed for more than one stream in the newest tick, in sentences.
    pub troubles: Vec<String>,
    /// Specs of the run that could not be started, each with its reason; they are tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Why the specs that were read again cannot be used; it goes on with those read before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
    /// Who acts for a pipeline, where several replicas share a ledger; empty for a ledger of one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
}

/// One pipeline's lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub pipeline: String,
    /// The replica that acts; empty where none does.
    pub holder: String,
    /// It is this one.
    pub is_mine: bool,
}

/// How the loop is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks {
    /// Ticks since the start of the process.
    pub count: u64,
    /// When the newest one ended.
    pub last_at: Option<i64>,
    /// How long the newest one took, in milliseconds of real time.
    pub last_ms: u64,
    /// Calls of UpdateShardCount that AWS accepted and refused since the start.
    pub resizes: u64,
    pub refusals: u64,
    /// Resizes and splits that AWS did not answer since the start: the next looks tell what became of them.
    #[serde(default)]
    pub unanswered: u64,
    /// Calls of SplitShard that AWS accepted since the start.
    #[serde(default)]
    pub splits: u64,
    /// Calls of MergeShards that AWS accepted since the start.
    #[serde(default)]
    pub merges: u64,
    /// Calls of UpdateEventSourceMapping that Lambda accepted since the start.
    #[serde(default)]
    pub parallelized: u64,
    /// Calls of EnableEnhancedMonitoring and DisableEnhancedMonitoring that AWS accepted since the start.
    #[serde(default)]
    pub switches: u64,
    /// Looks and readings that failed since the start.
    pub failed_reads: u64,
    /// Seconds from the end of the newest minute of metrics that the newest resize was decided by to the answer to its call.
    #[serde(default)]
    pub latency_seconds: Option<i64>,
    /// Notifications that a recipient did not take since the start, and those that were not tried since too many waited.
    #[serde(default)]
    pub notifications_failed: u64,
    #[serde(default)]
    pub notifications_dropped: u64,
}

impl Ticks {
    /// Counts what AWS said to a call; `accepted`: the count of those of its kind that it took.
    pub fn took(&mut self, answer: Answer, accepted: impl FnOnce(&mut Self) -> &mut u64) {
        match answer {
            Answer::Accepted => *accepted(self) += 1,
            Answer::Refused => self.refusals += 1,
            Answer::Unknown => self.unanswered += 1,
            Answer::Unsent => {}
        }
    }
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamStatus {
    pub pipeline: String,
    /// Its name in the spec.
    pub stream: String,
    /// Its name in AWS.
    pub physical: String,
    pub account: String,
    pub region: String,
    pub min: u32,
    pub max: u32,
    /// Open shards at the newest look.
    pub shards: Option<u32>,
    /// What the policy wants inside the bounds, before AWS's step and the guard.
    pub desired: Option<u32>,
    /// AWS's word: ACTIVE, UPDATING.
    pub state: Option<String>,
    /// When the stream itself was last seen.
    pub seen_at: Option<i64>,
    /// The newest minute with metrics, as seconds since 1970.
    pub metrics_at: Option<i64>,
    /// Load of that minute, accepted and rejected: attempts, those that writers repeated included.
    pub demand: Option<f64>,
    /// What the policy takes for the demand behind the attempts.
    #[serde(default)]
    pub estimate: Option<f64>,
    /// Accepted load over open shards, 1.0 is full.
    pub utilisation: Option<f64>,
    /// Rejected records of that minute, as load.
    pub rejected: Option<f64>,
    /// Iterator age in seconds: the maximum over shards and consumers.
    pub age_seconds: Option<f64>,
    /// GetRecords calls that were refused in that minute.
    pub reads_refused: Option<f64>,
    pub calls_a_day: u32,
    pub calls_left: u32,
    /// When the oldest call of the rolling 24 hours stops to count, if any does.
    pub call_back_at: Option<i64>,
    pub pin: Option<Pin>,
    pub pause: Option<Pause>,
    /// Alarms of this stream in state ALARM.
    pub alarms: Vec<String>,
    /// Lambda functions whose parallelization factor the spec gives a range.
    #[serde(default)]
    pub functions: Vec<FunctionStatus>,
    /// The shard that is full while the stream is not, where its shards' own metrics are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hot: Option<Notice>,
    /// Whether its shards' own metrics are on, where the spec leaves that to `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<bool>,
    pub conditions: Vec<Condition>,
    /// The newest decision, holds included.
    pub last: Option<Decision>,
    /// The newest decisions that differed from those before, newest last.
    pub decisions: Vec<Decision>,
    pub series: Series,
}

/// A Lambda function that reads a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionStatus {
    /// As the spec names it.
    pub function: String,
    pub min: u32,
    pub max: u32,
    /// Its ParallelizationFactor at the newest look.
    pub factor: Option<u32>,
    /// AWS's word for its event source mapping: Enabled, Updating, Disabled.
    pub state: Option<String>,
    pub age_seconds: Option<f64>,
    /// What was decided last, as a stable slug and a sentence.
    pub reason: String,
    pub because: String,
    /// Why the newest look at its event source mapping failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The last 24 hours of a stream in steps; `None` is not known. All four lists have the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The first step, seconds since 1970.
    pub start: i64,
    pub step_seconds: u32,
    /// The highest demand of each step, in shards, as the policy estimates it; where it has not, what was accepted.
    pub demand: Vec<Option<f32>>,
    /// The fewest open shards of each step.
    pub capacity: Vec<Option<u32>>,
    /// The highest iterator age of each step, in seconds.
    pub age: Vec<Option<f32>>,
    /// The highest rejected load of each step, in shards.
    pub rejected: Vec<Option<f32>>,
}

/// What is so, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    pub status: Status,
    /// A stable slug: `stale-metrics`.
    pub reason: String,
    pub message: String,
    /// When the status last changed.
    pub since: i64,
}

/// In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionKind {
    /// The stream is ours, provisioned and has a range.
    Accepted,
    /// Stream and metrics are read and new enough.
    Observed,
    /// The stream has the wanted count.
    Synced,
    /// Nothing is rejected and readers keep up.
    Healthy,
    /// Somebody else keeps changing the count.
    Contended,
    /// The calls of the rolling 24 hours are used up, or the month's money does not pay for what is needed.
    BudgetExhausted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    True,
    False,
    Unknown,
}

/// What a decision does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Nothing is done.
    Hold,
    /// UpdateShardCount was sent, or would have been.
    Resize,
    /// SplitShard was sent, or would have been.
    Split,
    /// MergeShards was sent, or would have been.
    Merge,
    /// A resize has ended.
    Settled,
    /// Somebody else changed the count.
    Foreign,
    /// UpdateEventSourceMapping was sent, or would have been: `from` and `to` are parallelization factors.
    Parallelize,
    /// EnableEnhancedMonitoring was sent, or would have been: shards' own metrics are turned on.
    Watch,
    /// DisableEnhancedMonitoring was sent, or would have been.
    Unwatch,
}

impl Verb {
    /// Whether it is about single shards.
    pub fn is_single(self) -> bool {
        matches!(self, Self::Split | Self::Merge)
    }

    /// Whether it is about the metrics of single shards.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::Watch | Self::Unwatch)
    }
}

/// One decision with all that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at: i64,
    pub verb: Verb,
    /// A stable slug: `in-band`, `grow`, `shrink`, `budget`, `stale-metrics`, …
    pub reason: String,
    /// Open shards before, and after if it works.
    pub from: u32,
    pub to: u32,
    /// What was wanted before limits.
    pub desired: u32,
    /// One sentence with its numbers.
    pub because: String,
    /// What AWS said: `accepted`, `dry-run`, `refused: …`, `unanswered: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// `tick`, or the alarm that asked for a decision.
    pub woken_by: String,
    pub numbers: Numbers,
    /// The decision is about the parallelization factor of this Lambda function, and its counts are factors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Box<Lambda>>,
}

impl Decision {
    /// Whether it is about the stream's shards, and neither about a Lambda function nor about metrics.
    pub fn is_of_count(&self) -> bool {
        self.lambda.is_none() && !self.verb.is_switch()
    }
}

/// The figures behind a decision about a Lambda function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lambda {
    pub function: String,
    /// The range of the spec.
    pub min: u32,
    pub max: u32,
    /// Its iterator age in minutes, and by how many minutes that grows in a minute.
    pub age_minutes: Option<f64>,
    pub age_slope: Option<f64>,
    /// What is written to each open shard: 1.0 fills it.
    pub load: Option<f64>,
}

/// The figures behind a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The newest known minute, seconds since 1970.
    pub metrics_at: Option<i64>,
    /// Attempts: what was accepted and what was rejected, repeated writes included.
    pub demand: Option<f64>,
    /// What the policy takes for the demand behind them, which it decides by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    pub rejected: Option<f64>,
    pub age_seconds: Option<f64>,
    pub calls_left: u32,
}

/// A count that a person wants until a moment, kept as the tag `tidegate:pin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub shards: u32,
    pub until: i64,
    /// The load may have more: a floor in place of a count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

impl Pin {
    /// `16`, or `at least 16`.
    pub fn count(&self) -> String {
        let words = if self.at_least { AT_LEAST } else { "" };
        format!("{words}{}", self.shards)
    }
}

/// How a pin begins that is a floor.
pub const AT_LEAST: &str = "at least ";

/// A person wants nothing to be done, for ever or until a moment: the tag `tidegate:paused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub until: Option<i64>,
}

/// What the newest drift reconciliation of a pipeline found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftStatus {
    pub pipeline: String,
    pub at: i64,
    /// Differences found; each of them was put right, failed, or is left.
    pub found: usize,
    /// What could not be looked at: whether it differs is not known.
    #[serde(default)]
    pub unchecked: usize,
    /// Differences that were put right.
    pub done: usize,
    pub failed: usize,
    pub left: usize,
    /// Of those that are left, the ones that somebody's pause keeps, and the ones whose switch is off.
    #[serde(default)]
    pub paused: usize,
    #[serde(default)]
    pub off: usize,
    /// Resources that they are of.
    #[serde(default)]
    pub left_resources: usize,
    /// The first addresses of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_of: Vec<String>,
    /// Why something could not be done, or not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl DriftStatus {
    /// `2 differences`, `0 differences in what could be checked, 3 not checked`.
    pub fn what(&self) -> String {
        let found = format!("{} {}", self.found, if self.found == 1 { "difference" } else { "differences" });
        match self.unchecked {
            0 => found,
            unchecked => format!("{found} in what could be checked, {unchecked} not checked"),
        }
    }

    /// Whether it is worth a line after the one before: something was done or failed, or something else was found.
    pub fn is_news(&self, before: Option<&Self>) -> bool {
        let same = before.is_some_and(|before| Self { at: before.at, ..self.clone() } == *before);
        self.done + self.failed > 0 || !same
    }
}

impl StreamStatus {
    /// The stream that this is about.
    pub fn key(&self) -> Key {
        Key { pipeline: self.pipeline.clone(), stream: self.stream.clone() }
    }

    /// The condition of this kind.
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}
