//! The policy that `tidegate iam controller` prints, enforced by ministack: enough for a run that resizes, with its books in a table and a
//! wake-up queue, and nothing in it is idle.

use std::path::Path;

use serde_json::Value;

use super::deployer::{for_ministack, is_refusal, texts};
use super::permissions::{run, run_at, user};
use crate::control::{make_table, resizes};
use crate::faults::proxy::{Deed, Proxy};
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
    let accepted = resizes(&events(&said)).iter().any(|event| event["outcome"] == "accepted");
    (code == Some(0) && accepted && !is_refusal(&said), said)
}

fn events(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// ministack knows no tags of a stream where it judges a condition.
fn without_conditions(policy: &mut Value) {
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        statement.as_object_mut().expect("a statement").remove("Condition");
    }
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
    let policy = |at: &Path| -> Value {
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
        let removed = if taken == 0 { Value::Null } else { all.remove(taken - 1) };
        without_conditions(&mut lean);
        let key = runtime.block_on(user(&format!("governor-{taken}"), for_ministack(&lean)));
        let (fine, said) = resized(at, &key);
        assert!(fine || taken > 0, "the whole policy is not enough: {said}");
        if taken > 0 {
            let named = texts(&removed, "Action").into_iter().find(|action| said.contains(action.as_str()));
            println!("without {removed}: {named:?}");
            if fine || !is_refusal(&said) || named.is_none() {
                wrong.push(format!("nobody misses {removed}: {said}"));
            }
        }
        must(at, &["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Streams with their true states; ministack judges who may call.
fn judged_streams() -> String {
    let judge = emulators::ministack_with_auth().url.clone();
    Proxy::with(&emulators::kinesis_local().url, 1, 0, move |_| Some(Deed::Judged(judge.clone()))).url
}

/// A run whose one call of the day is used up, so that shards are split, with the printed policy but for one action; answers how the first
/// resize and the splits ended, and all that was said.
fn parted(without: Option<&str>) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let name = format!(
        "parted-{}-{}",
        without.map_or("whole", |action| action.trim_start_matches("kinesis:")),
        std::process::id()
    );
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: {}\nregion: {REGION}\ndefaults: {{ key: none, onRemoval: delete }}\nalarms: {{ off: true }}\n\
         streams:\n\x20 {name}:\n    capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }}\n    scaling: {{ splitMerge: allow }}\n",
        name.to_lowercase()
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).unwrap();
    let (url, streams) = (&emulators::ministack_with_auth().url, judged_streams());
    let run =
        |key: &(String, String), args: &[&str]| run_at(url, &[("KINESIS", streams.as_str())], folder.path(), key, args);
    let (code, said) = run(&root(), &["apply", "-y", "-q"]);
    assert_eq!(code, Some(0), "{said}");
    put_load(&name);
    let (code, said) = run(&root(), &["iam", "controller"]);
    assert_eq!(code, Some(0), "{said}");
    let mut policy: Value = serde_json::from_str(&said).expect("one policy");
    without_conditions(&mut policy);
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        let mut actions = texts(statement, "Action");
        actions.retain(|action| Some(action.as_str()) != without);
        statement["Action"] = actions.into();
    }
    let key = tokio::runtime::Runtime::new().unwrap().block_on(user(&name, for_ministack(&policy)));
    let (code, said) = run(
        &key,
        &["run", "--json", "--tick", "1s", "--ticks", "8", "--drift", "0s", "--learn", "1h", "--calls-a-day", "1"],
    );
    assert_eq!(code, Some(0), "{said}");
    let (gone, why) = run(&root(), &["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{name}")]);
    assert_eq!(gone, Some(0), "{why}");
    let acts = |event: &Value| event["verb"] == "resize" || event["verb"] == "split";
    (events(&said).into_iter().filter(acts).collect(), said)
}

/// What `splitMerge: allow` adds to the policy: each of it is missed, and nothing else is needed for a split.
#[test]
fn the_rights_to_split_are_enough_and_each_is_missed() {
    let runs = [None, Some("kinesis:SplitShard"), Some("kinesis:ListShards")];
    let threads = runs.map(|without| (without, std::thread::spawn(move || parted(without))));
    for (without, thread) in threads {
        let (acts, said) = thread.join().expect("no panic");
        assert_eq!((&acts[0]["verb"], &acts[0]["outcome"]), (&"resize".into(), &"accepted".into()), "{said}");
        let splits = acts.iter().filter(|act| act["verb"] == "split" && act["outcome"] == "accepted").count();
        match without {
            None => assert!(splits > 0 && !is_refusal(&said), "{said}"),
            Some(action) => {
                let told = said.contains(&format!("is not authorized to perform: {action}"));
                assert!(splits == 0 && told, "without {action}: {said}");
            }
        }
    }
}
