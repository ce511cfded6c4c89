//! What happens once the day's calls are used up: single shards are split where the spec allows it, and nowhere else.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::program::{Shop, kills, lines, put_load, resizes, speed};
use crate::support::emulators;
use crate::support::hand::config;

const ALLOWED: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 11 } }
    scaling: { splitMerge: allow }
";

/// A single call a day, so that it is used up at once.
const ONE_CALL: [&str; 4] = ["--calls-a-day", "1", "--traffic", "9"];

fn splits(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["verb"] == "split").collect()
}

#[test]
fn shards_are_split_one_by_one_up_to_what_is_rejected() {
    let shop = Shop::of(ALLOWED);
    let events = shop.run(&[&ONE_CALL[..], &["--for", "12h"]].concat());
    assert_eq!(resizes(&events).len(), 1, "one call a day is allowed: {events:#?}");
    let made = splits(&events);
    assert!(made.len() >= 3 && made.iter().all(|split| split["outcome"] == "accepted"), "{events:#?}");
    for split in &made {
        let number = |name: &str| split[name].as_i64().unwrap();
        assert!(number("to") == number("from") + 1 && number("to") <= 11, "{split}");
        let numbers = &split["numbers"];
        assert!(numbers["rejected"].as_f64().unwrap() > 0.0, "{split}");
        assert_eq!(numbers["calls_left"], 0);
        assert!(split["because"].as_str().unwrap().contains("shardId-"), "{split}");
    }
    // Each ends before the next begins.
    let verbs = events.iter().filter_map(|event| event["verb"].as_str()).filter(|verb| *verb != "hold");
    let verbs: Vec<&str> = verbs.collect();
    assert!(verbs.windows(2).all(|two| two[0] != two[1]), "{verbs:?}");
    let told: Value = serde_json::from_str(&shop.says(&["history", "--json"])).expect("JSON");
    assert_eq!(splits(told["decisions"].as_array().unwrap()).len(), made.len());
    let explained = shop.says(&["explain", "clicks", "--last", "5"]);
    assert!(explained.contains("older decisions are in the ledger: --last"), "{explained}");
    assert!(shop.says(&["explain", "clicks", "--last", "500"]).contains("  split "), "{explained}");
    // A count inside the range is no drift, however its ranges lie.
    assert_eq!(shop.command(&["drift"]).output().unwrap().status.code(), Some(0));
    // The splits do not count: of ten calls nine are left, and the next one is a resize again.
    let shards = shop.status()["shards"].as_i64().unwrap();
    shop.says(&["pin", "clicks", "--shards", &(shards - 1).to_string(), "--for", "4h"]);
    assert_eq!(shop.status()["calls_left"], 9);
    let events = shop.run(&["--for", "30m"]);
    assert!(splits(&events).is_empty() && resizes(&events)[0]["to"] == shards - 1, "{events:#?}");
}

#[test]
fn nothing_is_split_where_the_spec_says_nothing_of_it() {
    let shop = Shop::of(&ALLOWED.replace("    scaling: { splitMerge: allow }\n", ""));
    let events = shop.run(&[&ONE_CALL[..], &["--for", "12h"]].concat());
    assert!(splits(&events).is_empty() && events.iter().any(|event| event["reason"] == "calls-used"), "{events:#?}");
}

#[test]
fn a_dry_run_only_tells_of_a_split() {
    // Nothing is split before it, whatever the wave is like at this hour of the day.
    let shop = Shop::of(&ALLOWED.replace("    scaling: { splitMerge: allow }\n", ""));
    shop.run(&[&ONE_CALL[..], &["--for", "20m"]].concat());
    std::fs::write(shop.path("tidegate.yaml"), ALLOWED).expect("the spec can be written");
    let before = shop.status()["shards"].clone();
    let events = shop.run(&["--calls-a-day", "1", "--for", "24h", "--dry-run"]);
    let would = splits(&events);
    assert!(!would.is_empty() && would.iter().all(|split| split["outcome"] == "dry-run"), "{events:#?}");
    assert_eq!(shop.status()["shards"], before);
}

#[test]
fn a_kill_at_any_moment_splits_nothing_twice() {
    let shop = Shop::of(ALLOWED);
    shop.run(&[&ONE_CALL[..], &["--ticks", "1"]].concat());
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let mut random = fastrand::Rng::with_seed(seed);
    let kills = kills(12);
    let speed = speed(kills, 12);
    for _ in 0..kills {
        let mut run = shop.command(&["run", "--speed", &speed, "--calls-a-day", "1"]);
        let mut child = run.stdout(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(random.u64(20..900)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    shop.run(&["--calls-a-day", "1", "--for", "2h"]);
    let cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
    let stream = &cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["stream"];
    // Two shards at first; their double makes four new ones, a split two. A call that a kill kept from being sent counts as well.
    let doubles = stream["spent"]["reshards"].as_array().map_or(0, Vec::len) as u64;
    assert!(doubles <= 1, "{stream}");
    let open = stream["shards"]["open"].as_array().unwrap().len() as u64;
    let splits = (stream["shards"]["next"].as_u64().unwrap() - 2 - 4 * doubles) / 2;
    assert_eq!(open, 2 + 2 * doubles + splits, "seed {seed}: nothing else changed the count");
    let ledger = std::fs::read_to_string(shop.path("tidegate-ledger")).unwrap();
    let records = ledger.lines().filter_map(|line| serde_json::from_str::<Value>(line.split_once(' ')?.1).ok());
    let written: Vec<Value> = records.filter(|record| record["is"] == "splitting").collect();
    assert!(splits > 0 && splits <= written.len() as u64, "seed {seed}: {splits} splits, written are {written:#?}");
    // No shard was split twice, and none that was not written down before.
    let named: BTreeSet<&str> = written.iter().map(|record| record["shard"].as_str().unwrap()).collect();
    let closed = stream["shards"]["closed"].as_array().unwrap();
    let parents: Vec<String> =
        closed.iter().map(|shard| format!("shardId-{:012}", shard["number"].as_u64().unwrap())).collect();
    let unnamed: Vec<&String> = parents.iter().filter(|shard| !named.contains(shard.as_str())).collect();
    // The double closed the first two.
    assert_eq!(unnamed.len() as u64, 2 * doubles, "seed {seed}: {parents:?} against {named:?}");
}

#[test]
fn a_real_stream_is_split_through_its_states() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("split-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: split\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}:\n    capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }}\n    scaling: {{ splitMerge: allow }}\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    let account = "510000000031";
    let says = |args: &[&str]| emulators::says(&mut emulators::program_with_streams(folder.path(), account), args);
    says(&["apply", "-y", "-q"]);
    put_load(account, &stream, 5.0);
    let run = ["run", "--json", "--tick", "2s", "--ticks", "20", "--drift", "0s", "--calls-a-day", "1"];
    let events = lines(&says(&run));
    assert_eq!(resizes(&events).len(), 1, "{events:#?}");
    let made: Vec<(i64, i64)> = splits(&events)
        .iter()
        .filter(|split| split["outcome"] == "accepted")
        .map(|split| (split["from"].as_i64().unwrap(), split["to"].as_i64().unwrap()))
        .collect();
    // Five shards' worth and a hundred records more are asked for, so six are enough.
    assert_eq!(made, [(4, 5), (5, 6)], "{events:#?}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shards = runtime.block_on(async {
        let config = config!(aws_sdk_kinesis, &emulators::kinesis_local().url, account).build();
        let client = aws_sdk_kinesis::Client::from_conf(config);
        client.list_shards().stream_name(&stream).send().await.expect("shards are listed").shards().to_vec()
    });
    let is_open = |shard: &&aws_sdk_kinesis::types::Shard| {
        shard.sequence_number_range().is_some_and(|range| range.ending_sequence_number().is_none())
    };
    let key = |text: &str| -> u128 { text.parse().expect("a hash key") };
    let ranges = shards.iter().filter(is_open).filter_map(|shard| shard.hash_key_range());
    let mut ranges: Vec<(u128, u128)> =
        ranges.map(|range| (key(range.starting_hash_key()), key(range.ending_hash_key()))).collect();
    ranges.sort_unstable();
    assert_eq!((ranges.len(), ranges[0].0, ranges[5].1), (6, 0, u128::MAX), "{ranges:?}");
    assert!(ranges.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{ranges:?}");
    // The widest go first: no half is split while a whole is left.
    let widths: Vec<u128> = ranges.iter().map(|range| range.1 - range.0).collect();
    assert!(widths.iter().max().unwrap() / widths.iter().min().unwrap() <= 2, "{widths:?}");
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}
