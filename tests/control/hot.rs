//! Shards that are full while their stream is not, on the embedded cloud: they are told by name and split where the spec allows it; for a
//! key that takes more than a shard gives none is bought.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::program::{Shop, kills, resizes, speed};

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 8, max: 64 } }
    shardMetrics: [IncomingBytes, IncomingRecords]
";

/// At any hour of the day's wave the key alone asks for more than one shard, and all else for less than two.
const HOT: [&str; 4] = ["--traffic", "4", "--keys", "hot:75%"];

fn healthy(status: &Value) -> &Value {
    let conditions = status["conditions"].as_array().expect("conditions");
    conditions.iter().find(|condition| condition["type"] == "Healthy").expect("one of them")
}

#[test]
fn a_hot_shard_is_told_by_name_and_the_stream_hardly_grows_for_it() {
    let shop = Shop::of(SPEC);
    let events = shop.run(&[&HOT[..], &["--for", "6h"]].concat());
    assert!(resizes(&events).len() <= 2, "{events:#?}");
    let status = shop.status();
    // Whether it is a key a growth tells only where it was throttled for long enough before it, which the hour of the day decides.
    let is = status["hot"]["is"].as_str().expect("one is hot");
    assert!(["hot-shard", "hot-key"].contains(&is) && healthy(&status)["reason"] == is, "{status:#}");
    let shard = status["hot"]["shard"].as_str().expect("its name");
    let told = healthy(&status)["message"].as_str().expect("a sentence");
    assert!(told.contains(shard) && told.contains("100 % "), "{told}");
    assert!(shop.says(&["explain", "clicks"]).contains(told), "{told}");
}

#[test]
fn where_shards_do_not_say_how_full_they_are_none_is_named() {
    let shop = Shop::of(&SPEC.replace("    shardMetrics: [IncomingBytes, IncomingRecords]\n", ""));
    shop.run(&[&HOT[..], &["--for", "30m"]].concat());
    assert_eq!(shop.status()["hot"], Value::Null);
}

fn verbs<'a>(events: &'a [Value], verb: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["verb"] == verb).collect()
}

fn allowing() -> String {
    SPEC.to_owned() + "    scaling: { splitMerge: allow }\n"
}

#[test]
fn a_hot_shard_is_split_until_a_key_is_left_that_nothing_parts() {
    let shop = Shop::of(&allowing());
    let events = shop.run(&[&HOT[..], &["--for", "6h"]].concat());
    let splits = verbs(&events, "split");
    assert!((2..=4).contains(&splits.len()), "{events:#?}");
    for split in &splits {
        assert_eq!((&split["reason"], &split["outcome"]), (&"hot-shard".into(), &"accepted".into()), "{split}");
        let because = split["because"].as_str().expect("a sentence");
        assert!(because.contains("shardId-") && because.contains("does not count"), "{because}");
    }
    assert!(resizes(&events).is_empty(), "the stream has room: {events:#?}");
    // What the controller itself knows: two splits parted nothing.
    let keys = |event: &&Value| event["because"].as_str().is_some_and(|because| because.contains("hot keys"));
    assert!(events.iter().rev().find(|event| event["verb"] == "hold").filter(keys).is_some(), "{events:#?}");
    assert_eq!(shop.status()["calls_left"].as_i64(), Some(10));
    // A count inside the range is no drift, however its ranges lie.
    assert_eq!(shop.command(&["drift"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_dry_run_and_a_pause_split_nothing() {
    let shop = Shop::of(&allowing());
    let events = shop.run(&[&HOT[..], &["--for", "1h", "--dry-run"]].concat());
    let would = verbs(&events, "split");
    assert!(!would.is_empty() && would.iter().all(|split| split["outcome"] == "dry-run"), "{events:#?}");
    shop.says(&["pause", "clicks"]);
    assert!(verbs(&shop.run(&[&HOT[..], &["--for", "1h"]].concat()), "split").is_empty());
    let status = shop.status();
    assert_eq!((&status["shards"], &status["hot"]["is"]), (&8.into(), &"hot-shard".into()));
}

#[test]
fn a_kill_at_any_moment_splits_no_shard_that_is_not_written_down() {
    let shop = Shop::of(&allowing());
    shop.run(&[&HOT[..], &["--ticks", "1"]].concat());
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let mut random = fastrand::Rng::with_seed(seed);
    let kills = kills(8);
    let speed = speed(kills, 8);
    for _ in 0..kills {
        let mut run = shop.command(&["run", "--speed", &speed]);
        let mut child = run.stdout(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(random.u64(20..900)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    shop.run(&["--for", "2h"]);
    let cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
    let stream = &cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["stream"];
    let ledger = std::fs::read_to_string(shop.path("tidegate-ledger")).unwrap();
    let records = ledger.lines().filter_map(|line| serde_json::from_str::<Value>(line.split_once(' ')?.1).ok());
    let written: Vec<Value> = records.filter(|record| record["is"] == "splitting").collect();
    let named: BTreeSet<&str> = written.iter().filter_map(|record| record["shard"].as_str()).collect();
    let id = |shard: &Value| format!("shardId-{:012}", shard["number"].as_u64().unwrap());
    let closed: Vec<String> = stream["shards"]["closed"].as_array().unwrap().iter().map(id).collect();
    assert!(!closed.is_empty(), "seed {seed}: nothing was split");
    // A resize of the whole stream, which a stop may lead to, closes shards as well.
    if stream["spent"]["reshards"].as_array().is_none_or(Vec::is_empty) {
        assert!(
            closed.iter().all(|shard| named.contains(shard.as_str())),
            "seed {seed}: {closed:?} against {written:#?}"
        );
        let open = stream["shards"]["open"].as_array().unwrap().len();
        assert_eq!(open, 8 + closed.len(), "seed {seed}: each split opens one more");
    }
}
