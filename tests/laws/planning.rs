//! What holds of every plan: the second is empty, the same question has the same answer, and what cannot be read is
//! neither made nor deleted.

use std::collections::BTreeMap;

use tidegate::apply::{self, Limits, Outcome, Stop};
use tidegate::cloud::{Cloud, Target};
use tidegate::kinds::SCHEMAS;
use tidegate::model::{Address, Call, Effect, Observed, Value};
use tidegate::plan::{Consent, Plan, Verb};

use super::bench::{self, Bench, EVERY_KIND, EVERY_KIND_CHANGED};
use super::examples;

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).expect("a plan is plain data")
}

#[tokio::test]
async fn after_an_apply_the_plan_is_empty_and_planning_sends_nothing() {
    let mut proved = 0;
    let texts = examples().into_iter().chain([("every kind".to_owned(), EVERY_KIND.to_owned())]);
    for (name, text) in texts {
        let graph = bench::graph(&text);
        let bench = Bench::new(graph_name(&text).as_str());
        bench.must_apply(&graph, &Consent::default()).await;
        let (sent, journal) = (bench.trouble.sent(), bench.local.journal());
        assert!(sent > 0, "{name}");
        bench::assert_empty(&bench.plan(&graph, &Consent::default()).await, &name);
        let (again, _) = bench.apply(&graph, &Consent::default()).await;
        assert!(again.is_empty());
        assert_eq!((bench.trouble.sent(), bench.local.journal()), (sent, journal), "{name}");
        bench.must_apply(&graph, &bench::all_may_go(&graph)).await;
        for (kind, physical) in bench.local.everything() {
            let left = bench.see(&kind, &physical).await.expect("what is listed is there");
            assert!(left.is_protected(), "{name}: destroy leaves {kind} {physical}");
        }
        let gone = bench.trouble.sent();
        bench::assert_empty(&bench.plan(&graph, &bench::all_may_go(&graph)).await, &name);
        assert_eq!(bench.trouble.sent(), gone, "{name}");
        proved += 1;
    }
    println!("{proved} of {proved} specs: applied, planned again, destroyed");
}

fn graph_name(text: &str) -> String {
    let spec: tidegate::kinds::Pipeline = serde_yaml::from_str(text).expect("a pipeline");
    spec.pipeline.as_str().to_owned()
}

#[tokio::test]
async fn the_same_question_has_the_same_answer() {
    let mut answers = Vec::new();
    for _ in 0..3 {
        let bench = Bench::new("everything");
        let mut said = Vec::new();
        for spec in [EVERY_KIND, EVERY_KIND_CHANGED] {
            // Parsed again each time: nothing may depend on where a value lies in memory.
            said.push(text(&bench.plan(&bench::graph(spec), &Consent::default()).await));
            bench.must_apply(&bench::graph(spec), &Consent::default()).await;
        }
        let graph = bench::graph(EVERY_KIND);
        said.push(text(&bench.plan(&graph, &bench::all_may_go(&graph)).await));
        said.push(format!("{:?}", bench.local.journal()));
        answers.push(said);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

/// Each resource alone, and all at once, in a world where they are, and where they are not.
#[tokio::test]
async fn what_cannot_be_read_is_left_alone() {
    let (graph, changed) = (bench::graph(EVERY_KIND), bench::graph(EVERY_KIND_CHANGED));
    let empty = Bench::new("everything");
    let full = Bench::new("everything");
    full.must_apply(&graph, &Consent::default()).await;
    let mut proved = 0;
    for bench in [&empty, &full] {
        for (wanted, consent) in [
            (&graph, Consent::default()),
            (&changed, Consent::default()),
            (&changed, Consent { adopt: names(&changed), ..Consent::default() }),
            (&graph, bench::all_may_go(&graph)),
            (&changed, bench::all_may_go(&changed)),
        ] {
            let inventory = bench.look(wanted).await;
            let one_by_one = inventory.seen.keys().map(|address| vec![address.clone()]);
            for hidden in one_by_one.chain([inventory.seen.keys().cloned().collect()]) {
                let mut dark = inventory.clone();
                for address in &hidden {
                    dark.seen.insert(address.clone(), Observed::Unreadable("access denied".into()));
                }
                let plan = bench::plan_of(wanted, &dark, &consent);
                for address in &hidden {
                    let touched = plan.steps.iter().find(|step| step.address == *address);
                    assert_eq!(touched, None, "{address} cannot be read");
                    assert!(plan.held.iter().any(|held| held.address == *address), "{address} is not mentioned");
                    proved += 1;
                }
            }
        }
    }
    println!("{proved} of {proved} unreadable resources left alone");
}

fn names(graph: &tidegate::model::Graph) -> std::collections::BTreeSet<tidegate::model::Address> {
    graph.iter().map(|desired| desired.address.clone()).collect()
}

/// A listing that failed may hide what is there: nothing is deleted on its account, and the plan says so.
#[tokio::test]
async fn a_failed_listing_is_told() {
    let graph = bench::graph(EVERY_KIND);
    let bench = Bench::new("everything");
    bench.must_apply(&graph, &Consent::default()).await;
    let mut inventory = bench.look(&graph).await;
    inventory.blind.push("listing roles: access denied".into());
    let plan = bench::plan_of(&graph, &inventory, &Consent::default());
    assert!(plan.is_empty());
    assert_eq!(plan.not_checked, inventory.blind);
    assert_eq!(plan.count(Verb::Delete), 0);
}

/// A stream that may not go keeps its key, and a bucket its own, whatever was agreed to for the key.
#[tokio::test]
async fn what_stays_keeps_what_it_needs() {
    let graph = bench::graph(EVERY_KIND);
    let bench = Bench::new("everything");
    bench.must_apply(&graph, &Consent::default()).await;
    let key = Address::new("key", "clicks");
    for agreed in [&["key/clicks"][..], &["key/clicks", "stream/clicks", "stream/audit"]] {
        let data_loss = agreed.iter().map(|name| name.parse().expect("an address")).collect();
        let plan = bench.plan(&graph, &Consent { destroy: true, data_loss, ..Consent::default() }).await;
        assert!(plan.steps.iter().all(|step| step.address != key), "{agreed:?}");
        let held = plan.held.iter().find(|held| held.address == key).expect("the key is held");
        assert!(held.why.contains("still uses it, and stays"), "{}", held.why);
    }
}

/// The ids of the endpoints.
async fn endpoints(bench: &Bench) -> Vec<String> {
    let mut ids = Vec::new();
    for (kind, physical) in bench.local.everything() {
        let live = bench.see(&kind, &physical).await.expect("what is listed is there");
        ids.extend((kind == "endpoint").then(|| live.outputs["id"].clone()));
    }
    ids.sort();
    ids
}

/// An endpoint that gives up or takes over the service's public name stays the same endpoint.
#[tokio::test]
async fn an_endpoint_keeps_its_identity_when_its_private_name_goes_or_comes() {
    let bench = Bench::new("everything");
    let public =
        EVERY_KIND.replace("    allow: [producer, detector]", "    privateDns: false\n    allow: [producer, detector]");
    assert_ne!(public, EVERY_KIND);
    bench.must_apply(&bench::graph(EVERY_KIND), &Consent::default()).await;
    let before = endpoints(&bench).await;
    assert_eq!(before.len(), 2);
    for text in [public.as_str(), EVERY_KIND, &public] {
        let plan = bench.must_apply(&bench::graph(text), &Consent::default()).await;
        let mut steps: Vec<String> =
            plan.steps.iter().map(|step| format!("{:?} {}", step.verb, step.address)).collect();
        steps.sort();
        let update = |name: &str| format!("Update endpoint/kinesis/{name}");
        assert_eq!(steps, [update("kinesis-firehose"), update("kinesis-streams")]);
        for step in &plan.steps {
            assert!(step.risks.iter().any(|risk| risk.flag == "disruption"), "{:?}", step.risks);
            assert_eq!(step.calls.iter().map(|call| call.verb()).collect::<Vec<_>>(), ["ModifyVpcEndpoint"]);
        }
        bench::assert_empty(&bench.plan(&bench::graph(text), &Consent::default()).await, text);
        assert_eq!(endpoints(&bench).await, before, "the same endpoints");
    }
    // Another pipeline may take the public name over while this one leaves it alone.
    let text = EVERY_KIND.replace("pipeline: everything", "pipeline: other").replace("acme-everything", "acme-other");
    let other = Bench { scope: bench::scope("other"), ..bench };
    let plan = other.must_apply(&bench::graph(&text), &Consent::default()).await;
    assert!(plan.steps.iter().filter(|step| step.address.kind() == "endpoint").all(|step| step.verb == Verb::Create));
}

/// A stream on which two of a pipeline's fields can be changed.
fn counted(shards: u32, days: u32) -> String {
    format!(
        "apiVersion: tidegate/v1\npipeline: everything\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams: {{ clicks: {{ capacity: {{ mode: provisioned, shards: {shards} }}, retention: {days}d }} }}\n"
    )
}

/// Between a plan and its calls somebody else begins a resize: the calls wait for it, and the plan's own resize, made for another count, is not sent.
#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_taken_back() {
    // The resize is the step's only call; and it comes after one that had to wait.
    for (days, shards) in [(1, 3), (2, 3)] {
        let bench = Bench::new("everything");
        bench.must_apply(&bench::graph(&counted(2, 1)), &Consent::default()).await;
        let graph = bench::graph(&counted(shards, days));
        let plan = bench.plan(&graph, &Consent::default()).await;
        let step = plan.steps.first().expect("a step");
        assert!(step.calls.iter().any(|call| call.verb() == "UpdateShardCount"), "{:?}", step.calls);
        let target = Target {
            address: step.address.clone(),
            schema: SCHEMAS.iter().find(|schema| schema.kind == "stream").expect("streams"),
            scope: bench.scope.clone(),
            physical: step.physical.clone(),
            outputs: BTreeMap::new(),
            listed: None,
        };
        let foreign = Call::new(Effect::Set, "kinesis:UpdateShardCount").with("shards", Value::Int(4));
        bench.local.perform(&target, &foreign).await.expect("somebody resizes");
        let outcomes = apply::execute(&bench.local, &plan, SCHEMAS, Limits::default(), &Stop::default(), &|_| ()).await;
        let [Outcome::Failed(fault)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(fault.message, "somebody else changed shards from 2 to 4 meanwhile", "{days}d");
        assert!(fault.help.as_ref().is_some_and(|help| help.starts_with("plan again")), "{fault:?}");
        let live = bench.see("stream", "clicks").await.expect("it is there");
        assert_eq!(live.attrs.get("shards"), Some(&Value::Int(4)));
        // Planned anew it knows.
        bench.must_apply(&graph, &Consent::default()).await;
        bench.is_as_described(&graph, &Consent::default(), "planned again").await;
    }
}
