//! Lambda functions that read a stream: the parallelization factor is raised before a shard is bought for lag, on the embedded cloud and
//! against event source mappings that ministack keeps.

use std::time::SystemTime;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_sdk_lambda::types::{EventSourcePosition, FunctionCode, Runtime};
use serde_json::Value;

use super::program::{Shop, lines, resizes};
use crate::support::emulators;
use crate::support::hand::config;

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 64 } }
    scaling: { lambda: [{ function: enrich, parallelization: { min: 1, max: 10 } }] }
";

fn changes(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["verb"] == "parallelize").collect()
}

fn age(shop: &Shop) -> f64 {
    shop.status()["age_seconds"].as_f64().expect("an age")
}

#[test]
fn a_slow_function_gets_more_batches_at_once_and_no_shards() {
    // At noon a shard takes more than the function gets done at factor 1.
    let shop = Shop::of(SPEC);
    let events = shop.run(&["--traffic", "6", "--for", "24h"]);
    let made = changes(&events);
    assert!(!made.is_empty() && made.iter().all(|change| change["outcome"] == "accepted"), "{events:#?}");
    let first = made[0];
    assert_eq!(
        (&first["reason"], &first["from"], &first["lambda"]["function"]),
        (&"raise".into(), &1.into(), &"enrich".into())
    );
    assert!(first["because"].as_str().unwrap().contains("min behind"), "{first}");
    assert!(made.iter().all(|change| (1..=10).contains(&change["to"].as_u64().unwrap())), "{made:#?}");
    // A reader that is as fast as its shards wants the same resizes.
    let plain =
        Shop::of(&SPEC.replace(
            "scaling: { lambda: [{ function: enrich, parallelization: { min: 1, max: 10 } }] }",
            "scaling: {}",
        ));
    let without = plain.run(&["--traffic", "6", "--for", "24h"]);
    let targets = |events: &[Value]| resizes(events).iter().map(|event| event["to"].clone()).collect::<Vec<_>>();
    assert_eq!(targets(&events), targets(&without));
    assert!(age(&shop) < 300.0, "{}", shop.says(&["status"]));
    let status = shop.status();
    let function = &status["functions"][0];
    // The wave begins where the clock is: at its end the factor may be high, or lowered again.
    assert!(made.iter().any(|change| change["to"].as_u64().unwrap() >= 2), "{made:#?}");
    assert_eq!((&function["factor"], &function["state"]), (&made[made.len() - 1]["to"], &"Enabled".into()));
    assert!(shop.says(&["status"]).contains("  enrich: parallelization factor "), "{}", shop.says(&["status"]));
    let explained = shop.says(&["explain", "clicks", "--last", "500"]);
    assert!(
        explained.contains("parallelize enrich at factor 1 → ") && explained.contains("    enrich: iterator age "),
        "{explained}"
    );
    let told: Value = serde_json::from_str(&shop.says(&["history", "--json", "--last", "500"])).expect("JSON");
    assert_eq!(changes(told["decisions"].as_array().unwrap()).len(), made.len());
    // What was too few is remembered across a restart, so that nothing swings.
    let later = shop.run(&["--for", "48h"]);
    assert!(changes(&later).len() <= 12, "{later:#?}");
}

#[test]
fn a_dry_run_only_tells_of_a_change() {
    let shop = Shop::of(SPEC);
    let events = shop.run(&["--traffic", "6", "--for", "12h", "--dry-run"]);
    let would = changes(&events);
    assert!(!would.is_empty() && would.iter().all(|change| change["outcome"] == "dry-run"), "{events:#?}");
    assert!(would.len() < 30, "it is told, not each minute: {}", would.len());
    assert_eq!(shop.status()["functions"][0]["factor"], 1);
}

#[test]
fn a_function_that_cannot_be_found_holds_up_nothing_else() {
    let shop = Shop::of(&SPEC.replace("enrich", "nobody"));
    // Traffic without the function: that of a spec that does not name it.
    let spec = std::fs::read_to_string(shop.path("tidegate.yaml")).unwrap();
    std::fs::write(shop.path("tidegate.yaml"), spec.split("    scaling").next().unwrap()).unwrap();
    shop.run(&["--traffic", "9", "--ticks", "1"]);
    std::fs::write(shop.path("tidegate.yaml"), spec).unwrap();
    let events = shop.run(&["--for", "2h"]);
    assert!(resizes(&events).iter().any(|event| event["outcome"] == "accepted"), "{events:#?}");
    let troubles: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).collect();
    assert!(
        troubles.iter().any(|told| told.contains("nobody has no event source mapping to stream clicks")),
        "{troubles:?}"
    );
    let function = shop.status()["functions"][0].clone();
    assert_eq!((&function["reason"], &function["factor"]), (&"unreadable".into(), &Value::Null), "{function}");
}

#[test]
fn a_function_that_stands_still_is_told_and_not_scaled_for() {
    let shop = Shop::of(SPEC);
    shop.run(&["--traffic", "3", "--for", "2h"]);
    let mut cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
    let function = &mut cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["stream"]["functions"][0];
    let factor = function["factor"].clone();
    function["pace"] = 0.0.into();
    std::fs::write(shop.path("cloud.json"), cloud.to_string()).unwrap();
    let events = shop.run(&["--for", "1h"]);
    let status = shop.status();
    assert!(changes(&events).len() <= 1, "only before it is known: {events:#?}");
    assert!(
        events.iter().any(|event| event["reason"] == "dead-consumer" && event["lambda"]["function"] == "enrich"),
        "{events:#?}"
    );
    let conditions = status["conditions"].as_array().unwrap();
    let healthy = conditions.iter().find(|condition| condition["type"] == "Healthy").unwrap();
    assert_eq!((&healthy["status"], &healthy["reason"]), (&"False".into(), &"dead-consumer".into()), "{status:#}");
    assert_eq!(status["functions"][0]["reason"], "dead-consumer", "{factor} {status:#}");
}

const TRUST: &str = r#"{ "Version": "2012-10-17", "Statement": [
    { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } }
] }"#;

/// A function that reads the stream, and half an hour in which it falls behind by half a minute each minute. Answers its mapping.
pub fn behind(url: &str, [key, account]: [&str; 2], stream: &str, function: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lambda = aws_sdk_lambda::Client::from_conf(config!(aws_sdk_lambda, url, key).build());
        // An archive with nothing in it.
        let archive = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        let code = FunctionCode::builder().zip_file(aws_sdk_lambda::primitives::Blob::new(archive)).build();
        let (name, role) = (format!("{function}-reads"), format!("arn:aws:iam::{account}:role/{function}-reads"));
        let iam = aws_sdk_iam::Client::from_conf(config!(aws_sdk_iam, url, key).build());
        iam.create_role().role_name(name).assume_role_policy_document(TRUST).send().await.expect("a role");
        let made = lambda.create_function().function_name(function).role(role).code(code);
        made.runtime(Runtime::Python312).handler("index.handler").send().await.expect("a function");
        let arn = format!("arn:aws:kinesis:{}:{account}:stream/{stream}", emulators::REGION);
        let mapping = lambda.create_event_source_mapping().function_name(function).event_source_arn(arn);
        let mapping = mapping.starting_position(EventSourcePosition::Latest).parallelization_factor(2);
        let mapping = mapping.send().await.expect("a mapping");
        let cloudwatch = aws_sdk_cloudwatch::Client::from_conf(config!(aws_sdk_cloudwatch, url, key).build());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 / 60;
        for minute in now - 30..now {
            let datum = |name: &str, of: (&str, &str), value: f64| {
                let of = Dimension::builder().name(of.0).value(of.1).build();
                let datum = MetricDatum::builder().metric_name(name).dimensions(of).value(value);
                datum.timestamp(DateTime::from_secs(minute * 60)).build()
            };
            let of_stream = |name: &str, value: f64| datum(name, ("StreamName", stream), value);
            let kinesis = vec![
                of_stream("IncomingRecords", 60_000.0),
                of_stream("IncomingBytes", 6_000_000.0),
                of_stream("WriteProvisionedThroughputExceeded", 0.0),
                of_stream("GetRecords.Bytes", 3_000_000.0),
            ];
            let late = (minute - now + 31) as f64 * 30_000.0;
            let ages = vec![datum("IteratorAge", ("FunctionName", function), late)];
            for (namespace, data) in [("AWS/Kinesis", kinesis), ("AWS/Lambda", ages)] {
                let request = cloudwatch.put_metric_data().namespace(namespace).set_metric_data(Some(data));
                request.send().await.expect("metrics are taken");
            }
        }
        mapping.uuid().expect("an id").to_owned()
    })
}

fn factor(account: &str, uuid: &str) -> Option<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = config!(aws_sdk_lambda, &emulators::ministack().url, account).build();
        let client = aws_sdk_lambda::Client::from_conf(config);
        client.get_event_source_mapping().uuid(uuid).send().await.expect("the mapping").parallelization_factor()
    })
}

#[test]
fn a_real_mapping_is_found_and_changed() {
    let (folder, account) = (tempfile::tempdir().expect("a temporary folder"), "510000000043");
    let stream = format!("mapped-{}", std::process::id());
    let function = format!("enrich-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: mapped\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none, onRemoval: delete }}\n\
         streams:\n  {stream}:\n    capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }}\n    \
         scaling: {{ lambda: [{{ function: {function}, parallelization: {{ max: 8 }} }}] }}\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    let says = |args: &[&str]| emulators::says(&mut emulators::program(folder.path(), account), args);
    says(&["apply", "-y", "-q"]);
    let uuid = behind(&emulators::ministack().url, [account; 2], &stream, &function);
    let run = ["run", "--json", "--tick", "1s", "--ticks", "4", "--drift", "0s", "--learn", "1h"];
    let told = lines(&says(&[&run[..], &["--dry-run"]].concat()));
    assert!(
        changes(&told).iter().all(|change| change["outcome"] == "dry-run") && !changes(&told).is_empty(),
        "{told:#?}"
    );
    assert_eq!(factor(account, &uuid), Some(2));
    let events = lines(&says(&run));
    let made = changes(&events);
    // Reads are half of what comes in: 2.5 times as many batches at once read a quarter more than that.
    let only = |name: &str| made.iter().map(|change| change[name].clone()).collect::<Vec<Value>>();
    assert_eq!(
        (only("from"), only("to"), only("outcome")),
        (vec![2.into()], vec![5.into()], vec!["accepted".into()]),
        "{events:#?}"
    );
    assert_eq!(factor(account, &uuid), Some(5));
    assert!(resizes(&events).is_empty(), "no shard is bought for lag: {events:#?}");
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}
