//! The history of a stream, through the real SDK and over HTTP from an emulator of CloudWatch.

use std::process::Command;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};

use crate::support::emulators::ministack;

const STREAM: &str = "history-of-clicks";
/// Minutes of history that are put.
const MINUTES: i64 = 2000;

/// A day's wave of records of 500 bytes, and a jump that one shard rejects.
fn records(minute: i64) -> f64 {
    let wave = 1.0 - (minute as f64 / 1440.0 * std::f64::consts::TAU).cos();
    (20_000.0 + 60_000.0 * wave).round()
}

async fn put(end: i64) {
    let endpoint = ministack();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region("eu-west-1")
        .endpoint_url(&endpoint.url)
        .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "static"))
        .load()
        .await;
    let client = aws_sdk_cloudwatch::Client::new(&config);
    let stream = Dimension::builder().name("StreamName").value(STREAM).build();
    let mut data = Vec::new();
    for at in 0..MINUTES {
        let time = DateTime::from_secs((end - MINUTES + at) * 60);
        for (name, value) in [("IncomingRecords", records(at)), ("IncomingBytes", records(at) * 500.0)] {
            let datum = MetricDatum::builder().metric_name(name).dimensions(stream.clone()).timestamp(time);
            data.push(datum.value(value).build());
        }
    }
    for part in data.chunks(500) {
        let put = client.put_metric_data().namespace("AWS/Kinesis").set_metric_data(Some(part.to_vec()));
        put.send().await.expect("the emulator takes the metrics");
    }
}

#[tokio::test]
async fn the_last_days_of_a_living_stream_are_simulated() {
    let end = jiff::Timestamp::now().as_second().div_euclid(60) - 5;
    put(end).await;
    let run = |command: &str, stream: &str| {
        let arguments = [command, "--from-cloudwatch", stream, "--days", "3", "--json", "--region", "eu-west-1"];
        let mut tidegate = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        tidegate.args(arguments).envs(ministack().env()).env("TIDEGATE_CLOUD", "aws");
        tidegate.output().expect("tidegate starts")
    };
    let output = run("simulate", STREAM);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    // Two minutes more than were put: the newest ones have no traffic yet.
    let minutes = said["demand"]["minutes"].as_i64().expect("a number");
    assert!((MINUTES..MINUTES + 5).contains(&minutes), "{minutes}");
    let demand = said["totals"]["demand"].as_f64().expect("a number");
    let put: f64 = (0..MINUTES).map(records).sum::<f64>() / 60_000.0;
    assert!((demand - put).abs() < 1e-6 * put, "{demand} of {put}");
    assert!(run("advise", STREAM).status.success());
    let missing = run("advise", "nobody");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no datapoint of stream nobody"));
}
