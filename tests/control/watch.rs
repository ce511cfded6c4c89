//! Shard metrics that the spec leaves to `run`: on at a suspicion, off after an hour of calm, and no plan takes back either.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::program::{Shop, kills, resizes};

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 8, max: 64 } }
    shardMetrics: [OutgoingBytes]
    scaling: { shardMetrics: auto, splitMerge: allow }
";

/// At any hour of the day's wave the key alone asks for more than one shard, and all else for less than two.
const HOT: [&str; 4] = ["--traffic", "4", "--keys", "hot:75%"];
const CALM: [&str; 4] = ["--traffic", "0.5", "--keys", "zipf:0"];

fn verbs<'a>(events: &'a [Value], verb: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["verb"] == verb).collect()
}

fn metrics(shop: &Shop) -> Vec<String> {
    let cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
    let attrs = &cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["attrs"];
    let names = attrs["shardMetrics"].as_array().into_iter().flatten();
    let mut names: Vec<String> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Nothing differs from the spec, and nothing is to be done.
fn assert_as_described(shop: &Shop) {
    for command in [&["drift"][..], &["plan", "--detailed-exitcode"]] {
        let output = shop.command(command).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

const ON: [&str; 3] = ["IncomingBytes", "IncomingRecords", "OutgoingBytes"];

#[test]
fn a_suspicion_turns_them_on_a_hot_shard_is_split_and_calm_turns_them_off() {
    let shop = Shop::of(SPEC);
    assert_as_described(&shop);
    let heal = ["--heal", "--drift", "10m"];
    let events = shop.run(&[&HOT[..], &["--for", "2h"], &heal].concat());
    let on = verbs(&events, "watch");
    assert_eq!(on.len(), 1, "{events:#?}");
    assert_eq!((&on[0]["outcome"], &on[0]["reason"]), (&"accepted".into(), &"hot-shard-suspected".into()));
    let splits = verbs(&events, "split");
    assert!(!splits.is_empty() && splits.iter().all(|split| split["reason"] == "hot-shard"), "{events:#?}");
    assert!(resizes(&events).is_empty() && verbs(&events, "unwatch").is_empty(), "{events:#?}");
    let heals = events.iter().filter(|event| event["event"] == "drift");
    assert!(heals.into_iter().all(|drift| drift["found"] == 0 && drift["done"] == 0), "{events:#?}");
    assert_eq!(metrics(&shop), ON);
    assert_eq!(shop.status()["watched"], true);
    assert_as_described(&shop);
    assert!(shop.says(&["explain", "clicks", "--last", "500"]).contains("shard metrics on"));
    // A restart goes on with them, and turns them off once it is calm.
    let events = shop.run(&[&CALM[..], &["--for", "3h"], &heal].concat());
    let off = verbs(&events, "unwatch");
    assert_eq!(off.len(), 1, "{events:#?}");
    assert_eq!((&off[0]["outcome"], &off[0]["reason"]), (&"accepted".into(), &"calm".into()));
    assert!(verbs(&events, "watch").is_empty(), "{events:#?}");
    assert_eq!(metrics(&shop), ["OutgoingBytes"]);
    assert_eq!(shop.status()["watched"], false);
    assert_as_described(&shop);
    let told: Value = serde_json::from_str(&shop.says(&["history", "--json"])).expect("JSON");
    let told = told["decisions"].as_array().unwrap();
    assert_eq!((verbs(told, "watch").len(), verbs(told, "unwatch").len()), (1, 1));
}

#[test]
fn a_spec_that_takes_them_back_has_a_plan_that_turns_them_off() {
    let shop = Shop::of(SPEC);
    shop.run(&[&HOT[..], &["--for", "30m"]].concat());
    assert_eq!(metrics(&shop), ON);
    std::fs::write(shop.path("tidegate.yaml"), SPEC.replace("shardMetrics: auto, ", ""))
        .expect("the spec can be written");
    assert_eq!(shop.command(&["plan", "--detailed-exitcode"]).output().unwrap().status.code(), Some(2));
    shop.says(&["apply", "-y", "-q"]);
    assert_eq!(metrics(&shop), ["OutgoingBytes"]);
}

#[test]
fn without_a_word_a_dry_run_and_a_pause_switch_nothing() {
    let shop = Shop::of(SPEC);
    let events = shop.run(&[&HOT[..], &["--for", "50m", "--dry-run"]].concat());
    let would = verbs(&events, "watch");
    assert!(would.len() == 1 && would[0]["outcome"] == "dry-run", "{events:#?}");
    shop.says(&["pause", "clicks"]);
    assert!(verbs(&shop.run(&["--for", "50m"]), "watch").is_empty());
    assert_eq!(metrics(&shop), ["OutgoingBytes"]);
    shop.says(&["resume", "clicks"]);
    std::fs::write(shop.path("tidegate.yaml"), SPEC.replace("shardMetrics: auto, ", ""))
        .expect("the spec can be written");
    assert!(verbs(&shop.run(&["--for", "50m"]), "watch").is_empty());
    assert_eq!((metrics(&shop), shop.status()["watched"].clone()), (vec!["OutgoingBytes".to_owned()], Value::Null));
}

#[test]
fn a_kill_at_any_moment_leaves_the_switch_where_aws_has_it() {
    let shop = Shop::of(SPEC);
    shop.run(&[&HOT[..], &["--ticks", "1"]].concat());
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..kills(8) {
        let mut run = shop.command(&["run", "--speed", "3000"]);
        let mut child = run.stdout(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(random.u64(20..600)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    shop.run(&["--for", "1h"]);
    assert_eq!(
        (metrics(&shop), &shop.status()["watched"]),
        (ON.map(str::to_owned).to_vec(), &true.into()),
        "seed {seed}"
    );
    let ledger = std::fs::read_to_string(shop.path("tidegate-ledger")).unwrap();
    assert!(ledger.matches("\"verb\":\"watch\"").count() <= 2, "seed {seed}: it is not sent again and again");
    assert_as_described(&shop);
}
