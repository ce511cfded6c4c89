use std::collections::{BTreeMap, BTreeSet};

use super::diff::Question;
use super::order::Draft;
use super::{Autoscaled, Held, Reason};
use crate::model::{Address, Need};

/// The answer so far, with the indexes that keep a plan of thousands of streams linear.
#[derive(Default)]
pub(super) struct Sheet {
    drafts: Vec<Draft>,
    held: Vec<Held>,
    autoscaled: Vec<Autoscaled>,
    /// What the drafts create or replace.
    made: BTreeSet<Address>,
    /// Why an address is held; one can be held for several fields.
    reasons: BTreeMap<Address, Vec<Reason>>,
    /// What the drafts take of the account's quotas.
    planned: BTreeMap<&'static str, u64>,
}

impl Sheet {
    pub fn push(&mut self, draft: Draft) {
        self.made.extend(draft.made().cloned());
        self.drafts.push(draft);
    }

    pub fn hold(&mut self, held: Held) {
        self.reasons.entry(held.address.clone()).or_default().push(held.reason);
        self.held.push(held);
    }

    pub fn note(&mut self, autoscaled: Autoscaled) {
        self.autoscaled.push(autoscaled);
    }

    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// What AWS assigns to it is known only afterwards.
    pub fn makes(&self, address: &Address) -> bool {
        self.made.contains(address)
    }

    pub fn holds(&self, address: &Address) -> bool {
        self.reasons.contains_key(address)
    }

    /// Whether what needs this address has to wait for it. What is there and only cannot be changed today serves.
    pub fn blocks(&self, question: &Question, need: &Address) -> bool {
        let serves = |reason: &Reason| *reason == Reason::Quota && question.inventory.present(need).is_some();
        let blocks = |reason: &Reason| *reason != Reason::Retained && !serves(reason);
        self.reasons.get(need).is_some_and(|reasons| reasons.iter().any(blocks))
    }

    /// Gives up the deletions of these.
    pub fn keep(&mut self, addresses: &BTreeSet<Address>) {
        self.drafts.retain(|draft| !draft.removed().is_some_and(|address| addresses.contains(address)));
    }

    /// Books what a change takes of the account's quotas; if there is no room, the reason, and nothing is booked.
    /// What deletions of the same plan give back does not count: they come later, and AWS counts late.
    pub fn book(&mut self, question: &Question, needs: &[Need]) -> Result<(), String> {
        let planned = |need: &Need| self.planned.get(need.quota).copied().unwrap_or(0);
        if let Some(why) = needs.iter().find_map(|need| need.excess(&question.inventory.quotas, planned(need))) {
            return Err(why);
        }
        for need in needs {
            *self.planned.entry(need.quota).or_default() += need.units;
        }
        Ok(())
    }

    pub fn finish(self) -> (Vec<Draft>, Vec<Held>, Vec<Autoscaled>) {
        (self.drafts, self.held, self.autoscaled)
    }
}
