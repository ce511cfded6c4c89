use std::collections::BTreeMap;

/// The parallelization factors that AWS takes (Lambda, API reference of UpdateEventSourceMapping).
pub const PARALLELIZATION: std::ops::RangeInclusive<u32> = 1..=10;

/// What Lambda tells of the event source mapping by which a function reads a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    pub uuid: String,
    /// The ParallelizationFactor: batches of one shard that the function works on at once, 1 to 10.
    pub factor: u32,
    /// AWS's word: `Enabled`, `Updating`, `Disabled`, …
    pub state: String,
}

impl Mapping {
    /// Whether the function reads and no change is under way.
    pub fn is_enabled(&self) -> bool {
        self.state == "Enabled"
    }

    /// Whether AWS is changing it, which ends by itself.
    pub fn is_changing(&self) -> bool {
        matches!(self.state.as_str(), "Creating" | "Enabling" | "Updating")
    }
}

/// What a reading of Lambda functions' metric IteratorAge brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IteratorAges {
    /// By function, as it was asked for: minutes since 1970 with a datapoint, in order, and milliseconds. Who is not here was not read.
    pub found: BTreeMap<String, Vec<(i64, f64)>>,
    /// Why some were not, in sentences.
    pub troubles: Vec<String>,
}
