use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::execute::Known;
use super::expect::{self, Expected};
use super::look::observe;
use super::step::{FIRST_LOOK, LONGEST_LOOK, Runner, VISIBLE_SECONDS, creates};
use super::{Event, Outcome};
use crate::cloud::{Claim, Class, Fault, Tags, Target};
use crate::model::{Address, Attrs, Effect, Observed, Ref, Value};
use crate::plan::{Plan, Step};

/// From so many on it pays to list the tags of all: AWS tells those of a single stream five times a second.
const MANY: usize = 10;

/// What a run has made of one resource.
struct Made {
    /// It was not there before.
    is_new: bool,
    /// The step that changed it last.
    step: usize,
    target: Target,
    expected: Vec<Expected>,
}

/// Looks once more at all that was made and changed, when all is done. Between a step's look and its call another run may have set the same: of
/// two runs the one that looks last sees what came of both, so that none ends well with a spec that is not there.
pub(super) async fn look_again(runner: &Runner<'_>, plan: &Plan, outcomes: &mut [Outcome], known: &Known) {
    let mut open = made(runner, plan, outcomes, known);
    if open.len() >= MANY {
        look_at_listed(runner, &mut open).await;
    }
    // Reads of AWS follow its writes within seconds.
    let until = runner.cloud.now() + VISIBLE_SECONDS;
    let mut wait = FIRST_LOOK;
    let mut lost: Vec<(usize, Fault)> = Vec::new();
    while !open.is_empty() {
        let targets = open.values().map(|made| made.target.clone()).collect();
        let seen = observe(runner.cloud, targets).await;
        open.retain(|address, _| seen.contains_key(address));
        let faults: BTreeMap<Address, Fault> =
            seen.iter().filter_map(|(address, seen)| Some((address.clone(), differs(&open[address], seen)?))).collect();
        open.retain(|address, _| faults.contains_key(address));
        if runner.cloud.now() >= until {
            lost = faults.into_iter().filter_map(|(address, fault)| Some((open.get(&address)?.step, fault))).collect();
            break;
        }
        if !open.is_empty() {
            runner.cloud.pause(wait).await;
            wait = (wait * 2).min(LONGEST_LOOK);
        }
    }
    lost.sort_by_key(|(step, _)| *step);
    for (id, fault) in lost {
        let Step { address, verb, .. } = &plan.steps[id];
        let (error, help) = (fault.to_string(), fault.help.clone());
        (runner.tell)(Event::Lost { step: id, address: address.clone(), verb: *verb, error, help });
        outcomes[id] = Outcome::Lost(fault);
    }
}

/// Looks at those whose tags a listing may tell, and keeps what then differs or was not listed, to be looked at with its own tags. Without
/// a listing all is kept.
async fn look_at_listed(runner: &Runner<'_>, open: &mut BTreeMap<Address, Made>) {
    let Ok(mut listed) = runner.cloud.listed(runner.scope).await else { return };
    let target = |made: &Made| {
        let claim = Claim { address: made.target.address.tagged(), physical: made.target.physical.clone() };
        let tags = listed.remove(&claim).filter(|tags| made.believes(tags))?;
        Some(Target { listed: Some(tags), ..made.target.clone() })
    };
    let targets = open.values().filter_map(target).collect();
    let seen = observe(runner.cloud, targets).await;
    open.retain(|address, made| seen.get(address).is_none_or(|seen| differs(made, seen).is_some()));
}

impl Made {
    /// Whether listed tags, which may be minutes old, settle what became of its own. Where no step changed them they decide nothing. On what is
    /// new nobody's tags were before these: who has put others there since has seen these and planned from them. What was there before may
    /// have got another run's since they were listed, planned from the same as this run's.
    fn believes(&self, listed: &Tags) -> bool {
        let Some(tags) = self.expected.iter().find(|expected| expected.name() == "tags") else { return true };
        let live = Value::map(listed.iter().map(|(key, value)| (key.clone(), value.clone())));
        self.is_new && tags.lost(&Attrs::from([("tags".to_owned(), live)])).is_none()
    }
}

/// What the steps that are done have made of each resource. What a later step tried in vain is known by its own words.
fn made(runner: &Runner<'_>, plan: &Plan, outcomes: &[Outcome], known: &Known) -> BTreeMap<Address, Made> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let find = |reference: &Ref| known.get(&reference.address)?.get(&reference.output).cloned();
    let replaced: BTreeSet<Address> =
        plan.steps.iter().filter(|step| deletes(step)).map(|step| step.address.tagged()).collect();
    let mut made: BTreeMap<Address, Made> = BTreeMap::new();
    for (step, outcome) in plan.steps.iter().zip(outcomes) {
        let schema = runner.schemas.iter().copied().find(|schema| schema.kind == step.address.kind());
        let deletes = deletes(step);
        let (Outcome::Done, Some(schema), false) = (outcome, schema, deletes) else {
            if matches!(outcome, Outcome::Done | Outcome::Failed(_)) {
                made.remove(&step.address);
            }
            continue;
        };
        let mut target = runner.target(step, schema);
        target.outputs.extend(known.get(&step.address).cloned().unwrap_or_default());
        let expected = expect::of(step, schema, &find);
        let is_new = creates(step) && !replaced.contains(&step.address.tagged());
        let first = || Made { is_new, step: step.id, target, expected: Vec::new() };
        let all = made.entry(step.address.clone()).or_insert_with(first);
        all.step = step.id;
        all.expected.retain(|earlier| expected.iter().all(|later| later.name() != earlier.name()));
        all.expected.extend(expected);
    }
    made
}

fn deletes(step: &Step) -> bool {
    step.calls.iter().any(|call| call.effect == Effect::Delete)
}

/// What is not as this run left it.
fn differs(made: &Made, seen: &Observed) -> Option<Fault> {
    match seen {
        Observed::Present(live) => {
            let other = made.expected.iter().find_map(|expected| expected.lost(&live.attrs))?;
            Some(expect::fault(&made.target, &other))
        }
        Observed::Absent => Some(expect::fault(&made.target, "deleted it")),
        Observed::Unreadable(why) => {
            let doing = format!("looking at {} again", made.target.address);
            let what = format!("it could not be seen whether it is as it was set: {why}");
            Some(Fault::new(Class::Unreachable, doing, "NotSeen", what).help("run the same command again"))
        }
    }
}
