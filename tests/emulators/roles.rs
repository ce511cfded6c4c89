//! What derived roles may do, enforced by a program that nobody here wrote: every operation of Kinesis and Firehose on
//! what is theirs and on what is not, with their own credentials.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::permissions::{run, user};
use crate::support::emulators::{self, ACCESS_KEY, REGION};
use crate::support::hand::config;

/// `reader` and `detector` trust the account, so that this test may assume them; `kcl` names a lease table.
const SPEC: &str = r#"
apiVersion: tidegate/v1
pipeline: matrix
region: eu-west-1
alarms: { off: true }
defaults: { onRemoval: delete }
keys:
  taps: { deletionWindow: 7d }
streams:
  taps:
    capacity: { mode: provisioned, shards: 1 }
    encryption: { key: taps }
    fanOut: [fraud, audit]
  carts: { capacity: { mode: provisioned, shards: 1 }, fanOut: [fraud] }
archives:
  taps-raw: { from: taps, s3: { bucket: acme-matrix-raw, create: true } }
access:
  producer: { trust: { account: "000000000000" }, can: [{ write: taps }] }
  reader: { trust: { account: "000000000000" }, can: [{ read: taps }] }
  detector: { trust: { account: "000000000000" }, can: [{ read: taps, via: fraud, kcl: fraud-detector }] }
"#;

/// By role: every operation that goes through, and on what. Written from the documentation of AWS, not from our policies:
/// a producer puts; a reader finds shards and gets records; a fan-out reader subscribes through its own consumer alone.
const MAY: &[(&str, &[(&str, &str)])] = &[
    ("producer", &[("kinesis:PutRecord", "own"), ("kinesis:PutRecords", "own")]),
    (
        "reader",
        &[
            ("kinesis:DescribeStreamSummary", "own"),
            ("kinesis:GetRecords", "own"),
            ("kinesis:GetShardIterator", "own"),
            ("kinesis:ListShards", "own"),
        ],
    ),
    (
        "detector",
        &[
            // KCL 3.x asks for both.
            ("kinesis:DescribeStream", "own"),
            ("kinesis:DescribeStreamSummary", "own"),
            ("kinesis:ListShards", "own"),
            ("kinesis:DescribeStreamConsumer", "own-consumer"),
            ("kinesis:SubscribeToShard", "own-consumer"),
        ],
    ),
    (
        "taps-raw-delivery",
        &[
            ("kinesis:DescribeStream", "own"),
            ("kinesis:GetRecords", "own"),
            ("kinesis:GetShardIterator", "own"),
            ("kinesis:ListShards", "own"),
        ],
    ),
];

fn iam() -> aws_sdk_iam::Client {
    let config = config!(aws_sdk_iam, &emulators::ministack_with_auth().url, ACCESS_KEY).build();
    aws_sdk_iam::Client::from_conf(config)
}

/// The role's live policies, attached to a user: a delivery role can be assumed by Firehose alone.
async fn as_user(role: &str) -> (String, String) {
    let (iam, name) = (iam(), format!("matrix-{role}-eu-west-1"));
    let names = iam.list_role_policies().role_name(&name).send().await.unwrap();
    let [policy] = names.policy_names() else { panic!("{name} has one inline policy: {names:?}") };
    let text = iam.get_role_policy().role_name(&name).policy_name(policy).send().await.unwrap();
    let document = serde_json::from_str(&percent_decoded(text.policy_document())).expect("a policy is JSON");
    user(&format!("as-{role}"), document).await
}

/// IAM answers documents URL-encoded.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What went through, and how many attempts there were.
fn tried(key: &(String, String), resources: &[String]) -> (BTreeSet<(String, String)>, u64) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulators/matrix.py");
    let mut command = Command::new(emulators::interpreter());
    command.arg(script).arg(&emulators::ministack_with_auth().url).args(resources).env_clear();
    command.env("AWS_REGION", REGION).env("AWS_ACCESS_KEY_ID", &key.0).env("AWS_SECRET_ACCESS_KEY", &key.1);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut through = BTreeSet::new();
    let mut attempts = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        match told["tried"].as_u64() {
            Some(count) => attempts = count,
            None => {
                let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
                assert!(matches!(text("what").as_str(), "allowed" | "unsupported"), "{line}");
                if text("what") == "allowed" {
                    through.insert((text("action"), text("on")));
                }
            }
        }
    }
    (through, attempts)
}

#[tokio::test]
async fn each_derived_role_may_do_exactly_what_the_spec_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).unwrap();
    let root = (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned());
    let (code, said) = run(folder.path(), &root, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let resources = resources().await;
    let mut wrong = Vec::new();
    for (role, may) in MAY {
        let key = as_user(role).await;
        let (through, attempts) = tried(&key, &resources);
        println!("{role}: {attempts} attempts, {} went through", through.len());
        assert!(attempts > 100, "{role}: only {attempts} attempts");
        let may: BTreeSet<_> = may.iter().map(|(action, on)| ((*action).to_owned(), (*on).to_owned())).collect();
        wrong.extend(through.difference(&may).map(|extra| format!("{role} may {extra:?}")));
        wrong.extend(may.difference(&through).map(|missing| format!("{role} may not {missing:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `NAME=ARN` of what is theirs and what is not.
async fn resources() -> Vec<String> {
    let config = config!(aws_sdk_kinesis, &emulators::ministack_with_auth().url, ACCESS_KEY).build();
    let kinesis = aws_sdk_kinesis::Client::from_conf(config);
    let arn = |end: &str| format!("arn:aws:kinesis:{REGION}:000000000000:stream/{end}");
    let mut resources = vec![format!("own={}", arn("taps")), format!("other={}", arn("carts"))];
    for (stream, consumer, name) in
        [("taps", "fraud", "own-consumer"), ("taps", "audit", "other-consumer"), ("carts", "fraud", "foreign-consumer")]
    {
        let seen = kinesis.list_stream_consumers().stream_arn(arn(stream)).send().await.unwrap();
        let found = seen.consumers().iter().find(|seen| seen.consumer_name() == consumer).expect("it is registered");
        resources.push(format!("{name}={}", found.consumer_arn()));
    }
    resources.push(format!("delivery=arn:aws:firehose:{REGION}:000000000000:deliverystream/taps-raw"));
    resources
}
