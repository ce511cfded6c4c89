//! The policy that `tidegate iam controller` prints, enforced by ministack: enough for a run that resizes, with its books in a table and a
//! wake-up queue, and nothing in it is idle.

use std::path::Path;

use super::deployer::for_ministack;
use super::permissions::{run, user};
use crate::control::{make_table, resizes};
use crate::support::emulators::{self, ACCESS_KEY, REGION};

const TABLE: &str = "governed-books";

fn spec(stream: &str) -> String {
    format!(
        "apiVersion: tidegate/v1\npipeline: governed\nregion: {REGION}\ndefaults: {{ key: none, onRemoval: delete }}\n\
         controller: {{ wakeUp: {{}} }}\nstreams:\n\
         \x20 {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 8 }} }} }}\n"
    )
}

fn root() -> (String, String) {
    (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned())
}

/// By whoever may do everything.
fn must(folder: &Path, args: &[&str]) -> String {
    let (code, said) = run(folder, &root(), args);
    assert_eq!(code, Some(0), "{args:?}: {said}");
    said
}

/// Metrics as AWS shows them, put past the enforcement.
fn put_load(stream: &str) {
    crate::control::put_load_at(&emulators::ministack_with_auth().url, ACCESS_KEY, stream, 5.0);
}

/// A run of some ticks; answers whether it resized and what it said.
fn resized(folder: &Path, key: &(String, String)) -> (bool, String) {
    let ledger = format!("dynamodb:{TABLE}");
    let (code, said) = run(
        folder,
        key,
        &[
            "run", "--json", "--tick", "1s", "--ticks", "5", "--drift", "0s", "--learn", "1h", "--ledger", &ledger,
            "--lease", "10s",
        ],
    );
    let events: Vec<_> = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).collect();
    let accepted = resizes(&events).iter().any(|event| event["outcome"] == "accepted");
    let troubled = said.contains("is not authorized") || said.contains("AccessDenied");
    (code == Some(0) && accepted && !troubled, said)
}

#[test]
fn the_controller_s_policy_is_enough_and_nothing_in_it_is_idle() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let at = folder.path();
    let write = |stream: &str| std::fs::write(at.join("tidegate.yaml"), spec(stream)).unwrap();
    write("governed-0");
    runtime.block_on(make_table(emulators::ministack_with_auth(), ACCESS_KEY, TABLE));
    let ledger = format!("dynamodb:{TABLE}");
    let policy = |at: &Path| -> serde_json::Value {
        serde_json::from_str(&must(at, &["iam", "controller", "--ledger", &ledger])).expect("one policy")
    };
    let statements = policy(at)["Statement"].as_array().expect("statements").len();
    let mut wrong = Vec::new();
    // First the whole policy, then without each of its statements; each time a stream of its own, which has never been resized.
    for taken in 0..=statements {
        let stream = format!("governed-{taken}");
        write(&stream);
        must(at, &["apply", "-y", "-q"]);
        put_load(&stream);
        let mut lean = policy(at);
        let all = lean["Statement"].as_array_mut().expect("statements");
        let removed = if taken == 0 { String::new() } else { all.remove(taken - 1).to_string() };
        // ministack knows no tags of a stream where it judges a condition.
        for statement in lean["Statement"].as_array_mut().expect("statements") {
            statement.as_object_mut().expect("a statement").remove("Condition");
        }
        let key = runtime.block_on(user(&format!("governor-{taken}"), for_ministack(&lean)));
        let (fine, said) = resized(at, &key);
        assert!(fine || !removed.is_empty(), "the whole policy is not enough: {said}");
        if fine && !removed.is_empty() {
            wrong.push(format!("nobody misses {removed}"));
        }
        must(at, &["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
