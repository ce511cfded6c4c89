//! What must not be forgotten, as records that are written one after the other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::report::Decision;
use crate::scale::{Resize, Sample};

/// Which stream a record is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    pub pipeline: String,
    /// The stream's name in the spec.
    pub stream: String,
}

impl std::fmt::Display for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&format!("{}/{}", self.pipeline, self.stream))
    }
}

/// One thing that happened to a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Record {
    /// A minute's metrics (minutes since 1970; loads in shards, age in minutes). Missing is not zero.
    Sample {
        minute: i64,
        #[serde(default, rename = "a", skip_serializing_if = "Option::is_none")]
        accepted: Option<f64>,
        #[serde(default, rename = "r", skip_serializing_if = "Option::is_none")]
        rejected: Option<f64>,
        #[serde(default, rename = "g", skip_serializing_if = "Option::is_none")]
        age: Option<f64>,
    },
    /// UpdateShardCount is about to be sent: from now on it counts, whatever comes of it. Minutes since 1970.
    Calling { called: i64, from: u32, to: u32 },
    /// SplitShard of one shard is about to be sent, or where `to` is lower MergeShards of it and its neighbour. It does not count among the calls of a day.
    Splitting {
        called: i64,
        from: u32,
        to: u32,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        shard: String,
        /// Splits in a row that led to it and parted nothing.
        #[serde(default, skip_serializing_if = "is_none")]
        unparted: u8,
    },
    /// AWS refused the call that was written down at that minute: it does not count.
    Refused { called: i64 },
    /// A call ended; the new count served from this minute on.
    Settled { called: i64, done: i64 },
    /// The call had no effect that anybody saw. It counts.
    Void { called: i64 },
    /// Somebody else changed the count; it counts like a call of ours. `undid`: against our last change.
    Foreign { minute: i64, from: u32, to: u32, undid: bool },
    /// A decision that differed from the one before.
    Decided { decision: Box<Decision> },
}

fn is_none(count: &u8) -> bool {
    *count == 0
}

/// A record and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Shared, since a tick's first reading is a dozen minutes of every stream.
    #[serde(flatten, with = "shared")]
    pub key: Arc<Key>,
    #[serde(flatten)]
    pub record: Record,
}

mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Key;

    pub fn serialize<S: Serializer>(key: &Arc<Key>, serializer: S) -> Result<S::Ok, S::Error> {
        key.as_ref().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Key>, D::Error> {
        Key::deserialize(deserializer).map(Arc::new)
    }
}

/// A count that somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    pub minute: i64,
    pub from: u32,
    pub to: u32,
    pub undid: bool,
}

/// All that is known of one stream from before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Oldest first, at most [`Memory::MINUTES`].
    pub samples: std::collections::BTreeMap<i64, Sample>,
    pub resizes: Vec<Resize>,
    pub foreign: Vec<Foreign>,
    pub decisions: std::collections::VecDeque<Decision>,
}

impl Memory {
    /// Minutes of samples that are kept: the policy learns from 14 days.
    pub const MINUTES: usize = 14 * 1440;
    /// Decisions that are kept for `history`.
    pub const DECISIONS: usize = 500;
    /// Resizes that are kept: three weeks of the daily ten.
    pub const RESIZES: usize = 210;

    /// Takes a record in.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Sample { minute, accepted, rejected, age } => {
                let sample = Sample { accepted: *accepted, rejected: *rejected, age: *age, ..Sample::default() };
                self.samples.insert(*minute, sample);
                while self.samples.len() > Self::MINUTES {
                    self.samples.pop_first();
                }
            }
            Record::Calling { called, from, to } => {
                self.resizes.push(Resize {
                    called: *called,
                    done: None,
                    from: *from,
                    to: *to,
                    split: false,
                    foreign: false,
                });
            }
            Record::Splitting { called, from, to, .. } => {
                self.resizes.push(Resize {
                    called: *called,
                    done: None,
                    from: *from,
                    to: *to,
                    split: true,
                    foreign: false,
                });
            }
            Record::Refused { called } => {
                let open = |resize: &Resize| resize.done.is_none() && resize.called == *called;
                if let Some(at) = self.resizes.iter().rposition(open) {
                    self.resizes.remove(at);
                }
            }
            Record::Settled { called, done } => {
                if let Some(resize) = self.pending(*called) {
                    resize.done = Some(*done);
                }
            }
            Record::Void { called } => {
                if let Some(resize) = self.pending(*called) {
                    (resize.done, resize.to) = (Some(resize.called), resize.from);
                }
            }
            Record::Foreign { minute, from, to, undid } => {
                let change = Foreign { minute: *minute, from: *from, to: *to, undid: *undid };
                // Written again, since the answer to the first time was lost.
                if self.foreign.last() == Some(&change) {
                    return;
                }
                let done = Some(*minute);
                self.resizes.push(Resize { called: *minute, done, from: *from, to: *to, split: false, foreign: true });
                self.foreign.push(change);
            }
            Record::Decided { decision } => self.decisions.push_back((**decision).clone()),
        }
        self.trim();
    }

    fn pending(&mut self, called: i64) -> Option<&mut Resize> {
        self.resizes.iter_mut().rev().find(|resize| resize.done.is_none() && resize.called == called)
    }

    fn trim(&mut self) {
        let spare = |length: usize, most: usize| length.saturating_sub(most);
        trim(&mut self.resizes);
        self.foreign.drain(..spare(self.foreign.len(), Self::RESIZES));
        self.decisions.drain(..spare(self.decisions.len(), Self::DECISIONS));
    }

    /// The records that make this memory again.
    pub fn records(&self) -> Vec<Record> {
        let sample = |(minute, sample): (&i64, &Sample)| {
            let Sample { accepted, rejected, age, .. } = *sample;
            Record::Sample { minute: *minute, accepted, rejected, age }
        };
        let mut records: Vec<Record> = self.samples.iter().map(sample).collect();
        let foreign = |resize: &Resize| {
            self.foreign
                .iter()
                .find(|change| (change.minute, change.from, change.to) == (resize.called, resize.from, resize.to))
        };
        for resize in &self.resizes {
            let Resize { called, done, from, to, split, .. } = *resize;
            if let Some(Foreign { minute, undid, .. }) = foreign(resize).copied() {
                records.push(Record::Foreign { minute, from, to, undid });
                continue;
            }
            records.push(match split {
                true => Record::Splitting { called, from, to, shard: String::new(), unparted: 0 },
                false => Record::Calling { called, from, to },
            });
            match done {
                Some(_) if from == to => records.push(Record::Void { called }),
                Some(done) => records.push(Record::Settled { called, done }),
                None => {}
            }
        }
        let decided = |decision: &Decision| Record::Decided { decision: Box::new(decision.clone()) };
        records.extend(self.decisions.iter().map(decided));
        records
    }
}

/// Leaves out the oldest. Splits have room of their own, so that they never push out a call that counts.
pub(super) fn trim(resizes: &mut Vec<Resize>) {
    for (split, most) in [(true, super::SPLITS_A_DAY), (false, Memory::RESIZES)] {
        let mut spare = resizes.iter().filter(|resize| resize.split == split).count().saturating_sub(most);
        resizes.retain(|resize| {
            let goes = spare > 0 && resize.split == split;
            spare -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_made_again_by_its_records() {
        let mut memory = Memory::default();
        for record in [
            Record::Sample { minute: 10, accepted: Some(1.5), rejected: None, age: Some(0.0) },
            Record::Calling { called: 11, from: 2, to: 4 },
            Record::Settled { called: 11, done: 13 },
            Record::Foreign { minute: 20, from: 4, to: 2, undid: true },
            Record::Calling { called: 21, from: 2, to: 4 },
            Record::Void { called: 21 },
            Record::Calling { called: 30, from: 2, to: 3 },
            Record::Refused { called: 30 },
            Record::Splitting { called: 32, from: 2, to: 3, shard: String::new(), unparted: 0 },
            Record::Settled { called: 32, done: 33 },
            Record::Calling { called: 34, from: 3, to: 6 },
        ] {
            memory.take(&record);
        }
        let resize =
            |called, done, from, to| Resize { called, done, from, to, split: called == 32, foreign: called == 20 };
        let expected = [
            resize(11, Some(13), 2, 4),
            resize(20, Some(20), 4, 2),
            resize(21, Some(21), 2, 2),
            resize(32, Some(33), 2, 3),
            resize(34, None, 3, 6),
        ];
        assert_eq!(memory.resizes, expected);
        let mut again = Memory::default();
        memory.records().iter().for_each(|record| again.take(record));
        assert_eq!(again, memory);
    }
}
