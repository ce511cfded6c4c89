//! The slow beat: what differs from the spec, and what of it may be put right.

mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use self::tally::{Left, tally};
use crate::apply::{self, Limits, Stop};
use crate::cloud::{Cloud, Target};
use crate::control::{DriftStatus, hand};
use crate::kinds::{self, Pipeline, SCHEMAS, stream};
use crate::model::{Address, DAY, Graph, Inventory, Made, PAUSED, Prices, Scope};
use crate::plan::{self, Consent, Plan, Question, Step, Verb};

/// Real time for one look at a pipeline, so that it makes room for the next one.
const PATIENCE: Duration = Duration::from_secs(300);

/// Calls of a region and day from which on some may not have been read.
const MOST_CALLS: usize = 1000;

/// Streams whose tags are read at once.
const AT_ONCE: usize = 8;

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
    /// Looks at the pipeline and puts right what it may, but nothing of streams that a person has paused, and nothing at all where
    /// all are. `paused`: those that the other beat knows of, by their names in the spec.
    pub async fn beat(&self, stop: &Stop, paused: &BTreeSet<String>) -> DriftStatus {
        let graph = &kinds::wish(&self.spec, &self.scope).graph;
        let look = apply::look(&*self.cloud, graph, &self.scope, SCHEMAS, false);
        let Ok(inventory) = tokio::time::timeout(PATIENCE, look).await else {
            let why = format!("looking at the pipeline took more than {} s", PATIENCE.as_secs());
            // Nothing is known of any of it.
            let unchecked = graph.iter().filter(|desired| !desired.existing).count();
            return self.now(DriftStatus { trouble: Some(why), unchecked, ..DriftStatus::default() });
        };
        let consent = Consent::default();
        let (prices, made_by) = (&self.prices, env!("CARGO_PKG_VERSION"));
        let question = Question { graph, inventory: &inventory, schemas: SCHEMAS, prices, consent: &consent, made_by };
        let found = plan::drift(&question);
        let whole = plan::plan(&question);
        let mut held = Held::of(graph, &inventory, paused);
        let (mut part, mut left) = allowed(&whole, self.switches, &|address| held.has(graph, address));
        if !part.steps.is_empty() {
            // The listing that the tags come from may be minutes behind, and somebody may begin to work by hand now.
            held = Held::of(graph, &inventory, &self.asked(graph, held.streams).await);
            (part, left) = allowed(&whole, self.switches, &|address| held.has(graph, address));
        }
        let outcomes = apply::execute(&*self.cloud, &part, SCHEMAS, Limits::default(), stop, &|_| ()).await;
        let taken: Vec<_> = part.steps.iter().zip(&outcomes).collect();
        self.now(tally(&found, &taken, &left))
    }

    /// What was found, as of this pipeline and moment.
    fn now(&self, status: DriftStatus) -> DriftStatus {
        DriftStatus { pipeline: self.scope.pipeline.clone(), at: self.cloud.now(), ..status }
    }
}

impl Reconciler {
    /// The resizes of the last day, whoever made them; `None` where CloudTrail does not tell all of them, which leaves each change
    /// by others counted.
    pub async fn resizes(&self) -> Option<Vec<Made>> {
        let since = self.cloud.now() - DAY;
        let operations = BTreeSet::from(["UpdateShardCount"]);
        let made = tokio::time::timeout(PATIENCE, self.cloud.made(&operations, since)).await.ok()?;
        let made = made.map_err(|fault| tracing::debug!(%fault, "changes by others count as calls")).ok()?;
        (made.len() < MOST_CALLS).then_some(made)
    }

    /// The paused streams, and those besides whose own tags say so.
    async fn asked(&self, graph: &Graph, mut paused: BTreeSet<String>) -> BTreeSet<String> {
        let others = graph.of_kind(stream::SCHEMA.kind).filter(|desired| !desired.existing);
        let others = others.filter(|desired| !paused.contains(desired.address.name()));
        let asked = others.map(|desired| async move {
            let target = Target {
                address: desired.address.clone(),
                schema: desired.schema,
                scope: self.scope.clone(),
                physical: desired.physical.clone(),
                outputs: BTreeMap::new(),
                listed: None,
            };
            let tags = self.cloud.glance(&target, true).await.ok()?.tags?;
            let pause = tags.get(PAUSED).and_then(|text| hand::pause(text, self.cloud.now()));
            pause.map(|_| desired.address.name().to_owned())
        });
        let asked: Vec<Option<String>> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        paused.extend(asked.into_iter().flatten());
        paused
    }
}

/// What a person has paused of a pipeline.
struct Held {
    /// Streams, by their names in the spec.
    streams: BTreeSet<String>,
    /// There is no stream that is not paused: somebody works on the pipeline.
    whole: bool,
}

impl Held {
    fn of(graph: &Graph, inventory: &Inventory, known: &BTreeSet<String>) -> Self {
        let own = graph.of_kind(stream::SCHEMA.kind).filter(|desired| !desired.existing);
        let (mut streams, mut whole) = (known.clone(), true);
        for address in own.map(|desired| &desired.address) {
            let Some(live) = inventory.present(address) else { continue };
            let tag = live.tag(PAUSED).and_then(|text| hand::pause(text, inventory.taken_at));
            if tag.is_some() {
                streams.insert(address.name().to_owned());
            }
            whole &= streams.contains(address.name());
        }
        Self { whole: whole && !streams.is_empty(), streams }
    }

    /// Whether this is left alone: a paused stream, its alarms, consumers and policy, and theirs.
    fn has(&self, graph: &Graph, address: &Address) -> bool {
        const OF_STREAMS: [&str; 3] = ["alarm", "consumer", "stream-policy"];
        let is_of_one = OF_STREAMS.contains(&address.kind());
        if self.whole || !(is_of_one || address.kind() == stream::SCHEMA.kind) {
            return self.whole;
        }
        match graph.get(address).filter(|_| is_of_one) {
            Some(desired) => desired.parent.iter().chain(&desired.after).any(|of| self.has(graph, of)),
            // Of what has left the spec the name is known: that of its stream comes first.
            None => address.name().split('/').next().is_some_and(|name| self.streams.contains(name)),
        }
    }
}

/// The part of a plan that the switches allow, and what is left. A step goes only with all that it needs;
/// counts of shards are the other beat's, and what is paused is left.
fn allowed<'a>(
    whole: &'a Plan,
    switches: Switches,
    paused: &dyn Fn(&Address) -> bool,
) -> (Plan, Vec<(&'a Address, Left)>) {
    let mut left = Vec::new();
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
        let is_paused = paused(&step.address);
        if let (true, Some(after)) = (may && !resizes && !is_paused, after) {
            places.insert(step.id, steps.len());
            steps.push(Step { id: steps.len(), after, ..step.clone() });
            continue;
        }
        let why = match is_paused {
            true => Left::Paused,
            false if !may && !resizes => Left::Off,
            false => Left::Other,
        };
        left.push((&step.address, why));
    }
    (Plan { steps, ..whole.clone() }, left)
}
