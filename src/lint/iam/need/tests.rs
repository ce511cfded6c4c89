use super::super::catalog::Catalog;
use super::super::glob::Glob;
use super::super::policy::Kind;
use super::super::read;
use super::*;
use crate::model::Path;
use crate::spec::Source;

/// Every way of working, with an encrypted stream.
fn edges() -> Vec<Edge> {
    let key = || Some("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned());
    let stream =
        || Stream { name: "s".into(), arn: "arn:aws:kinesis:eu-west-1:123456789012:stream/s".into(), key: key() };
    let works = [
        Work::Write { kpl: false },
        Work::Write { kpl: true },
        Work::Poll,
        Work::FanOut { consumer: "fraud".into() },
        Work::Kcl { application: "app".into(), via: None },
        Work::Kcl { application: "app".into(), via: Some("fraud".into()) },
        Work::Archive { bucket: "acme".into(), key: key() },
    ];
    works.into_iter().map(|work| Edge { work, stream: stream() }).collect()
}

/// A policy with a statement for each need.
fn granting<'a>(needs: impl IntoIterator<Item = &'a Need>) -> String {
    let statement = |need: &Need| {
        let conditions: serde_json::Map<String, serde_json::Value> =
            need.context.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().into())).collect();
        let mut statement = serde_json::json!({ "Effect": "Allow", "Action": need.action, "Resource": need.resource });
        if !conditions.is_empty() {
            statement["Condition"] = serde_json::json!({ "StringLike": conditions });
        }
        statement
    };
    let statements: Vec<_> = needs.into_iter().map(statement).collect();
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn told(edge: &Edge, policy: &str) -> Vec<(&'static str, String)> {
    let parsed = read::parse(&Source::new("p.json", policy).unwrap(), Some(Kind::Identity));
    let facts = compare(&parsed.policy.unwrap(), &[(edge.clone(), Path::root())], Reach::Whole, Catalog::builtin());
    facts.into_iter().map(|fact| (fact.code, fact.message)).collect()
}

#[test]
fn every_row_is_an_action_that_acts_on_its_resource() {
    let catalog = Catalog::builtin();
    for edge in edges() {
        for need in edge.needs() {
            let action = catalog.action(need.action).unwrap_or_else(|| panic!("{}", need.action));
            let service = catalog.service(need.action.split(':').next().unwrap()).unwrap();
            let resource = Glob::new(&need.resource);
            let acts = match service.targets(action) {
                None => true,
                Some(targets) if targets.is_empty() => need.resource == "*",
                Some(targets) => targets.iter().any(|(_, target)| target.pattern.overlaps(&resource)),
            };
            assert!(acts || need.resource == "*", "{} on {}", need.action, need.resource);
            assert!(need.source.starts_with("docs.aws.amazon.com/"), "{}", need.action);
        }
    }
}

#[test]
fn what_is_needed_is_enough_and_not_too_much() {
    for edge in edges() {
        assert_eq!(told(&edge, &granting(&edge.needs())), [], "{}", edge.purpose());
    }
}

#[test]
fn without_any_single_need_exactly_that_is_missing() {
    for edge in edges() {
        let needs = edge.needs();
        for (at, gone) in needs.iter().enumerate() {
            let left: Vec<&Need> =
                needs.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, need)| need).collect();
            let told = told(&edge, &granting(left.iter().copied()));
            // Another row may ask for the same, or for one of several.
            let again = left.iter().any(|other| {
                (other.action, &other.resource, &other.context) == (gone.action, &gone.resource, &gone.context)
            });
            if gone.how == Use::Must && !again {
                let code = if gone.kms { "missing-kms-grant" } else { "missing-grant" };
                assert_eq!(told.len(), 1, "{} {}: {told:?}", edge.purpose(), gone.action);
                assert!(told[0].0 == code && told[0].1.contains(gone.action), "{told:?}");
            } else {
                assert_eq!(told, [], "{} {}", edge.purpose(), gone.action);
            }
        }
    }
}

#[test]
fn anything_besides_is_too_much() {
    for edge in edges() {
        let mut needs = edge.needs();
        let more =
            Need { action: "kinesis:DeleteStream", how: Use::May, kms: false, context: Vec::new(), ..needs[0].clone() };
        needs.push(Need { resource: edge.stream.arn.clone(), ..more });
        let told = told(&edge, &granting(&needs));
        assert_eq!(told.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["excess-grant"], "{}", edge.purpose());
    }
}

#[test]
fn conditions_that_the_request_does_not_meet_grant_nothing() {
    let edge = edges().remove(0);
    let policy = granting(&edge.needs());
    for (right, wrong) in [("kinesis.eu-west-1", "s3.eu-west-1"), ("stream/s\"", "stream/t\"")] {
        let conditioned = policy.rfind(right).unwrap();
        let changed = format!("{}{wrong}{}", &policy[..conditioned], &policy[conditioned + right.len()..]);
        let told = told(&edge, &changed);
        assert_eq!(told.len(), 1, "{changed}");
        assert!(told[0].1.contains("condition"), "{told:?}");
    }
}

#[test]
fn a_denial_takes_away() {
    let edge = edges().remove(2);
    let mut policy: serde_json::Value = serde_json::from_str(&granting(&edge.needs())).unwrap();
    let deny = serde_json::json!({ "Effect": "Deny", "Action": "kinesis:Get*", "Resource": "*" });
    policy["Statement"].as_array_mut().unwrap().push(deny);
    let told = told(&edge, &policy.to_string());
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, message)| message.contains("which is denied")), "{told:?}");
}
