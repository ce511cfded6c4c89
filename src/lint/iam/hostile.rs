//! Whatever comes in, policies are judged soon, with facts at places that exist.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::catalog::Catalog;
use super::file::{self, Judged};
use super::glob::Glob;
use super::need::Stream;
use super::policy::Kind;
use crate::spec::Source;

fn streams() -> Vec<Stream> {
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks".to_owned();
    vec![Stream { name: "clicks".into(), arn, key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".into()) }]
}

/// Judges bytes as the program does and checks what must hold for all of them.
fn swallow(bytes: &[u8], kind: Option<Kind>) -> Option<Judged> {
    let source = Source::from_bytes("p.json", bytes).ok()?;
    let judged = file::judge(&source, kind, &streams(), Catalog::builtin());
    assert!(judged.policy.is_some() || !judged.problems.is_empty());
    for fact in &judged.facts {
        let document = judged.document.as_ref().expect("facts come from a document");
        let place = file::place(document, fact);
        assert!(place.start <= place.end && source.text.get(place.start..place.end).is_some(), "{fact:?}");
        for (path, _) in &fact.related {
            assert!(source.text.get(document.place(path).start..).is_some());
        }
    }
    Some(judged)
}

/// Words of policies, right and wrong.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "",
        "*",
        "**",
        "?",
        "kinesis:*",
        "kinesis:Put*",
        "kinesis:PutRecord",
        "kinesis:SubscribeToShard",
        "*:*",
        ":",
        "a:b:c",
        "kms:Decrypt",
        "iam:PassRole",
        "s3:GetObject",
        "sts:AssumeRole",
        "arn:",
        "arn:aws:kinesis:*",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/*",
        "arn:aws:iam::123456789012:role/*",
        "arn:${",
        "${",
        "${aws:username}",
        "${*}",
        "${}",
        "}",
        "Allow",
        "Deny",
        "2012-10-17",
        "aws:SourceAccount",
        "aws:",
        "kms:EncryptionContext:x",
        "token.actions.githubusercontent.com:sub",
        "StringEquals",
        "ForAllValues:",
        "ForAnyValue:StringLikeIfExists",
        "Null",
        "IpAddress",
        "10.0.0.0/8",
        "firehose.amazonaws.com",
        "AROAX",
        "é🦀",
        "ſ",
        "İ",
    ];
    prop_oneof![8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

/// Trees with the keys of policies at any place.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        6 => word().prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => any::<bool>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ];
    let keys = [
        "Version",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
        "AWS",
        "Service",
        "Federated",
        "StringEquals",
        "Null",
        "aws:SourceAccount",
        "statement",
    ];
    let key = prop_oneof![9 => proptest::sample::select(keys.to_vec()).prop_map(str::to_owned), 1 => word()];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..7)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn statement() -> impl Strategy<Value = serde_json::Value> {
    let words = || prop::collection::vec(word(), 0..4);
    let condition = prop::collection::btree_map(word(), prop::collection::btree_map(word(), words(), 0..3), 0..3);
    (words(), words(), prop::collection::btree_map(word(), words(), 0..2), condition, any::<[bool; 4]>()).prop_map(
        |(actions, resources, principals, condition, [allows, not_action, not_resource, named])| {
            let mut statement = serde_json::json!({
                "Effect": if allows { "Allow" } else { "Deny" },
                if not_action { "NotAction" } else { "Action" }: actions,
                if not_resource { "NotResource" } else { "Resource" }: resources,
                "Condition": condition,
            });
            if named {
                statement["Principal"] = serde_json::json!(principals);
            }
            statement
        },
    )
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        swallow(&bytes, None);
    }

    #[test]
    fn any_tree(tree in tree(), kind in 0..5_usize) {
        let kinds = [None, Some(Kind::Identity), Some(Kind::Trust), Some(Kind::Resource), Some(Kind::Endpoint)];
        swallow(tree.to_string().as_bytes(), kinds[kind]);
    }

    #[test]
    fn any_statements(statements in prop::collection::vec(statement(), 0..4), kind in 0..5_usize) {
        let kinds = [None, Some(Kind::Identity), Some(Kind::Trust), Some(Kind::Resource), Some(Kind::Endpoint)];
        let text = serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        swallow(text.as_bytes(), kinds[kind]);
    }

    /// A pattern that covers another matches whatever that matches, and what both match makes them overlap.
    #[test]
    fn patterns_agree(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        let (one, other) = (Glob::new(&a), Glob::new(&b));
        if one.covers(&other) && other.matches(&text) {
            prop_assert!(one.matches(&text));
        }
        if one.matches(&text) && other.matches(&text) {
            prop_assert!(one.overlaps(&other) && other.overlaps(&one));
        }
        prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
    }

    /// Any catalog text is read without a panic.
    #[test]
    fn any_catalog(text in "(\n@\t|\t|\n|[aknrogcdp*?, :${}]|kinesis){0,80}") {
        let catalog = Catalog::parse(&text);
        let source = Source::new("p.json", r#"{"Statement":{"Effect":"Allow","Action":["kinesis:a","k:n"],"Resource":"*"}}"#);
        file::judge(&source.unwrap(), None, &[], &catalog);
    }
}

/// The longest documents that are judged, of the shapes that cost the most. Without optimisation on a busy machine the
/// second takes half a minute, otherwise a second.
#[test]
fn the_worst_documents_end_soon() {
    let list = |entry: &dyn Fn(usize) -> String, count: usize| (0..count).map(entry).collect::<Vec<_>>();
    let stars = list(&|n| format!("kinesis:*{n}*a*"), 700);
    let arns = list(&|n| format!("arn:aws:*:*{n}*:*a*:*"), 600);
    let every = list(&|n| format!("{}:*", ["s3", "ec2", "iam", "iot", "glue"][n % 5]), 600);
    let documents = [
        serde_json::json!({ "Statement": { "Effect": "Allow", "Action": stars, "Resource": arns } }),
        serde_json::json!({ "Statement": { "Effect": "Allow", "Action": every, "Resource": arns } }),
        serde_json::json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "*".repeat(30_000) } }),
        serde_json::json!({ "Statement": list(&|_| "x".into(), 6_000) }),
        serde_json::Value::Array(vec![serde_json::json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }); 400]),
    ];
    for (at, document) in documents.iter().enumerate() {
        let document =
            if document.is_array() { serde_json::json!({ "Statement": document }) } else { document.clone() };
        let begin = Instant::now();
        swallow(document.to_string().as_bytes(), None);
        assert!(begin.elapsed() < Duration::from_secs(90), "document {at} took {:?}", begin.elapsed());
    }
}
