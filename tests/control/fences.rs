//! What must not be done twice, or by two: a call whose answer is lost, and the work of a replica that only stands by.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tidegate::run::{Ledger, TableLedger};

use super::program::{lines, put_load};
use super::replicas;
use crate::faults::proxy::{Deed, Proxy};
use crate::support::emulators::{self, REGION};
use crate::support::hand::Hand;

const LOST: &str = "510000000041";
const STANDBY: &str = "510000000042";

fn spec(pipeline: &str, stream: &str) -> String {
    format!(
        "apiVersion: tidegate/v1\npipeline: {pipeline}\nregion: {REGION}\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 4 }} }} }}\n"
    )
}

fn resizes(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["verb"] == "resize").collect()
}

/// AWS takes the call and its answer never comes: it is sent once, stands in the books and on the stream, and nobody else is blamed.
#[test]
fn a_resize_whose_answer_is_lost_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("lost-{}", std::process::id());
    std::fs::write(folder.path().join("tidegate.yaml"), spec("lost", &stream)).expect("the spec can be written");
    emulators::says(&mut emulators::program_with_streams(folder.path(), LOST), &["apply", "-y", "-q"]);
    put_load(LOST, &stream, 1.5);
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let proxy = Proxy::with(&emulators::kinesis_local().url, 1, 0, move |request| {
        let resizes = request.operation() == "UpdateShardCount";
        counted.fetch_add(usize::from(resizes), Ordering::SeqCst);
        resizes.then_some(Deed::Swallow)
    });
    let mut command = emulators::program(folder.path(), LOST);
    command.env("AWS_ENDPOINT_URL_KINESIS", &proxy.url).stderr(Stdio::null());
    let said = emulators::says(
        &mut command,
        &["run", "--json", "--tick", "1s", "--ticks", "6", "--drift", "0s", "--learn", "1h"],
    );
    let events = lines(&said);
    let outcome = resizes(&events).first().map(|event| event["outcome"].to_string()).unwrap_or_default();
    assert!(outcome.contains("unanswered"), "{events:#?}");
    assert_eq!(sent.load(Ordering::SeqCst), 1, "{events:#?}");
    assert!(events.iter().all(|event| event["verb"] != "foreign"), "nobody else did it: {events:#?}");
    let mut command = emulators::program_with_streams(folder.path(), LOST);
    let status: Value = serde_json::from_str(&emulators::says(&mut command, &["status", "--json"])).expect("JSON");
    assert_eq!(
        (&status["streams"][0]["shards"], &status["streams"][0]["calls_left"]),
        (&2.into(), &9.into()),
        "{status:#}"
    );
}

/// Whoever does not hold the lease neither heals nor decides, and a dry run takes it from nobody.
#[test]
fn who_stands_by_heals_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("standby-{}", std::process::id());
    std::fs::write(folder.path().join("tidegate.yaml"), spec("standby", &stream)).expect("the spec can be written");
    let program = || emulators::program(folder.path(), STANDBY);
    emulators::says(&mut program(), &["apply", "-y", "-q"]);
    let hand = Hand::new(&|_: &str| emulators::ministack().url.clone(), STANDBY);
    hand.does(&["stream", &stream, "retention", "48h"]).expect("somebody changes it by hand");
    let run = |more: &[&str]| {
        let usual = ["run", "--json", "--tick", "1s", "--drift", "1s", "--heal", "--learn", "1h"];
        let books = ["--ledger", "dynamodb:tidegate-standby", "--lease", "10s", "--ticks"];
        lines(&emulators::says(program().stderr(Stdio::null()), &[&usual[..], &books, more].concat()))
    };
    let differs = || {
        let output = program().args(["drift", "--json"]).output().expect("it starts");
        String::from_utf8_lossy(&output.stdout).contains("\"retention\"")
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut holder = runtime.block_on(async {
        replicas::make(emulators::ministack(), STANDBY, "tidegate-standby").await;
        let pipelines = vec![("standby".to_owned(), TableLedger::partition("standby", STANDBY, REGION))];
        let table = replicas::table(emulators::ministack(), STANDBY, "tidegate-standby").await;
        let lasts = Duration::from_secs(10);
        let mut holder = TableLedger::join(table, pipelines, "other".into(), lasts).await.expect("it joins");
        holder.take_over("standby", &mut |_| ()).await.expect("it is read");
        holder
    });
    let events = run(&["4"]);
    assert!(events.iter().all(|event| event["event"] != "drift" && event["verb"].is_null()), "{events:#?}");
    assert!(differs(), "the one that stands by has healed: {events:#?}");
    run(&["2", "--dry-run"]);
    assert!((holder.fence("standby"))(), "a dry run took the lease");
    runtime.block_on(holder.close());
    let events = run(&["6"]);
    assert!(!differs(), "the one that acts has not healed: {events:#?}");
}
