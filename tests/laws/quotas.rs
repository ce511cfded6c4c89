//! What AWS counts over a whole account is checked before anything is done.

use futures::FutureExt;
use tidegate::apply;
use tidegate::kinds::{self, Pipeline, SCHEMAS};
use tidegate::local::{Limits, Local, Options};
use tidegate::plan::{self, Consent, Plan, Question, Reason, price_table};

use super::scope;

/// The plan of a spec on an empty account with these limits. The embedded cloud answers at once.
fn planned(streams: &str, limits: Limits) -> Plan {
    let text = format!("apiVersion: tidegate/v1\npipeline: shop\nalarms: {{ off: true }}\nstreams:\n{streams}");
    let spec: Pipeline = serde_yaml::from_str(&text).expect("a pipeline");
    let scope = scope(&spec);
    let wishes = kinds::wish(&spec, &scope);
    assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
    let cloud = Local::new(SCHEMAS, Options { limits, ..Options::default() }, 1_795_478_400);
    let inventory = apply::look(&cloud, &wishes.graph, &scope, SCHEMAS, false).now_or_never().expect("no waiting");
    plan::plan(&Question {
        graph: &wishes.graph,
        inventory: &inventory,
        schemas: SCHEMAS,
        prices: &price_table(),
        consent: &Consent::default(),
        made_by: "test",
    })
}

fn streams(count: usize, capacity: &str) -> String {
    (0..count).map(|number| format!("  s{number}: {{ fanOut: [reader], capacity: {capacity} }}\n")).collect()
}

#[test]
fn a_plan_holds_what_the_account_has_no_room_for_and_all_that_needs_it() {
    let limits = Limits { shards_of_the_account: 10, ..Limits::default() };
    let plan = planned(&streams(3, "{ mode: provisioned, shards: 4 }"), limits);
    let held: Vec<(String, Reason)> = plan.held.iter().map(|held| (held.address.to_string(), held.reason)).collect();
    assert_eq!(held, [("stream/s2".to_owned(), Reason::Quota), ("consumer/s2/reader".to_owned(), Reason::Waiting)]);
    assert_eq!(
        plan.held[0].why,
        "it needs 4 more open shards, the account uses 0 of its 10, and 8 are taken by this plan already"
    );
    assert_eq!(plan.steps.len(), 4, "the others are made");
    let limits = Limits { on_demand_streams: 2, ..Limits::default() };
    let plan = planned(&streams(3, "{ mode: onDemand }"), limits);
    assert_eq!(plan.held.iter().filter(|held| held.reason == Reason::Quota).count(), 1);
}

#[test]
fn the_estimate_knows_that_five_streams_are_created_at_once() {
    let about = |count: usize| planned(&streams(count, "{ mode: onDemand }"), Limits::default()).about_seconds;
    assert_eq!(about(5), about(1));
    assert_eq!(about(6), about(1) + 30, "the sixth begins when the first is done");
    assert_eq!(about(11), about(1) + 60);
    let notes = |count: usize| planned(&streams(count, "{ mode: onDemand }"), Limits::default()).notes;
    assert_eq!(notes(5), [""; 0]);
    assert_eq!(notes(12)[0], "AWS creates at most 5 Kinesis data streams at once, so that 12 take 3 rounds.");
}
