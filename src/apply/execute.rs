use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use super::again::look_again;
use super::step::Runner;
use super::{Event, Outcome, Stop};
use crate::cloud::{Class, Cloud, Fault, Outputs};
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
    let runner =
        Runner { cloud, scope: &plan.scope, schemas, limits, gates: &gates, stop, over: AtomicBool::new(false), tell };
    let known = Known::default();
    let mut queue = Queue::new(plan);
    let mut running = FuturesUnordered::new();
    loop {
        while !stop.is_asked() && !runner.is_over() && running.len() < limits.parallelism {
            let Some(id) = queue.ready.pop_first() else { break };
            running.push(run_one(&runner, &plan.steps[id], &known));
        }
        let Some((id, result)) = running.next().await else { break };
        let outcome = match result {
            // The run was stopped while it waited for its turn.
            None => Outcome::NotStarted,
            Some(Ok(outputs)) => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.entry(plan.steps[id].address.clone()).or_default().extend(outputs);
                Outcome::Done
            }
            Some(Err(fault)) => Outcome::Failed(fault),
        };
        queue.ended(id, outcome, tell);
    }
    let mut outcomes: Vec<Outcome> =
        queue.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::NotStarted)).collect();
    if !runner.is_over() {
        look_again(&runner, plan, &mut outcomes, &known).await;
    }
    outcomes
}

/// What AWS assigned to the resources of earlier steps.
pub(super) type Known = Mutex<BTreeMap<Address, Outputs>>;

/// Whose turn it is. Each step knows those that wait for it, so that a plan of thousands of steps is carried out in linear time.
struct Queue<'a> {
    plan: &'a Plan,
    outcomes: Vec<Option<Outcome>>,
    /// Steps that wait for this one.
    dependents: Vec<Vec<usize>>,
    /// How many others each step still waits for.
    waits: Vec<usize>,
    /// In the order of the plan.
    ready: BTreeSet<usize>,
}

impl<'a> Queue<'a> {
    fn new(plan: &'a Plan) -> Self {
        let count = plan.steps.len();
        let (mut dependents, mut waits) = (vec![Vec::new(); count], vec![0; count]);
        for step in &plan.steps {
            waits[step.id] = step.after.len();
            step.after.iter().for_each(|before| dependents[*before].push(step.id));
        }
        let ready = (0..count).filter(|id| waits[*id] == 0).collect();
        Self { plan, outcomes: vec![None; count], dependents, waits, ready }
    }

    /// Lets those go on that waited for a step that is done.
    fn ended(&mut self, id: usize, outcome: Outcome, tell: &(dyn Fn(Event) + Sync)) {
        match &outcome {
            Outcome::Done => {
                for next in &self.dependents[id] {
                    self.waits[*next] -= 1;
                    if self.waits[*next] == 0 {
                        self.ready.insert(*next);
                    }
                }
            }
            // What depends on it was not begun, as nothing was that does not.
            Outcome::Failed(fault) if fault.class == Class::Caller => {}
            Outcome::Failed(_) => self.skip_dependents(id, tell),
            Outcome::Lost(_) | Outcome::Skipped { .. } | Outcome::NotStarted => {}
        }
        self.outcomes[id] = Some(outcome);
    }

    /// What depends on a step that failed has no turn, nor has what depends on that.
    fn skip_dependents(&mut self, failed: usize, tell: &(dyn Fn(Event) + Sync)) {
        let because_of = self.plan.steps[failed].address.clone();
        let mut hopeless: BTreeSet<usize> = self.dependents[failed].iter().copied().collect();
        while let Some(next) = hopeless.pop_first() {
            if self.outcomes[next].is_some() {
                continue;
            }
            let step = &self.plan.steps[next];
            let because = format!("it needs {because_of}, which failed");
            tell(Event::Skipped { step: next, address: step.address.clone(), verb: step.verb, because });
            self.outcomes[next] = Some(Outcome::Skipped { because_of: because_of.clone() });
            hopeless.extend(&self.dependents[next]);
        }
    }
}

async fn run_one(runner: &Runner<'_>, step: &Step, known: &Known) -> (usize, Option<Result<Outputs, Fault>>) {
    let _turn = runner.turn(step).await;
    if runner.stop.is_asked() || runner.is_over() {
        return (step.id, None);
    }
    let began = runner.cloud.now();
    (runner.tell)(Event::Started { step: step.id, address: step.address.clone(), verb: step.verb });
    let result = runner.run(step, known).await;
    // It had no place among those that are created at once, and waits for none any more: it is left to the next run.
    if runner.stop.is_asked() && result.as_ref().is_err_and(Fault::is_full) {
        return (step.id, None);
    }
    if result.as_ref().is_err_and(|fault| fault.class == Class::Caller) {
        runner.over.store(true, Ordering::SeqCst);
    }
    let (step_id, address, verb) = (step.id, step.address.clone(), step.verb);
    (runner.tell)(match &result {
        Ok(_) => Event::Done { step: step_id, address, verb, seconds: runner.cloud.now() - began },
        Err(fault) => {
            Event::Failed { step: step_id, address, verb, error: fault.to_string(), help: fault.help.clone() }
        }
    });
    (step.id, Some(result))
}
