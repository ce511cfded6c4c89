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

/// With whose credentials the attempts are made.
enum Who {
    /// A user's access key.
    User((String, String)),
    /// A role, which the account assumes.
    Role(String),
}

fn arn_of(role: &str) -> String {
    format!("arn:aws:iam::000000000000:role/tidegate/matrix/matrix-{role}-{REGION}")
}

/// The role's live policies, attached to a user: a delivery role can be assumed by Firehose alone.
async fn as_user(pipeline: &str, role: &str) -> (String, String) {
    let (iam, name) = (iam(), format!("{pipeline}-{role}-{REGION}"));
    let names = iam.list_role_policies().role_name(&name).send().await.unwrap();
    let [policy] = names.policy_names() else { panic!("{name} has one inline policy: {names:?}") };
    let text = iam.get_role_policy().role_name(&name).policy_name(policy).send().await.unwrap();
    let document = serde_json::from_str(&percent_decoded(text.policy_document())).expect("a policy is JSON");
    user(&format!("as-{pipeline}-{role}"), document).await
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

/// What an account of somebody who tried everything tells.
#[derive(Default)]
struct Told {
    through: BTreeSet<(String, String)>,
    /// What ministack does not have; it is refused to whoever may not do it all the same.
    unsupported: BTreeSet<String>,
    attempts: u64,
}

/// Runs the attempts; the account of it, or why nothing could be tried.
fn tried(who: &Who, resources: &[String]) -> Result<Told, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulators/matrix.py");
    let mut command = Command::new(emulators::interpreter());
    command
        .arg(script)
        .arg(&emulators::ministack_with_auth().url)
        .args(resources)
        .env_clear()
        .env("AWS_REGION", REGION);
    let (key, role) = match who {
        Who::User((key, secret)) => ((key.as_str(), secret.as_str()), None),
        Who::Role(arn) => ((ACCESS_KEY, ACCESS_KEY), Some(arn)),
    };
    command.env("AWS_ACCESS_KEY_ID", key.0).env("AWS_SECRET_ACCESS_KEY", key.1);
    command.envs(role.map(|arn| ("ROLE", arn)));
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut told = Told::default();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let said: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        match (said["tried"].as_u64(), text("what").as_str()) {
            (Some(count), _) => {
                assert_eq!(said["never"], serde_json::json!([]), "operations that were tried on nothing");
                told.attempts = count;
            }
            (None, "allowed") => _ = told.through.insert((text("action"), text("on"))),
            (None, "unsupported") => _ = told.unsupported.insert(text("action")),
            (None, _) => panic!("{line}"),
        }
    }
    Ok(told)
}

/// What ministack does not have, seen by somebody who may do everything.
const NOT_THERE: &[&str] = &[
    "kinesis:CreateChannel",
    "kinesis:DeleteChannel",
    "kinesis:DescribeAccountSettings",
    "kinesis:DescribeChannel",
    "kinesis:DescribeLimits",
    "kinesis:ListChannels",
    "kinesis:ListTagsForResource",
    "kinesis:TagResource",
    "kinesis:UntagResource",
    "kinesis:UpdateAccountSettings",
    "kinesis:UpdateChannel",
    "kinesis:UpdateMaxRecordSize",
    "kinesis:UpdateStreamMode",
    "kinesis:UpdateStreamRecordDistributionStrategy",
    "kinesis:UpdateStreamWarmThroughput",
];

/// The measure of the test below: nothing is refused to whoever may do everything, so that what is refused is refused by a policy.
#[tokio::test]
async fn nothing_is_refused_to_who_may_do_everything() {
    let all = serde_json::json!({ "Effect": "Allow", "Action": ["kinesis:*", "firehose:*"], "Resource": "*" });
    let key = user("matrix-all", serde_json::json!({ "Version": "2012-10-17", "Statement": [all] })).await;
    let arn = |end: &str| format!("arn:aws:kinesis:{REGION}:000000000000:{end}");
    let resources = [
        format!("stream={}", arn("stream/matrix-nobodys")),
        format!("consumer={}", arn("stream/matrix-nobodys/consumer/nobody:1")),
        format!("delivery=arn:aws:firehose:{REGION}:000000000000:deliverystream/matrix-nobodys"),
        format!("channel={}", arn("channel/matrix-nobodys")),
        "account=*".to_owned(),
    ];
    let told = tried(&Who::User(key), &resources).unwrap();
    let known: BTreeSet<_> = told.through.iter().map(|(action, _)| action).chain(&told.unsupported).collect();
    let missing: Vec<_> = NOT_THERE.iter().filter(|action| !told.unsupported.contains(**action)).collect();
    assert!(missing.is_empty() && told.unsupported.len() == NOT_THERE.len(), "{missing:?} {:?}", told.unsupported);
    println!("{} operations, none refused in {} attempts", known.len(), told.attempts);
    assert!(known.len() >= 55, "{known:?}");
}

#[tokio::test]
async fn each_derived_role_may_do_exactly_what_the_spec_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).unwrap();
    let root = (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned());
    let (code, said) = run(folder.path(), &root, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let consumers = [
        ("taps", "fraud", "own-consumer"),
        ("taps", "audit", "other-consumer"),
        ("carts", "fraud", "foreign-consumer"),
    ];
    let resources = resources(["taps", "carts", "taps-raw"], &consumers).await;
    let mut wrong = Vec::new();
    for (role, may) in MAY {
        let assumed = tried(&Who::Role(arn_of(role)), &resources);
        let told = match assumed {
            Ok(told) => told,
            // What only Firehose may assume is tried with its policies on a user.
            Err(why) => {
                assert!(
                    role.ends_with("-delivery") && why.contains("AssumeRole") && why.contains("AccessDenied"),
                    "{why}"
                );
                tried(&Who::User(as_user("matrix", role).await), &resources).unwrap()
            }
        };
        assert!(told.attempts >= 118, "{role}: only {} attempts", told.attempts);
        wrong.extend(wrongs(role, told, may));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a role may and should not, and what it should and may not.
fn wrongs(role: &str, told: Told, may: &[(&str, &str)]) -> Vec<String> {
    let (through, attempts) = (told.through, told.attempts);
    println!("{role}: {attempts} attempts, {} went through", through.len());
    assert!(told.unsupported.is_empty(), "{role} may what ministack does not have: {:?}", told.unsupported);
    let may: BTreeSet<_> = may.iter().map(|(action, on)| ((*action).to_owned(), (*on).to_owned())).collect();
    let extra = through.difference(&may).map(|extra| format!("{role} may {extra:?}"));
    extra.chain(may.difference(&through).map(|missing| format!("{role} may not {missing:?}"))).collect()
}

/// The roles of the full example: by other names, since its own are another test's, and without its endpoints, which change no policy of a role
/// and need a network. Whom they trust may not be asked here: their policies are tried on users.
#[tokio::test]
async fn each_role_of_the_full_example_may_do_exactly_what_it_says() {
    let example = include_str!("../../specs/clickstream.yaml");
    let (before, rest) = example.split_once("\nendpoints:\n").expect("it has endpoints");
    let (_, after) = rest.split_once("\n\n").expect("and more behind them");
    let spec = format!("{before}\n\n{after}").replace("clicks", "hits").replace("audit:", "books:");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
    let root = (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned());
    let (code, said) = run(folder.path(), &root, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let resources = resources(["hits", "books", "hits-raw"], &[("hits", "fraud", "own-consumer")]).await;
    let of = |kind: &str| MAY.iter().find(|(role, _)| *role == kind).expect("the matrix has its like").1;
    let roles =
        [("web-producer", "producer"), ("fraud-detector", "detector"), ("hits-raw-delivery", "taps-raw-delivery")];
    let made = said.matches("created role/").count();
    assert_eq!(made, roles.len(), "all roles that it derives: {said}");
    let mut wrong = Vec::new();
    for (role, like) in roles {
        let told = tried(&Who::User(as_user("hitstream", role).await), &resources).unwrap();
        assert!(told.attempts >= 80, "{role}: only {} attempts", told.attempts);
        wrong.extend(wrongs(role, told, of(like)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `NAME=ARN` of what is theirs and what is not.
async fn resources([own, other, delivery]: [&str; 3], consumers: &[(&str, &str, &str)]) -> Vec<String> {
    let config = config!(aws_sdk_kinesis, &emulators::ministack_with_auth().url, ACCESS_KEY).build();
    let kinesis = aws_sdk_kinesis::Client::from_conf(config);
    let arn = |end: &str| format!("arn:aws:kinesis:{REGION}:000000000000:stream/{end}");
    let mut resources = vec![format!("own={}", arn(own)), format!("other={}", arn(other))];
    for (stream, consumer, name) in consumers {
        let seen = kinesis.list_stream_consumers().stream_arn(arn(stream)).send().await.unwrap();
        let found = seen.consumers().iter().find(|seen| seen.consumer_name() == *consumer).expect("it is registered");
        resources.push(format!("{name}={}", found.consumer_arn()));
    }
    resources.push(format!("delivery=arn:aws:firehose:{REGION}:000000000000:deliverystream/{delivery}"));
    resources.push(format!("channel=arn:aws:kinesis:{REGION}:000000000000:channel/{own}"));
    // What names no resource, such as ListStreams.
    resources.push("account=*".to_owned());
    resources
}
