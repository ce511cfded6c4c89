use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use super::step::Runner;
use super::{Event, Outcome, Stop};
use crate::cloud::{Cloud, Fault, Outputs};
use crate::model::{Address, Schema};
use crate::plan::{Plan, Step};

/// Bounds of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps at once.
    pub parallelism: usize,
    /// The longest wait for one resource to settle, in seconds.
    pub settle_seconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        // Ten at once is what users of Terraform know; a reshard of a large stream can take an hour.
        Self { parallelism: 10, settle_seconds: 7200 }
    }
}

/// Carries out a plan, as parallel as its order allows. Every step ends in an outcome, in the order of the plan.
/// A step that fails skips only what depends on it.
pub async fn execute(
    cloud: &dyn Cloud,
    plan: &Plan,
    schemas: &[&'static Schema],
    limits: Limits,
    stop: &Stop,
    tell: &(dyn Fn(Event) + Sync),
) -> Vec<Outcome> {
    let gates: BTreeMap<&str, Semaphore> =
        schemas.iter().filter_map(|schema| Some((schema.kind, Semaphore::new(schema.creating_limit?)))).collect();
    let runner = Runner { cloud, scope: &plan.scope, schemas, limits, gates: &gates, stop, tell };
    let mut outcomes: Vec<Option<Outcome>> = vec![None; plan.steps.len()];
    let mut known: BTreeMap<Address, Outputs> = BTreeMap::new();
    let mut started: BTreeSet<usize> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        skip_hopeless(plan, &mut outcomes, tell);
        if !stop.is_asked() {
            let room = limits.parallelism.saturating_sub(running.len());
            for step in ready(plan, &outcomes, &started).into_iter().take(room) {
                started.insert(step.id);
                running.push(run_one(&runner, step, known.clone()));
            }
        }
        let Some((id, result)) = running.next().await else { break };
        outcomes[id] = Some(match result {
            // It was stopped while it waited for its turn.
            None => Outcome::NotStarted,
            Some(Ok(outputs)) => {
                known.entry(plan.steps[id].address.clone()).or_default().extend(outputs);
                Outcome::Done
            }
            Some(Err(fault)) => Outcome::Failed(fault),
        });
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::NotStarted)).collect()
}

async fn run_one(
    runner: &Runner<'_>,
    step: &Step,
    known: BTreeMap<Address, Outputs>,
) -> (usize, Option<Result<Outputs, Fault>>) {
    let _turn = runner.turn(step).await;
    if runner.stop.is_asked() {
        return (step.id, None);
    }
    let began = runner.cloud.now();
    (runner.tell)(Event::Started { step: step.id, address: step.address.clone(), verb: step.verb });
    let result = runner.run(step, &known).await;
    let (step_id, address, verb) = (step.id, step.address.clone(), step.verb);
    (runner.tell)(match &result {
        Ok(_) => Event::Done { step: step_id, address, verb, seconds: runner.cloud.now() - began },
        Err(fault) => {
            Event::Failed { step: step_id, address, verb, error: fault.to_string(), help: fault.help.clone() }
        }
    });
    (step.id, Some(result))
}

/// Steps whose turn it is, in the order of the plan.
fn ready<'a>(plan: &'a Plan, outcomes: &[Option<Outcome>], started: &BTreeSet<usize>) -> Vec<&'a Step> {
    let done = |id: &usize| outcomes[*id] == Some(Outcome::Done);
    let turn = |step: &&Step| !started.contains(&step.id) && outcomes[step.id].is_none() && step.after.iter().all(done);
    plan.steps.iter().filter(turn).collect()
}

/// What depends on a step that did not end well has no turn. Steps stand after those they depend on, so one pass does.
fn skip_hopeless(plan: &Plan, outcomes: &mut [Option<Outcome>], tell: &(dyn Fn(Event) + Sync)) {
    for step in &plan.steps {
        if outcomes[step.id].is_some() {
            continue;
        }
        let bad =
            step.after.iter().find(|id| matches!(outcomes[**id], Some(Outcome::Failed(_) | Outcome::Skipped { .. })));
        if let Some(id) = bad {
            let because_of = match &outcomes[*id] {
                Some(Outcome::Skipped { because_of }) => because_of.clone(),
                _ => plan.steps[*id].address.clone(),
            };
            let because = format!("it needs {because_of}, which failed");
            tell(Event::Skipped { step: step.id, address: step.address.clone(), verb: step.verb, because });
            outcomes[step.id] = Some(Outcome::Skipped { because_of });
        }
    }
}
