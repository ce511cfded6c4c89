//! Fan-out consumers as CloudWatch shows them: one that stands still is told, and no shard is bought for it.

use std::time::SystemTime;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use serde_json::Value;

use crate::support::emulators;
use crate::support::hand::config;

/// Half an hour in which a consumer of a calm stream falls behind by the clock and is sent nothing.
fn put(account: &str, stream: &str, consumer: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = config!(aws_sdk_cloudwatch, &emulators::ministack().url, account).build();
        let client = aws_sdk_cloudwatch::Client::from_conf(config);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 / 60;
        for minute in now - 30..now {
            let datum = |name: &str, of: &[(&str, &str)], value: f64| {
                let of = of.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
                let datum = MetricDatum::builder().metric_name(name).set_dimensions(Some(of.collect()));
                datum.timestamp(DateTime::from_secs(minute * 60)).value(value).build()
            };
            let all = [("StreamName", stream)];
            let one = [("StreamName", stream), ("ConsumerName", consumer)];
            let data = vec![
                datum("IncomingRecords", &all, 60_000.0),
                datum("IncomingBytes", &all, 6_000_000.0),
                datum("WriteProvisionedThroughputExceeded", &all, 0.0),
                datum("SubscribeToShardEvent.MillisBehindLatest", &one, (minute - now + 31) as f64 * 60_000.0),
                datum("SubscribeToShardEvent.Bytes", &one, 0.0),
            ];
            let request = client.put_metric_data().namespace("AWS/Kinesis").set_metric_data(Some(data));
            request.send().await.expect("metrics are taken");
        }
    });
}

#[test]
fn a_fan_out_consumer_that_stands_still_is_told() {
    let (folder, account) = (tempfile::tempdir().expect("a temporary folder"), "510000000037");
    let stream = format!("read-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: readers\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}:\n    capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }}\n    fanOut: [fraud]\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    let says = |args: &[&str]| emulators::says(&mut emulators::program_with_streams(folder.path(), account), args);
    says(&["apply", "-y", "-q"]);
    put(account, &stream, "fraud");
    let report: Value = serde_json::from_str(&says(&["status", "--json", "--ledger", "none"])).expect("JSON");
    let conditions = report["streams"][0]["conditions"].as_array().expect("a list");
    let healthy = conditions.iter().find(|condition| condition["type"] == "Healthy").expect("it is told");
    assert_eq!((&healthy["status"], &healthy["reason"]), (&"False".into(), &"dead-consumer".into()), "{report:#}");
    let message = healthy["message"].as_str().expect("text");
    assert!(message.starts_with("fraud reads next to nothing"), "{message}");
    assert_eq!(report["streams"][0]["last"]["verb"], "hold", "{report:#}");
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}
