//! Shards that are full while their stream is not, on the embedded cloud: they are told by name and split where the spec allows it; for a
//! key that takes more than a shard gives none is bought.

use serde_json::Value;

use super::program::{Shop, resizes};

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
fn a_hot_key_is_told_and_no_shard_is_bought_for_it() {
    let shop = Shop::of(SPEC);
    let events = shop.run(&[&HOT[..], &["--for", "6h"]].concat());
    // Until the stream has grown once it may have been the shard.
    assert!(resizes(&events).len() <= 2, "{events:#?}");
    let status = shop.status();
    assert_eq!((&status["hot"]["is"], healthy(&status)["reason"].as_str()), (&"hot-key".into(), Some("hot-key")));
    let shard = status["hot"]["shard"].as_str().expect("its name");
    let told = healthy(&status)["message"].as_str().expect("a sentence");
    assert!(told.contains(shard) && told.contains("give it several partition keys"), "{told}");
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
    let status = shop.status();
    assert_eq!((&status["hot"]["is"], status["calls_left"].as_i64()), (&"hot-key".into(), Some(10)));
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
