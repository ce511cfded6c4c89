//! The slow beat: what differs from the spec, and what of it may be put right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::apply::{self, Limits, Outcome, Stop};
use crate::cloud::Cloud;
use crate::control::DriftStatus;
use crate::kinds::{self, Pipeline, SCHEMAS, stream};
use crate::model::{Address, Graph, Prices, Scope};
use crate::plan::{self, Consent, Plan, Question, Step, Verb};

/// Real time for one look at a pipeline, so that it makes room for the next one.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the slow beat may do. All off: it only tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// Make what is missing.
    pub apply: bool,
    /// Delete what has left the spec and is to be deleted.
    pub prune: bool,
    /// Set back what somebody changed.
    pub heal: bool,
}

/// One pipeline as the slow beat sees it.
#[derive(Clone)]
pub struct Reconciler {
    pub cloud: Arc<dyn Cloud>,
    /// The graph follows from it at each beat: it is several times larger.
    pub spec: Pipeline,
    pub scope: Scope,
    pub prices: Prices,
    pub switches: Switches,
}

impl Reconciler {
    /// Looks at the pipeline and puts right what it may, but nothing of streams that a person has paused (their names in the spec).
    pub async fn beat(&self, stop: &Stop, paused: &BTreeSet<String>) -> DriftStatus {
        let graph = &kinds::wish(&self.spec, &self.scope).graph;
        let look = apply::look(&*self.cloud, graph, &self.scope, SCHEMAS, false);
        let Ok(inventory) = tokio::time::timeout(PATIENCE, look).await else {
            let why = format!("looking at the pipeline took more than {} s", PATIENCE.as_secs());
            let (pipeline, at) = (self.scope.pipeline.clone(), self.cloud.now());
            return DriftStatus { pipeline, at, trouble: Some(why), ..DriftStatus::default() };
        };
        let consent = Consent::default();
        let (prices, made_by) = (&self.prices, env!("CARGO_PKG_VERSION"));
        let question = Question { graph, inventory: &inventory, schemas: SCHEMAS, prices, consent: &consent, made_by };
        let found = plan::drift(&question).len();
        let whole = plan::plan(&question);
        let (part, left) = allowed(&whole, self.switches, &|address| is_paused(graph, address, paused));
        let outcomes = apply::execute(&*self.cloud, &part, SCHEMAS, Limits::default(), stop, &|_| ()).await;
        let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
        let failure = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Failed(fault) | Outcome::Lost(fault) => Some(fault.to_string()),
            _ => None,
        });
        DriftStatus {
            pipeline: self.scope.pipeline.clone(),
            at: self.cloud.now(),
            found,
            done: count(|outcome| *outcome == Outcome::Done),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Lost(_))),
            left,
            trouble: failure.or_else(|| inventory.blind.first().cloned()),
        }
    }
}

/// Whether this is a paused stream or a part of one.
fn is_paused(graph: &Graph, address: &Address, paused: &BTreeSet<String>) -> bool {
    let parent = graph.get(address).and_then(|desired| desired.parent.as_ref());
    std::iter::once(address)
        .chain(parent)
        .any(|address| address.kind() == stream::SCHEMA.kind && paused.contains(address.name()))
}

/// The part of a plan that the switches allow, and how many steps are left. A step goes only with all that it needs;
/// counts of shards are the other beat's, and what is paused is left.
fn allowed(whole: &Plan, switches: Switches, paused: &dyn Fn(&Address) -> bool) -> (Plan, usize) {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    for step in &whole.steps {
        let resizes = step.calls.iter().any(|call| call.verb() == "UpdateShardCount");
        let may = match step.verb {
            Verb::Create | Verb::Adopt | Verb::Replace => switches.apply,
            Verb::Update => switches.heal,
            Verb::Delete => switches.prune,
        };
        let after: Option<Vec<usize>> = step.after.iter().map(|id| places.get(id).copied()).collect();
        let may = may && !resizes && !paused(&step.address);
        if let (true, Some(after)) = (may, after) {
            places.insert(step.id, steps.len());
            steps.push(Step { id: steps.len(), after, ..step.clone() });
        }
    }
    let left = whole.steps.len() - steps.len();
    (Plan { steps, ..whole.clone() }, left)
}
