//! A key that takes more than a shard gives, on the embedded cloud: it is told by name, and no shard is bought for it.

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
