use std::collections::{BTreeMap, BTreeSet};

use super::diff::{Question, ranks};
use super::{FieldChange, Step, Verb};
use crate::model::{Address, Attrs, Call, Desired, Effect, PARTS, Resource, Risk};

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

    /// What it makes, so that what AWS assigns is known only afterwards.
    pub fn made(&self) -> Option<&Address> {
        (!self.deletes && matches!(self.verb, Verb::Create | Verb::Replace)).then_some(&self.address)
    }

    /// What it deletes for good.
    pub fn removed(&self) -> Option<&Address> {
        (self.deletes && self.verb == Verb::Delete).then_some(&self.address)
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn deletes(&self) -> bool {
        self.deletes
    }

    /// Writes what its calls set over the attributes of the living resource.
    pub fn overlay(&self, attrs: &mut Attrs) {
        for call in &self.calls {
            attrs.extend(call.set.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }

    pub fn deleting(mut self) -> Self {
        self.deletes = true;
        self.needs.clear();
        self
    }
}

/// Puts the drafts in order and tells how long the longest chain takes, in seconds.
pub(super) fn order(question: &Question, drafts: Vec<Draft>) -> (Vec<Step>, u32) {
    let index = Index::new(question, &drafts);
    let after = drafts.iter().enumerate().map(|(at, draft)| index.before(at, draft)).collect();
    number(question, drafts, after)
}

/// Where the drafts are, so that each finds those before it without a look at all.
struct Index<'a> {
    ranks: Vec<usize>,
    /// Drafts that delete, and drafts that leave a resource in place, by address.
    deletes: BTreeMap<&'a Address, Vec<usize>>,
    leaves: BTreeMap<&'a Address, Vec<usize>>,
    /// Drafts that delete parts, by kind and the name in AWS of the whole.
    parts: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Drafts that delete, and updates, by the rank of their kind.
    deletes_of: BTreeMap<usize, Vec<usize>>,
    updates_of: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(question: &Question, drafts: &'a [Draft]) -> Self {
        let rank = ranks(question.schemas);
        let rank_of = |draft: &Draft| rank.get(draft.address.kind()).copied().unwrap_or(0);
        let mut index = Self {
            ranks: drafts.iter().map(rank_of).collect(),
            deletes: BTreeMap::new(),
            leaves: BTreeMap::new(),
            parts: BTreeMap::new(),
            deletes_of: BTreeMap::new(),
            updates_of: BTreeMap::new(),
        };
        for (at, draft) in drafts.iter().enumerate() {
            let rank = index.ranks[at];
            if draft.deletes {
                let whole = draft.physical.split('/').next().unwrap_or_default();
                index.deletes.entry(&draft.address).or_default().push(at);
                index.parts.entry((draft.address.kind(), whole)).or_default().push(at);
                index.deletes_of.entry(rank).or_default().push(at);
            } else {
                index.leaves.entry(&draft.address).or_default().push(at);
                if draft.verb == Verb::Update {
                    index.updates_of.entry(rank).or_default().push(at);
                }
            }
        }
        index
    }

    /// The drafts that must be done before this one.
    fn before(&self, at: usize, draft: &Draft) -> BTreeSet<usize> {
        if draft.deletes {
            return self.before_deletion(at, draft);
        }
        let made_again = self.deletes.get(&draft.address);
        let needed = draft.needs.iter().filter_map(|need| self.leaves.get(need));
        // The mark that says where parts are to be found leaves a resource after the parts themselves.
        let marked = if draft.verb == Verb::Update { draft.parts.as_slice() } else { &[] };
        let parts = marked.iter().filter_map(|kind| self.parts.get(&(kind.as_str(), draft.physical.as_str())));
        let all = made_again.into_iter().chain(needed).chain(parts);
        all.flatten().copied().filter(|before| *before != at).collect()
    }

    /// What is built on it goes first, and so does everything that may stop using it. Deletions of the next kind wait
    /// for those of the kinds after it in turn, so that each need not name them all.
    fn before_deletion(&self, at: usize, draft: &Draft) -> BTreeSet<usize> {
        let above = self.ranks[at] + 1..;
        let next = self.deletes_of.range(above.clone()).next().map(|(_, drafts)| drafts);
        let updates = self.updates_of.range(above).filter(|_| draft.verb == Verb::Delete).map(|(_, drafts)| drafts);
        next.into_iter().chain(updates).flatten().copied().collect()
    }
}

/// When creations of a kind can begin, of which AWS lets only so many go on at once.
struct Gate {
    free: Vec<u32>,
}

impl Gate {
    /// Answers when it begins; the first of the places is taken until it ends.
    fn enter(&mut self, ready: u32, seconds: u32) -> u32 {
        let Some(place) = self.free.iter_mut().min() else { return ready };
        let start = ready.max(*place);
        *place = start + seconds;
        start
    }
}

/// A sentence for each kind of which AWS lets fewer be created at once than the plan creates.
pub(super) fn rounds(question: &Question, steps: &[Step]) -> Vec<String> {
    let limited = question.schemas.iter().filter_map(|schema| {
        let most = schema.creating_limit?;
        let creates = |step: &&Step| step.calls.iter().any(|call| call.effect == Effect::Create);
        let count = steps.iter().filter(|step| step.address.kind() == schema.kind).filter(creates).count();
        (count > most).then(|| {
            let rounds = count.div_ceil(most);
            format!("AWS creates at most {most} {}s at once, so that {count} take {rounds} rounds.", schema.title)
        })
    });
    limited.collect()
}

/// Numbers the steps so that each stands after those it depends on; ties stand in the order of the drafts.
fn number(question: &Question, drafts: Vec<Draft>, after: Vec<BTreeSet<usize>>) -> (Vec<Step>, u32) {
    let limited = question.schemas.iter().filter_map(|schema| Some((schema.kind, schema.creating_limit?)));
    let mut gates: BTreeMap<&str, Gate> = limited.map(|(kind, most)| (kind, Gate { free: vec![0; most] })).collect();
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ends: Vec<u32> = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Vec<usize> = after.iter().map(BTreeSet::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); after.len()];
    for (at, before) in after.iter().enumerate() {
        before.iter().for_each(|before| followers[*before].push(at));
    }
    let mut waiting: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut ready: BTreeSet<usize> = (0..open.len()).filter(|at| open[*at] == 0).collect();
    while steps.len() < waiting.len() {
        // The rules above make no circle; if they ever did, the first one left would go next rather than none.
        let next = ready.pop_first().or_else(|| waiting.iter().position(Option::is_some)).unwrap_or_default();
        let Some(draft) = waiting[next].take() else { break };
        for follower in &followers[next] {
            open[*follower] -= 1;
            if open[*follower] == 0 && waiting[*follower].is_some() {
                ready.insert(*follower);
            }
        }
        let deps: Vec<usize> = after[next].iter().filter_map(|dep| place.get(dep).copied()).collect();
        let about: u32 = draft.calls.iter().map(|call| call.about.0).sum();
        let ready = deps.iter().map(|dep| ends[*dep]).max().unwrap_or(0);
        let creation = draft.calls.iter().find(|call| call.effect == Effect::Create);
        let start = match (creation, gates.get_mut(draft.address.kind())) {
            (Some(create), Some(gate)) => gate.enter(ready, create.about.0),
            _ => ready,
        };
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
