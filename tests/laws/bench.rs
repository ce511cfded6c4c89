//! One pipeline in one local cloud, looked at and changed as the program does it, with trouble on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate::apply::{self, Limits, Outcome, Stop};
use tidegate::cloud::{Class, Cloud, Fault, Target};
use tidegate::kinds::{self, Pipeline, SCHEMAS};
use tidegate::local::{Hook, Local, Moment, Options};
use tidegate::model::{Address, Graph, Inventory, LEDGER, Observed, PIPELINE, Resource, Scope, Value};
use tidegate::plan::{self, Consent, Plan, Question};

/// 2026-11-24T00:00:00Z
const NOW: i64 = 1_795_478_400;

/// Two pipelines of every kind; the second changes something of each in place.
pub const EVERY_KIND: &str = include_str!("every_kind.yaml");
pub const EVERY_KIND_CHANGED: &str = include_str!("every_kind_changed.yaml");

/// What is wanted, as the program derives it from a text.
pub fn graph(text: &str) -> Graph {
    let spec: Pipeline = serde_yaml::from_str(text).expect("the text is a pipeline");
    let wishes = kinds::wish(&spec, &scope(spec.pipeline.as_str()));
    assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
    wishes.graph
}

pub fn scope(pipeline: &str) -> Scope {
    Scope { pipeline: pipeline.into(), ..Options { region: "eu-west-1".into(), ..Options::default() }.scope() }
}

/// A local cloud in a file, which other processes may open as well.
pub fn open(file: &Path) -> Local {
    let options = Options { region: "eu-west-1".into(), ..Options::default() };
    Local::open(file, SCHEMAS, options, NOW).expect("a local cloud")
}

/// The plan of the pipeline `everything` on a cloud.
pub async fn plan(cloud: &Local, graph: &Graph) -> Plan {
    let inventory = apply::look(cloud, graph, &scope("everything"), SCHEMAS, false).await;
    plan_of(graph, &inventory, &Consent::default())
}

/// When a run is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The process dies before a call is sent.
    Before,
    /// The process dies after the call took effect, before the answer came.
    After,
    /// The answer of one call is lost, and the process goes on.
    Answer,
}

/// Where trouble is made. Mutating calls are numbered from 1, in the order in which they are sent.
#[derive(Default)]
pub struct Trouble {
    sent: AtomicUsize,
    at: AtomicUsize,
    /// 1 before, 2 after, 3 answer.
    cut: AtomicUsize,
    dead: AtomicUsize,
}

impl Trouble {
    fn hook(self: &Arc<Self>) -> Hook {
        let trouble = Arc::clone(self);
        Arc::new(move |_: &Target, call, moment| {
            let lost = |what: &str| Some(Fault::new(Class::Unreachable, call.operation.clone(), "Cut", what));
            if trouble.dead.load(Ordering::SeqCst) > 0 {
                return lost("the process is dead");
            }
            let number = match moment {
                Moment::Before => trouble.sent.fetch_add(1, Ordering::SeqCst) + 1,
                Moment::After => trouble.sent.load(Ordering::SeqCst),
            };
            if number != trouble.at.load(Ordering::SeqCst) {
                return None;
            }
            match (moment, trouble.cut.load(Ordering::SeqCst)) {
                (Moment::Before, 1) | (Moment::After, 2) => {
                    trouble.dead.store(1, Ordering::SeqCst);
                    lost("the process dies here")
                }
                (Moment::After, 3) => lost("the answer is lost"),
                _ => None,
            }
        })
    }

    /// Makes trouble at the k-th mutating call from now on.
    pub fn make(&self, k: usize, cut: Cut) {
        self.heal();
        self.at.store(k, Ordering::SeqCst);
        self.cut.store(cut as usize + 1, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.sent.store(0, Ordering::SeqCst);
        self.at.store(0, Ordering::SeqCst);
        self.dead.store(0, Ordering::SeqCst);
    }

    /// Mutating calls since it was made or healed.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

/// A pipeline and the cloud it lives in.
pub struct Bench {
    pub local: Local,
    pub trouble: Arc<Trouble>,
    pub scope: Scope,
}

impl Bench {
    pub fn new(pipeline: &str) -> Self {
        let trouble = Arc::new(Trouble::default());
        let options = Options { region: "eu-west-1".into(), ..Options::default() };
        let local = Local::new(SCHEMAS, options, NOW).with_hook(trouble.hook());
        Self { local, trouble, scope: scope(pipeline) }
    }

    pub async fn look(&self, graph: &Graph) -> Inventory {
        apply::look(&self.local, graph, &self.scope, SCHEMAS, false).await
    }

    pub async fn plan(&self, graph: &Graph, consent: &Consent) -> Plan {
        let inventory = apply::look(&self.local, graph, &self.scope, SCHEMAS, consent.destroy).await;
        plan_of(graph, &inventory, consent)
    }

    /// Nothing is left to do, and drift finds nothing.
    pub async fn is_as_described(&self, graph: &Graph, consent: &Consent, when: &str) {
        let inventory = apply::look(&self.local, graph, &self.scope, SCHEMAS, consent.destroy).await;
        assert_empty(&plan_of(graph, &inventory, consent), when);
        if !consent.destroy {
            let prices = plan::price_table();
            let question =
                Question { graph, inventory: &inventory, schemas: SCHEMAS, prices: &prices, consent, made_by: "laws" };
            let drift = plan::drift(&question);
            assert!(drift.is_empty(), "{when}: {drift:#?}");
        }
    }

    /// Plans and applies; answers the plan and how each step ended.
    pub async fn apply(&self, graph: &Graph, consent: &Consent) -> (Plan, Vec<Outcome>) {
        let plan = self.plan(graph, consent).await;
        let stop = Stop::default();
        let outcomes = apply::execute(&self.local, &plan, SCHEMAS, Limits::default(), &stop, &|_| ()).await;
        (plan, outcomes)
    }

    /// Applies what must succeed.
    pub async fn must_apply(&self, graph: &Graph, consent: &Consent) -> Plan {
        let (plan, outcomes) = self.apply(graph, consent).await;
        for (step, outcome) in plan.steps.iter().zip(&outcomes) {
            assert_eq!(*outcome, Outcome::Done, "{:?} {}: {:?}", step.verb, step.address, step.calls);
        }
        plan
    }

    pub async fn see(&self, kind: &str, physical: &str) -> Option<Resource> {
        let schema = kinds::named(kind).expect("a kind").schema();
        let (address, scope) = (Address::new(kind, physical), self.scope.clone());
        let target =
            Target { address, schema, scope, physical: physical.into(), outputs: BTreeMap::new(), listed: None };
        match self.local.observe(&target).await {
            Observed::Present(live) => Some(*live),
            Observed::Absent => None,
            Observed::Unreadable(why) => panic!("{why}"),
        }
    }

    /// Everything there is, whoever made it, by kind and name; without what differs from run to run though it means
    /// the same: ids that AWS assigns, moments, and how often limited calls were made.
    ///
    /// What an earlier run began may still be under way when a later one finds nothing to do, so time passes first.
    pub async fn settled(&self) -> BTreeMap<String, String> {
        self.local.advance(Duration::from_secs(3600));
        let mut all = BTreeMap::new();
        let mut assigned: Vec<(String, String)> = Vec::new();
        for (kind, physical) in self.local.everything() {
            let mut live = self.see(&kind, &physical).await.expect("what is listed is there");
            let schema = kinds::named(&kind).expect("a kind").schema();
            for name in schema.assigned {
                assigned
                    .extend(live.outputs.get(*name).map(|id| (id.clone(), format!("<{name} of {kind} {physical}>"))));
            }
            live.facts.remove("createdAt");
            if let Some(Value::Map(tags)) = live.attrs.get_mut("tags") {
                tags.remove(LEDGER);
            }
            all.insert(format!("{kind} {physical}"), serde_json::to_string_pretty(&live).expect("plain data"));
        }
        // The longest first: an id may be part of an ARN.
        assigned.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        for text in all.values_mut() {
            for (id, name) in &assigned {
                *text = text.replace(id, name);
            }
        }
        all
    }

    /// What a crash may leave behind is found again by its tags, or hangs on something that is.
    pub async fn no_orphans(&self) {
        for (kind, physical) in self.local.everything() {
            let live = self.see(&kind, &physical).await.expect("what is listed is there");
            if let Some(tags) = live.attrs.get("tags") {
                let pipeline = tags.get(PIPELINE).and_then(Value::as_text);
                assert_eq!(pipeline, Some(self.scope.pipeline.as_str()), "{kind} {physical} is nobody's: {tags:?}");
            }
        }
    }
}

pub fn plan_of(graph: &Graph, inventory: &Inventory, consent: &Consent) -> Plan {
    let prices = plan::price_table();
    plan::plan(&Question { graph, inventory, schemas: SCHEMAS, prices: &prices, consent, made_by: "laws" })
}

/// Everything may go.
pub fn all_may_go(graph: &Graph) -> Consent {
    let data_loss: BTreeSet<Address> = graph.iter().map(|desired| desired.address.clone()).collect();
    Consent { destroy: true, data_loss, ..Consent::default() }
}

/// A plan that does nothing and holds nothing.
pub fn assert_empty(plan: &Plan, when: &str) {
    let steps: Vec<String> =
        plan.steps.iter().map(|step| format!("{:?} {}: {:?}", step.verb, step.address, step.changes)).collect();
    assert!(steps.is_empty(), "{when}: {steps:#?}");
    let held: Vec<_> = plan.obstacles().collect();
    assert!(held.is_empty(), "{when}: {held:#?}");
}
