//! Shard metrics that the spec leaves to `run`: on at a suspicion, off after an hour of calm, and no plan takes back either.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tidegate::cloud::{Class, Fault, Target};
use tidegate::control::Loads;
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Keys, Load, Local, Moment, Options};
use tidegate::model::{self, Attrs, Call, PIPELINE, RESOURCE};
use tidegate::run::Forgetful;
use tidegate::scale::Bounds;

use super::owed::{block_on, controller};
use super::program::{Shop, kills, lines, put_load, resizes};
use super::rough::{Judge, Odds, Rough};
use crate::support::emulators;
use crate::support::hand::config;

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

/// A stream of sixteen shards, of which eight are allowed, with one hot key, in an account that may not switch metrics until it may.
fn forbidding(may: &Arc<AtomicBool>) -> Arc<Rough> {
    let may = Arc::clone(may);
    let hook = move |_: &Target, call: &Call, moment| {
        let denied =
            moment == Moment::Before && call.verb() == "EnableEnhancedMonitoring" && !may.load(Ordering::SeqCst);
        let action = "kinesis:EnableEnhancedMonitoring".to_owned();
        denied.then(|| Fault::new(Class::Denied { action }, "switching", "AccessDeniedException", "not authorized"))
    };
    let local = Local::new(SCHEMAS, Options::default(), 1_795_500_000).with_hook(Arc::new(hook));
    let tags = model::Value::map([(PIPELINE, "shop".to_owned()), (RESOURCE, "stream/clicks".to_owned())]);
    let attrs = Attrs::from([("shards".to_owned(), model::Value::Int(16)), ("tags".to_owned(), tags)]);
    local.put("stream", "clicks", attrs).unwrap();
    local.offer("clicks", Load::synthetic(1, 3000.0, 500.0).keys(Keys::hot(7, 0.8))).unwrap();
    let bounds = [("clicks".to_owned(), Bounds { min: 2, max: 8 })].into();
    let mut rough = Rough::new(Arc::new(local), Arc::new(Mutex::new(Judge::default())), bounds, Odds::default(), 1);
    rough.may_switch = ["clicks".to_owned()].into();
    Arc::new(rough)
}

#[test]
fn a_refusal_is_told_with_its_remedy_and_holds_up_nothing_else() {
    let may = Arc::new(AtomicBool::new(false));
    let rough = forbidding(&may);
    block_on(async {
        let mut controller = controller(&rough, Box::new(Forgetful)).await;
        let fleet = controller.fleet();
        let both = ["IncomingBytes", "IncomingRecords"].map(str::to_owned).to_vec();
        fleet.lock().unwrap().stream(0).0.loads = Loads::Switched(both);
        let mut told = 0;
        for minute in 0..240 {
            may.store(minute >= 120, Ordering::SeqCst);
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&|_| ()).await;
            let report = fleet.lock().unwrap().report();
            let denied = |trouble: &&String| trouble.contains("not authorized") && trouble.contains("iam controller");
            told += usize::from(report.troubles.iter().any(|trouble| denied(&trouble)));
            if minute == 119 {
                assert_eq!(report.streams[0].watched, Some(false));
                assert!(report.streams[0].shards.is_some_and(|shards| shards <= 8), "it is sized as ever");
                assert!(report.ticks.refusals >= 3 && told >= 60, "{:?}, told {told} times", report.ticks);
            }
        }
        let report = fleet.lock().unwrap().report();
        assert_eq!((report.streams[0].watched, report.ticks.switches), (Some(true), 1));
        assert_eq!(report.troubles, [""; 0], "it is over");
        assert!(report.streams[0].hot.is_some());
    });
    let judge = rough.judge.lock().unwrap();
    assert_eq!((&judge.broken[..], judge.switches.len()), (&[][..], 1));
    assert!(judge.sent.iter().any(|sent| sent.accepted));
}

/// Through the SDK: of a stream that is calm they are turned off, of one that throttles although it has room on. (ministack does not tell
/// which are on.)
#[test]
fn a_real_stream_is_switched() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (kinesis, account) = (emulators::kinesis_local(), "510000000079");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("watch-{}", std::process::id());
    let write = |metrics: &str| {
        let spec = format!(
            "apiVersion: tidegate/v1\npipeline: watch\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
             streams:\n  {stream}:\n    capacity: {{ mode: provisioned, shards: {{ min: 4, max: 8 }} }}\n    {metrics}\n"
        );
        std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    };
    let program = || emulators::program_with_streams(folder.path(), account);
    let says = |args: &[&str]| emulators::says(&mut program(), args);
    let on = || {
        runtime.block_on(async {
            let config = config!(aws_sdk_kinesis, &kinesis.url, account).build();
            let client = aws_sdk_kinesis::Client::from_conf(config);
            let answer = client.describe_stream_summary().stream_name(&stream).send().await.expect("a stream");
            let stream = answer.stream_description_summary.expect("a summary");
            let metrics = stream.enhanced_monitoring().iter().flat_map(|set| set.shard_level_metrics().to_vec());
            let mut names: Vec<String> = metrics.map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        })
    };
    let run = |verb: &str| {
        let events = lines(&says(&["run", "--json", "--tick", "2s", "--ticks", "5", "--drift", "0s"]));
        let made: Vec<&Value> = verbs(&events, verb);
        assert!(made.len() == 1 && made[0]["outcome"] == "accepted", "{}: {events:#?}", kinesis.url);
        assert_eq!(program().args(["plan", "--detailed-exitcode"]).output().unwrap().status.code(), Some(0));
    };
    write("shardMetrics: [OutgoingBytes, IncomingBytes, IncomingRecords]");
    says(&["apply", "-y", "-q"]);
    write("shardMetrics: [OutgoingBytes]\n    scaling: { shardMetrics: auto }");
    assert_eq!(on(), ON);
    run("unwatch");
    assert_eq!(on(), ["OutgoingBytes"]);
    put_load(account, &stream, 1.0);
    run("watch");
    assert_eq!(on(), ON);
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}
