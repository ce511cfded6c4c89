//! What a look for drift comes to, in one unit: differences. A step may put several right, and some have no step.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::Outcome;
use crate::control::DriftStatus;
use crate::model::Address;
use crate::plan::{Drift, DriftClass, Step};

/// Addresses of what is left that are told.
const TOLD: usize = 3;

/// Why a step is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A person has paused what it is about.
    Paused,
    /// Its switch is off.
    Off,
    /// Counts of shards are the other beat's; or what it needs is left.
    Other,
}

/// What became of an address. Of several steps the worst holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Left(Left),
    Failed,
}

/// Counts what was found by what became of it: each difference was put right, failed or is left. What could not be looked at is
/// counted by itself: it may differ or not. `taken`: the steps that were carried out, each with its outcome.
pub fn tally(found: &[Drift], taken: &[(&Step, &Outcome)], left: &[(&Address, Left)]) -> DriftStatus {
    let fates = fates(taken, left);
    let (unchecked, differs): (Vec<&Drift>, Vec<&Drift>) =
        found.iter().partition(|drift| drift.class == DriftClass::NotChecked);
    let mut status = DriftStatus { unchecked: unchecked.len(), ..DriftStatus::default() };
    let mut left_at = BTreeSet::new();
    let mut count = |address: &Address, fate: Fate| {
        status.found += 1;
        match fate {
            Fate::Done => status.done += 1,
            Fate::Failed => status.failed += 1,
            Fate::Left(why) => {
                status.left += 1;
                status.paused += usize::from(why == Left::Paused);
                status.off += usize::from(why == Left::Off);
                left_at.insert(address.clone());
            }
        }
    };
    for drift in &differs {
        // No step takes away what the spec does not mention.
        let has_step = drift.class != DriftClass::Undeclared;
        let fate = fates.get(&drift.address).copied().filter(|_| has_step);
        count(&drift.address, fate.unwrap_or(Fate::Left(Left::Other)));
    }
    let known: BTreeSet<&Address> = differs.iter().map(|drift| &drift.address).collect();
    // A step that no difference accounts for is one.
    fates.iter().filter(|(address, _)| !known.contains(*address)).for_each(|(address, fate)| count(address, *fate));
    status.left_resources = left_at.len();
    // In the order of the plan, in which streams come before their alarms; then what no step is about.
    let steps = left.iter().map(|(address, _)| *address).chain(taken.iter().map(|(step, _)| &step.address));
    let mut order: Vec<&Address> = Vec::new();
    for address in steps.chain(&left_at).filter(|address| left_at.contains(*address)) {
        if order.len() < TOLD && !order.contains(&address) {
            order.push(address);
        }
    }
    status.left_of = order.into_iter().map(Address::to_string).collect();
    status.trouble = failure(taken).or_else(|| unchecked.first().map(|drift| unread(drift)));
    status
}

fn fates<'a>(taken: &[(&'a Step, &Outcome)], left: &[(&'a Address, Left)]) -> BTreeMap<&'a Address, Fate> {
    let taken = taken.iter().map(|(step, outcome)| {
        let fate = match outcome {
            Outcome::Done => Fate::Done,
            Outcome::Failed(_) | Outcome::Lost(_) => Fate::Failed,
            Outcome::Skipped { .. } | Outcome::NotStarted => Fate::Left(Left::Other),
        };
        (&step.address, fate)
    });
    let left = left.iter().map(|(address, why)| (*address, Fate::Left(*why)));
    let mut fates: BTreeMap<&Address, Fate> = BTreeMap::new();
    for (address, fate) in taken.chain(left) {
        let worst = fates.entry(address).or_insert(fate);
        if *worst == Fate::Done || fate == Fate::Failed {
            *worst = fate;
        }
    }
    fates
}

fn failure(taken: &[(&Step, &Outcome)]) -> Option<String> {
    taken.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Failed(fault) | Outcome::Lost(fault) => Some(fault.to_string()),
        _ => None,
    })
}

/// Why something was not looked at. What could not be listed has no address.
fn unread(drift: &Drift) -> String {
    let why = drift.why.as_deref().unwrap_or("it could not be read");
    if drift.address.kind() == "listing" { why.to_owned() } else { format!("{}: {why}", drift.address) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Class, Fault};
    use crate::plan::Verb;

    fn address(name: &str) -> Address {
        Address::new("stream", name)
    }

    fn drift(name: &str, class: DriftClass) -> Drift {
        Drift { address: address(name), class, field: None, wanted: None, live: None, why: Some("denied".into()) }
    }

    fn step(name: &str) -> Step {
        let address = address(name);
        Step {
            id: 0,
            physical: address.name().into(),
            address,
            verb: Verb::Update,
            because: String::new(),
            changes: Vec::new(),
            calls: Vec::new(),
            after: Vec::new(),
            risks: Vec::new(),
            about_seconds: 0,
            outputs: BTreeMap::new(),
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_no_difference() {
        let found = [drift("late", DriftClass::NotChecked), drift("clicks", DriftClass::NotChecked)];
        let told = tally(&found, &[], &[]);
        assert_eq!((told.found, told.unchecked, told.left), (0, 2, 0));
        assert_eq!(told.trouble.as_deref(), Some("stream/late: denied"));
        assert_eq!(told.what(), "0 differences in what could be checked, 2 not checked");
    }

    #[test]
    fn differences_are_counted_and_not_steps() {
        let found = [
            drift("clicks", DriftClass::Declared),
            drift("clicks", DriftClass::Declared),
            drift("clicks", DriftClass::Undeclared),
            drift("late", DriftClass::Declared),
            drift("late", DriftClass::Declared),
            drift("old", DriftClass::Unexpected),
            drift("shut", DriftClass::Missing),
        ];
        let fault = Fault::new(Class::Refused, "making a stream", "LimitExceeded", "no");
        let (clicks, shut) = (step("clicks"), step("shut"));
        let taken = [(&clicks, &Outcome::Done), (&shut, &Outcome::Failed(fault))];
        let (late, old) = (address("late"), address("old"));
        let told = tally(&found, &taken, &[(&late, Left::Paused), (&old, Left::Off)]);
        assert_eq!((told.found, told.done, told.failed, told.left), (7, 2, 1, 4));
        assert_eq!((told.paused, told.off, told.left_resources), (2, 1, 3));
        assert_eq!(told.left_of, ["stream/late", "stream/old", "stream/clicks"], "as planned");
        assert!(told.trouble.is_some_and(|why| why.contains("making a stream")));
    }

    #[test]
    fn the_worst_of_the_steps_of_an_address_holds() {
        let found = [drift("clicks", DriftClass::Declared)];
        let halves = [step("clicks"), step("clicks")];
        let skipped = Outcome::Skipped { because_of: address("clicks") };
        let taken = [(&halves[0], &skipped), (&halves[1], &Outcome::Done)];
        assert_eq!(tally(&found, &taken, &[]).left, 1);
        let unexplained = tally(&[], &[(&halves[0], &Outcome::Done)], &[]);
        assert_eq!((unexplained.found, unexplained.done), (1, 1), "what is done is told");
    }
}
