//! The policy that `tidegate iam controller` prints, enforced by ministack: what `splitMerge: allow` adds to it, action by action. That
//! it is enough for every example and nothing in it is idle: `governed.rs`.

use serde_json::Value;

use super::deployer::judged;
use super::judged::{for_ministack, texts};
use super::permissions::{run_at, user};
use super::taken::is_refusal;
use crate::support::emulators::{self, ACCESS_KEY, REGION};

fn root() -> (String, String) {
    (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned())
}

/// Metrics as AWS shows them, put past the enforcement.
pub fn put_load(stream: &str) {
    crate::control::put_load_at(&emulators::ministack_with_auth().url, ACCESS_KEY, stream, 5.0);
}

pub fn events(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
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
    let (url, streams) = (&emulators::ministack_with_auth().url, judged(&emulators::kinesis_local().url));
    let run =
        |key: &(String, String), args: &[&str]| run_at(url, &[("KINESIS", streams.as_str())], folder.path(), key, args);
    let (code, said) = run(&root(), &["apply", "-y", "-q"]);
    assert_eq!(code, Some(0), "{said}");
    put_load(&name);
    let (code, said) = run(&root(), &["iam", "controller"]);
    assert_eq!(code, Some(0), "{said}");
    let mut policy: Value = serde_json::from_str(&said).expect("one policy");
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
