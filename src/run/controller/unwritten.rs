//! What is not done because it could not be written down first.

use super::{Controller, OWED, Told, entries_of, is_owed, locked, tell_step};
use crate::control::{Decision, Entry};

impl Controller {
    /// The decisions become holds, so that each stream says itself what keeps it: `explain` is asked when the ledger is full, too.
    pub(super) fn hold_unwritten(&mut self, left: Vec<(usize, Decision)>, tell: &(dyn Fn(Told) + Sync)) {
        for (at, decision) in left {
            let now = self.clouds[self.watches[at].cloud].now();
            let (key, records) = {
                let mut fleet = locked(&self.fleet);
                let (stream, rules) = fleet.stream(at);
                // Where another replica has taken over, it decides.
                if !(self.ledger.fence(&stream.key.pipeline))() {
                    continue;
                }
                (stream.key.clone(), stream.unwritten(decision, &rules, now))
            };
            tell_step(&key, &records, tell);
            self.owe(&key.pipeline, entries_of(&key, records));
        }
    }

    /// Keeps what is to be written with the next entries, the newest of it.
    pub(super) fn owe(&mut self, pipeline: &str, entries: impl IntoIterator<Item = Entry>) {
        let mut entries = entries.into_iter().filter(|entry| is_owed(&entry.record)).peekable();
        if entries.peek().is_some() {
            let owed = self.owed.entry(pipeline.to_owned()).or_default();
            owed.extend(entries);
            owed.drain(..owed.len().saturating_sub(OWED));
        }
    }
}
