//! What a decision about a parallelization factor can account for.

/// Why a factor is as it is. The words are stable: programs read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// The function keeps up, and nothing says that a lower factor would do.
    #[default]
    KeepsUp,
    /// It is late, or will be.
    Raise,
    /// One step back after an hour without lag.
    Lower,
    /// The factor is brought back inside the range.
    Bounds,
    /// It is late at the highest factor of the range: now shards may help.
    AtMax,
    /// The effect of the last change is not seen yet.
    Settling,
    /// It is late and its backlog gets shorter fast enough.
    Draining,
    /// The shards themselves refuse reads: a higher factor reads no more of them.
    ReadLimit,
    /// It reads next to nothing: no factor helps it.
    DeadConsumer,
    /// The stream's shards are changing.
    Resharding,
    /// How late it is is not known.
    IncompleteMetrics,
}

impl Reason {
    /// Its stable word.
    pub fn slug(self) -> &'static str {
        match self {
            Self::KeepsUp => "keeps-up",
            Self::Raise => "raise",
            Self::Lower => "lower",
            Self::Bounds => "bounds",
            Self::AtMax => "at-max",
            Self::Settling => "settling",
            Self::Draining => "draining",
            Self::ReadLimit => "read-limit",
            Self::DeadConsumer => "dead-consumer",
            Self::Resharding => "resharding",
            Self::IncompleteMetrics => "incomplete-metrics",
        }
    }
}

/// The numbers behind it. `None` is not known, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Numbers {
    pub min: u32,
    pub max: u32,
    /// Iterator age in minutes, and by how many minutes it grows in a minute.
    pub age_minutes: Option<f64>,
    pub age_slope: Option<f64>,
    /// What is written to each shard, in shards.
    pub load: Option<f64>,
}

/// The wanted factor, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuning {
    /// The present one is to hold.
    pub factor: u32,
    pub because: String,
    pub reason: Reason,
    pub numbers: Numbers,
    /// The function is late and a higher factor is still to be tried: until then no shard is bought for its lag.
    pub spares_shards: bool,
}
