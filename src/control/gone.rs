//! A stream that AWS does not know: somebody deleted it, or it was made a moment ago and is not known everywhere yet.

use super::decide::Hold;
use super::stream::Stream;
use super::{Record, Seen};

/// The reason once that is sure.
pub(super) const GONE: &str = "gone";
/// Looks in a row that find none after which that is sure: one may have met a place that has not heard of it yet.
const SURE: u32 = 2;
/// In place of AWS's word for its state.
const NONE: &str = "NOT_FOUND";
const WHY: &str = "AWS knows no such stream";
const ADVICE: &str = "`tidegate apply` makes it, or take it out of the spec";

impl Stream {
    /// Takes in that a look found none. Unlike silence that is an answer, so that no patience is due: the next tick looks again.
    pub(super) fn missing(&mut self, seen: &Seen, records: &mut Vec<Record>) -> Option<String> {
        let why = seen.glance.and_then(Result::err).filter(|_| seen.gone)?;
        self.missed = self.missed.saturating_add(1);
        (self.failures, self.look_after) = (0, i64::MIN);
        self.state = Some(NONE.into());
        if self.missed >= SURE {
            if let Some(at) = self.pending() {
                self.void(at, records);
            }
            // Whatever will have its name is another stream.
            (self.shards, self.ours, self.tags_at, self.listed) = (None, None, None, None);
            (self.pin, self.pause, self.on_demand) = (None, None, false);
        }
        Some(why.to_owned())
    }

    /// Why nothing can be done, where the newest answer was that there is no such stream.
    pub(super) fn absent(&self) -> Option<Hold> {
        match self.missed {
            0 => None,
            missed if missed < SURE => {
                Some(("unreadable", format!("{WHY}: if the next look finds none, it is gone, and {ADVICE}")))
            }
            _ => Some((GONE, format!("{WHY}, it is gone: {ADVICE}"))),
        }
    }
}
