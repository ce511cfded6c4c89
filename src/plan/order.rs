use std::collections::{BTreeMap, BTreeSet};

use super::diff::{Question, ranks};
use super::{FieldChange, Step, Verb};
use crate::model::{Address, Call, Desired, PARTS, Resource, Risk};

/// A step before it has its place.
pub(super) struct Draft {
    address: Address,
    physical: String,
    verb: Verb,
    because: String,
    changes: Vec<FieldChange>,
    calls: Vec<Call>,
    risks: Vec<Risk>,
    outputs: BTreeMap<String, String>,
    needs: BTreeSet<Address>,
    deletes: bool,
    /// Kinds of parts that the living resource is marked to have.
    parts: Vec<String>,
}

impl Draft {
    pub fn new(desired: &Desired, verb: Verb, because: &str, changes: Vec<FieldChange>, calls: Vec<Call>) -> Self {
        Self {
            address: desired.address.clone(),
            physical: desired.physical.clone(),
            verb,
            because: because.into(),
            changes,
            calls,
            risks: Vec::new(),
            outputs: BTreeMap::new(),
            needs: desired.needs(),
            deletes: false,
            parts: Vec::new(),
        }
    }

    pub fn removing(address: &Address, live: &Resource, because: &str, calls: Vec<Call>) -> Self {
        Self {
            address: address.clone(),
            physical: live.physical.clone(),
            verb: super::prune::VERB,
            because: because.into(),
            changes: Vec::new(),
            calls,
            risks: Vec::new(),
            outputs: live.outputs.clone(),
            needs: BTreeSet::new(),
            deletes: true,
            parts: Vec::new(),
        }
    }

    pub fn risks(mut self, risks: Vec<Risk>) -> Self {
        self.risks = risks;
        self
    }

    /// The step changes this living resource.
    pub fn of(mut self, live: &Resource) -> Self {
        self.outputs = live.outputs.clone();
        self.parts = live.tag(PARTS).unwrap_or_default().split(' ').map(str::to_owned).collect();
        self
    }

    /// What it deletes, by address and by name in AWS.
    pub fn deleted(&self) -> Option<(&Address, &str)> {
        self.deletes.then_some((&self.address, &self.physical))
    }

    /// It makes this resource, so that what AWS assigns is known only afterwards.
    pub fn makes(&self, address: &Address) -> bool {
        !self.deletes && self.address == *address && matches!(self.verb, Verb::Create | Verb::Replace)
    }

    pub fn deleting(mut self) -> Self {
        self.deletes = true;
        self.needs.clear();
        self
    }
}

/// Puts the drafts in order and tells how long the longest chain takes, in seconds.
pub(super) fn order(question: &Question, drafts: Vec<Draft>) -> (Vec<Step>, u32) {
    let rank = ranks(question.schemas);
    let rank_of = |draft: &Draft| rank.get(draft.address.kind()).copied().unwrap_or(0);
    let mut after: Vec<BTreeSet<usize>> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        let before = drafts.iter().enumerate().filter(|(other_at, other)| {
            if *other_at == at {
                false
            } else if draft.deletes {
                // What is built on it goes first, and so does everything that may stop using it.
                rank_of(other) > rank_of(draft)
                    && (other.deletes || (draft.verb == Verb::Delete && other.verb == Verb::Update))
            } else if other.address == draft.address {
                other.deletes
            } else {
                (!other.deletes && draft.needs.contains(&other.address)) || is_part(draft, other)
            }
        });
        after.push(before.map(|(at, _)| at).collect());
    }
    number(drafts, after)
}

/// The mark that says where parts are to be found leaves a resource after the parts themselves.
fn is_part(whole: &Draft, part: &Draft) -> bool {
    part.deletes
        && whole.verb == Verb::Update
        && whole.parts.iter().any(|kind| kind == part.address.kind())
        && part.physical.split('/').next() == Some(whole.physical.as_str())
}

/// Numbers the steps so that each stands after those it depends on; ties stand in the order of the drafts.
fn number(drafts: Vec<Draft>, after: Vec<BTreeSet<usize>>) -> (Vec<Step>, u32) {
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ends: Vec<u32> = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut waiting: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    while steps.len() < waiting.len() {
        let ready = (0..waiting.len())
            .find(|at| waiting[*at].is_some() && after[*at].iter().all(|dep| place.contains_key(dep)));
        // The rules above make no circle; if they ever did, the first one left would go next rather than none.
        let next = ready.or_else(|| waiting.iter().position(Option::is_some)).unwrap_or_default();
        let Some(draft) = waiting[next].take() else { break };
        let deps: Vec<usize> = after[next].iter().filter_map(|dep| place.get(dep).copied()).collect();
        let about: u32 = draft.calls.iter().map(|call| call.about.0).sum();
        let start = deps.iter().map(|dep| ends[*dep]).max().unwrap_or(0);
        place.insert(next, steps.len());
        ends.push(start + about);
        steps.push(Step {
            id: steps.len(),
            address: draft.address,
            physical: draft.physical,
            verb: draft.verb,
            because: draft.because,
            changes: draft.changes,
            calls: draft.calls,
            after: deps,
            risks: draft.risks,
            about_seconds: about,
            outputs: draft.outputs,
        });
    }
    (steps, ends.into_iter().max().unwrap_or(0))
}
