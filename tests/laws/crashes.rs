//! A run may die before and after every single call: a fresh run comes to the same end as an undisturbed one.

use std::collections::BTreeMap;

use tidegate::model::{Graph, Observed};
use tidegate::plan::{Consent, Plan, Verb};

use super::bench::{self, Bench, Cut, EVERY_KIND, EVERY_KIND_CHANGED};

/// What is there at first, what is then done, and how the world looks when nothing disturbs it.
struct Scenario {
    name: &'static str,
    first: Option<Graph>,
    then: Graph,
    consent: Consent,
}

impl Scenario {
    async fn begin(&self) -> Bench {
        let bench = Bench::new("everything");
        if let Some(first) = &self.first {
            bench.must_apply(first, &Consent::default()).await;
        }
        bench.trouble.heal();
        bench
    }

    /// The end of an undisturbed run, and its number of mutating calls.
    async fn undisturbed(&self) -> (BTreeMap<String, String>, usize) {
        let bench = self.begin().await;
        bench.must_apply(&self.then, &self.consent).await;
        let calls = bench.trouble.sent();
        bench::assert_empty(&bench.plan(&self.then, &self.consent).await, "after an undisturbed run");
        assert_eq!(bench.trouble.sent(), calls, "planning changes nothing");
        (bench.settled().await, calls)
    }

    async fn cut(&self, k: usize, cut: Cut, end: &BTreeMap<String, String>) {
        let when = format!("{}: {cut:?} call {k}", self.name);
        let bench = self.begin().await;
        bench.trouble.make(k, cut);
        let (plan, outcomes) = bench.apply(&self.then, &self.consent).await;
        assert!(bench.trouble.sent() >= k, "{when}: only {} calls were sent", bench.trouble.sent());
        assert_eq!(plan.steps.len(), outcomes.len());
        bench.no_orphans().await;
        bench.trouble.heal();
        bench.must_apply(&self.then, &self.consent).await;
        let calls = bench.trouble.sent();
        bench.is_as_described(&self.then, &self.consent, &when).await;
        assert_eq!(bench.trouble.sent(), calls, "{when}: planning changes nothing");
        let world = bench.settled().await;
        for (what, live) in end {
            let seen = world.get(what).unwrap_or_else(|| panic!("{when}: {what} is lost"));
            let other: Vec<_> = seen.lines().filter(|line| !live.lines().any(|known| known == *line)).collect();
            assert_eq!(seen, live, "{when}: {what} is another: {other:#?}");
        }
        let more: Vec<_> = world.keys().filter(|what| !end.contains_key(*what)).collect();
        assert!(more.is_empty(), "{when}: {more:?} should not be there");
    }

    async fn prove(&self, cut: Cut) {
        let (end, calls) = self.undisturbed().await;
        assert!(calls > 20, "{} is no test of anything: {calls} calls", self.name);
        for k in 1..=calls {
            self.cut(k, cut, &end).await;
        }
        println!("{}: {cut:?}: {calls} of {calls} calls", self.name);
    }
}

fn creation() -> Scenario {
    Scenario { name: "creation", first: None, then: bench::graph(EVERY_KIND), consent: Consent::default() }
}

/// More streams than AWS creates at once: what a run that died has begun is still in creation when the next one comes.
fn many() -> Scenario {
    let names =
        "abcdefg".chars().map(|name| format!("  {name}: {{ retention: 48h, capacity: {{ mode: onDemand }} }}\n"));
    let text = format!(
        "apiVersion: tidegate/v1\npipeline: everything\nregion: eu-west-1\ndefaults: {{ key: none }}\nstreams:\n{}",
        names.collect::<String>()
    );
    Scenario { name: "many streams", first: None, then: bench::graph(&text), consent: Consent::default() }
}

fn update() -> Scenario {
    let (first, then) = (Some(bench::graph(EVERY_KIND)), bench::graph(EVERY_KIND_CHANGED));
    Scenario { name: "update", first, then, consent: Consent::default() }
}

fn destruction() -> Scenario {
    let then = bench::graph(EVERY_KIND);
    let consent = bench::all_may_go(&then);
    Scenario { name: "destruction", first: Some(then.clone()), then, consent }
}

macro_rules! cut_at_every_call {
    ($($test:ident: $scenario:ident $cut:ident;)*) => { $(
        #[tokio::test]
        async fn $test() {
            $scenario().prove(Cut::$cut).await;
        }
    )* };
}

cut_at_every_call! {
    a_creation_can_die_before_every_call: creation Before;
    a_creation_can_die_after_every_call: creation After;
    a_creation_can_lose_every_answer: creation Answer;
    many_streams_can_die_before_every_call: many Before;
    many_streams_can_die_after_every_call: many After;
    many_streams_can_lose_every_answer: many Answer;
    an_update_can_die_before_every_call: update Before;
    an_update_can_die_after_every_call: update After;
    an_update_can_lose_every_answer: update Answer;
    a_destruction_can_die_before_every_call: destruction Before;
    a_destruction_can_die_after_every_call: destruction After;
    a_destruction_can_lose_every_answer: destruction Answer;
}

/// Somebody thinks better of it: what a destruction has begun is made again, also what is still on its way out.
#[tokio::test]
async fn a_destruction_can_be_taken_back_after_every_call() {
    let graph = bench::graph(EVERY_KIND);
    let (end, _) = creation().undisturbed().await;
    let calls = destruction().undisturbed().await.1;
    for k in 1..=calls {
        let bench = destruction().begin().await;
        bench.trouble.make(k, Cut::After);
        bench.apply(&graph, &bench::all_may_go(&graph)).await;
        bench.trouble.heal();
        bench.must_apply(&graph, &Consent::default()).await;
        let when = format!("taken back after call {k}");
        bench::assert_empty(&bench.plan(&graph, &Consent::default()).await, &when);
        let world = bench.settled().await;
        let other: Vec<_> = end.iter().filter(|(what, live)| world.get(*what) != Some(live)).collect();
        assert!(other.is_empty(), "{when}: {other:#?}");
        assert_eq!(world.len(), end.len(), "{when}");
    }
    println!("destruction: taken back after {calls} of {calls} calls");
}

/// What the scenarios above promise to touch.
#[tokio::test]
async fn the_scenarios_touch_every_kind() {
    let (first, then) = (bench::graph(EVERY_KIND), bench::graph(EVERY_KIND_CHANGED));
    let bench = Bench::new("everything");
    let made = bench.must_apply(&first, &Consent::default()).await;
    let changed = bench.must_apply(&then, &Consent::default()).await;
    let gone = bench.plan(&then, &bench::all_may_go(&then)).await;
    for schema in tidegate::kinds::SCHEMAS {
        let is = |plan: &Plan, verb: Verb| {
            plan.steps.iter().any(|step| step.address.kind() == schema.kind && step.verb == verb)
        };
        assert!(is(&made, Verb::Create), "no {} is made", schema.kind);
        assert!(is(&changed, Verb::Update), "no {} is changed in place", schema.kind);
        assert!(is(&gone, Verb::Delete), "no {} is deleted", schema.kind);
    }
    let seen = bench.look(&then).await.seen;
    assert!(seen.values().all(|seen| matches!(seen, Observed::Present(_))));
}
