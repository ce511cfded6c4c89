//! An IAM user who may not do everything is told what is missing, on which resource, and loses nothing.

use std::process::{Command, Output, Stdio};

use crate::support::emulators::{self, ACCESS_KEY};
use crate::support::hand::config;

const SPEC: &str = "\
apiVersion: tidegate/v1
pipeline: guarded
region: eu-west-1
alarms: { off: true }
defaults: { onRemoval: delete }
streams:
  guarded: { capacity: { mode: provisioned, shards: 1 }, encryption: { key: none } }
  open: { capacity: { mode: provisioned, shards: 1 }, encryption: { key: none } }
access:
  web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: guarded }] }
";

/// Makes a user with one policy; answers its access key and secret.
pub async fn user(name: &str, policy: serde_json::Value) -> (String, String) {
    let config = config!(aws_sdk_iam, &emulators::ministack_with_auth().url, ACCESS_KEY).build();
    let iam = aws_sdk_iam::Client::from_conf(config);
    iam.create_user().user_name(name).send().await.unwrap();
    let put = iam.put_user_policy().user_name(name).policy_name("all").policy_document(policy.to_string());
    put.send().await.unwrap();
    let made = iam.create_access_key().user_name(name).send().await.unwrap();
    let key = made.access_key().unwrap();
    (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
}

pub fn run(folder: &std::path::Path, key: &(String, String), args: &[&str]) -> (Option<i32>, String) {
    run_at(&emulators::ministack_with_auth().url, &[], folder, key, args)
}

/// At this address; those services at theirs, by the names that the SDKs' variables give them.
pub fn run_at(
    url: &str,
    services: &[(&str, &str)],
    folder: &std::path::Path,
    key: &(String, String),
    args: &[&str],
) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("COLUMNS", "200");
    command.envs(emulators::ministack_with_auth().env());
    command.env("AWS_ACCESS_KEY_ID", &key.0).env("AWS_SECRET_ACCESS_KEY", &key.1).env("AWS_ENDPOINT_URL", url);
    command.envs(services.iter().map(|(service, url)| (format!("AWS_ENDPOINT_URL_{service}"), *url)));
    let Output { status, stdout, stderr } = command.args(args).stdin(Stdio::null()).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn statement(effect: &str, actions: &[&str], on: &str) -> serde_json::Value {
    serde_json::json!({ "Effect": effect, "Action": actions, "Resource": on })
}

fn policy(statements: &[serde_json::Value]) -> serde_json::Value {
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements })
}

#[tokio::test]
async fn what_may_not_be_changed_is_named() {
    let stream = "arn:aws:kinesis:eu-west-1:000000000000:stream/guarded";
    let key = user(
        "guarded-writer",
        policy(&[statement("Allow", &["*"], "*"), statement("Deny", &["kinesis:CreateStream"], stream)]),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).unwrap();
    let (code, said) = run(folder.path(), &key, &["apply", "-y"]);
    assert_eq!(code, Some(4), "{said}");
    let fail = said.split("FAIL create stream/guarded").nth(1).unwrap_or_else(|| panic!("{said}"));
    assert!(fail.contains("kinesis:CreateStream"), "{said}");
    assert!(fail.contains(&format!("help: allow kinesis:CreateStream on {stream}")), "{said}");
    assert!(fail.contains("tidegate iam deployer"), "{said}");
    assert!(said.contains("skip create role/web: it needs stream/guarded, which failed"), "{said}");
    assert!(said.contains("ok   created stream/open"), "what does not depend on it is made: {said}");
    assert!(said.contains("guarded: 1 done, 1 failed, 1 not done."), "{said}");
    let root = (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned());
    let (code, said) = run(folder.path(), &root, &["apply", "-y"]);
    assert_eq!(code, Some(0), "with the permission it continues: {said}");
    let (_, said) = run(folder.path(), &root, &["plan"]);
    assert!(said.contains("No changes."), "{said}");

    // The stream exists and cannot be read: it is neither made again nor deleted, by nobody's leave.
    let deny = statement("Deny", &["kinesis:DescribeStreamSummary", "kinesis:DescribeStream"], stream);
    let blind = user("guarded-reader", policy(&[statement("Allow", &["*"], "*"), deny])).await;
    let (code, said) = run(folder.path(), &blind, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("stream/guarded (not checked)"), "{said}");
    assert!(said.contains("kinesis:DescribeStreamSummary"), "{said}");
    assert!(!said.contains("create stream/guarded"), "{said}");
    let (code, said) = run(folder.path(), &blind, &["destroy", "-y", "--allow-data-loss", "guarded"]);
    assert_ne!(code, Some(0), "{said}");
    assert!(!said.contains("deleted stream/guarded"), "{said}");
    let all = ["destroy", "-y", "--allow-data-loss", "guarded", "--allow-data-loss", "open"];
    let (code, said) = run(folder.path(), &root, &all);
    assert_eq!(code, Some(0), "{said}");
}

/// A user with exactly the printed policy needs nothing more, from the first plan to the last deletion.
#[tokio::test]
async fn the_printed_policy_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let spec = include_str!("../../specs/minimal.yaml");
    std::fs::write(folder.path().join("tidegate.yaml"), spec).unwrap();
    let root = (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned());
    let (code, printed) = run(folder.path(), &root, &["iam", "deployer"]);
    assert_eq!(code, Some(0), "{printed}");
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("one policy: {printed}"));
    let deployer = user("exact-deployer", super::judged::for_ministack(&printed)).await;
    let (code, said) = run(folder.path(), &deployer, &["plan"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("create stream/events") && !said.to_lowercase().contains("not checked"), "{said}");
    let (code, said) = run(folder.path(), &deployer, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder.path(), &deployer, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("No changes.") && !said.to_lowercase().contains("not checked"), "{said}");
    let (code, said) = run(folder.path(), &deployer, &["drift"]);
    assert_eq!(code, Some(0), "{said}");
    // The same policy gives no right to what the spec does not name.
    let foreign = spec.replace("events:", "others:");
    std::fs::write(folder.path().join("foreign.yaml"), foreign).unwrap();
    let (code, said) = run(folder.path(), &deployer, &["apply", "-y", "-f", "foreign.yaml"]);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("FAIL create stream/others") && said.contains("kinesis:CreateStream"), "{said}");
    let (code, said) = run(folder.path(), &deployer, &["destroy", "-y", "--allow-data-loss", "events"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("deleted stream/events") && !said.to_lowercase().contains("not checked"), "{said}");
}
