//! The wake-up queue and its rule, over the real SDK, and an alarm that goes all the way.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tidegate::model::Value;

use super::archive::{Bench, attrs};
use crate::control::lines;
use crate::support::emulators::{self, Endpoint, REGION};
use crate::support::hand::config;

fn policy(name: &str) -> Value {
    let json = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "AlarmsOfThePipeline", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:000000000000:conf-queue",
        "Condition": { "ArnEquals": { "aws:SourceArn": format!("arn:aws:events:eu-west-1:000000000000:rule/{name}") } },
    }]});
    Value::from_json(&json).unwrap()
}

async fn queue(endpoint: &'static Endpoint, faulty: &[&str]) {
    let wanted = attrs([("retention", "10m".into()), ("encryption", "sqs".into()), ("policy", policy("one"))]);
    let changes = vec![("retention", "1h".into()), ("policy", policy("two")), ("encryption", "none".into())];
    Bench::new(endpoint, "queue", "wake-up", "conf-queue").await.prove(wanted, changes, faulty).await;
}

async fn rule(endpoint: &'static Endpoint) {
    let pattern = |source: &str| Value::map([("source", Value::list([source]))]);
    let arn = |name: &str| Value::text(format!("arn:aws:sqs:eu-west-1:{}:{name}", endpoint.account));
    let wanted = attrs([
        ("description", "wakes".into()),
        ("pattern", pattern("aws.cloudwatch")),
        ("enabled", true.into()),
        ("target", arn("one")),
    ]);
    let changes = vec![
        ("description", "wakes others".into()),
        ("pattern", pattern("aws.kinesis")),
        ("enabled", false.into()),
        ("target", arn("two")),
    ];
    Bench::new(endpoint, "rule", "wake-up", "conf-rule").await.prove(wanted, changes, &[]).await;
}

#[tokio::test]
async fn queues_on_ministack() {
    queue(emulators::ministack(), &[]).await;
}

#[tokio::test]
async fn queues_on_moto() {
    // It loses the policy when another attribute is set.
    queue(emulators::moto(), &["policy"]).await;
}

#[tokio::test]
async fn rules_on_ministack() {
    rule(emulators::ministack()).await;
}

#[tokio::test]
async fn rules_on_moto() {
    rule(emulators::moto()).await;
}

const ACCOUNT: &str = "510000000041";
const SPEC: &str = "apiVersion: tidegate/v1
pipeline: woken
region: eu-west-1
defaults: { key: none }
streams:
  woken: { capacity: { mode: provisioned, shards: { min: 1, max: 8 } } }
controller: { wakeUp: {} }
";

/// CloudWatch's own event (its user guide, "Alarm events and EventBridge"), as EventBridge puts it into a queue. Emulators send none and
/// let nobody else send it, so the rule is asked whether it would carry it.
async fn goes_off(alarm: &str) {
    let event = |state: &str| {
        serde_json::json!({
            "version": "0", "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92", "account": ACCOUNT, "region": REGION,
            "time": "2026-11-25T09:00:00Z", "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
            "resources": [format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}")],
            "detail": { "alarmName": alarm, "state": { "value": state }, "previousState": { "value": "OK" } },
        })
        .to_string()
    };
    let url = &emulators::ministack().url;
    let events = aws_sdk_eventbridge::Client::from_conf(config!(aws_sdk_eventbridge, url, ACCOUNT).build());
    let sqs = aws_sdk_sqs::Client::from_conf(config!(aws_sdk_sqs, url, ACCOUNT).build());
    let rule = events.describe_rule().name("woken-wake-up").send().await.expect("the rule");
    for (state, carried) in [("ALARM", true), ("OK", false)] {
        let ask =
            events.test_event_pattern().event_pattern(rule.event_pattern().unwrap_or_default()).event(event(state));
        assert_eq!(ask.send().await.expect("an answer").result(), carried, "{state}");
    }
    let queue =
        sqs.get_queue_url().queue_name("woken-wake-up").send().await.expect("the queue").queue_url.unwrap_or_default();
    sqs.send_message().queue_url(queue).message_body(event("ALARM")).send().await.expect("it is sent");
}

/// Ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_alarm_wakes_the_controller_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
    let says = |args: &[&str]| emulators::says(&mut emulators::program(folder.path(), ACCOUNT), args);
    says(&["apply", "-y", "-q"]);
    let events = folder.path().join("events");
    let file = std::fs::File::create(&events).expect("a file");
    // An hour between two ticks: what comes sooner was woken.
    let mut run = emulators::program(folder.path(), ACCOUNT);
    run.args(["run", "--json", "--tick", "1h", "--drift", "0s"]);
    let run = run.stdout(file).stderr(Stdio::null()).spawn();
    let run = Killed(run.expect("it starts"));
    let seen =
        || lines(std::fs::read_to_string(&events).unwrap_or_default().rsplit_once('\n').map_or("", |(all, _)| all));
    let until = |what: &str, enough: &dyn Fn(&[Json]) -> bool| {
        let began = Instant::now();
        while !enough(&seen()) {
            assert!(began.elapsed() < Duration::from_secs(180), "{what}: {:#?}", seen());
            std::thread::sleep(Duration::from_millis(50));
        }
        began.elapsed()
    };
    until("the first tick", &|events| events.iter().any(|event| event["event"] == "decision"));
    // Something to decide: by now it is full, which the next tick would have seen in an hour.
    crate::control::put_load(ACCOUNT, "woken", 3.0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(goes_off("woken-woken-write-throttled"));
    let told = |event: &Json| event["woken_by"] == "alarm woken-woken-write-throttled, told by the queue";
    let waited = until("a decision", &|events| events.iter().any(told));
    println!("decided {waited:?} after the alarm");
    let resized = |event: &Json| told(event) && event["verb"] == "resize" && event["outcome"] == "accepted";
    until("a resize", &|events| events.iter().any(resized));
    drop(run);
    says(&["destroy", "-y", "-q", "--allow-data-loss", "stream/woken"]);
}
