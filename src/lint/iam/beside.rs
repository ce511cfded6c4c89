//! A policy beside a pipeline none of whose streams it names: it is well-formed, and whoever has it can do nothing here.

use super::arn::Arn;
use super::fact::Fact;
use super::glob::Glob;
use super::near;
use super::need::Stream;
use super::policy::{Policy, Statement, Text};

/// What is wrong with a policy that names streams, and none of those it stands beside.
pub fn check(policy: &Policy, streams: &[Stream]) -> Option<Fact> {
    let known: Vec<Glob> = streams.iter().map(|stream| Glob::new(&stream.arn)).collect();
    let allowing = || policy.statements.iter().filter(|statement| statement.allows);
    // The consumers of a stream are named behind it.
    let stream =
        |item: &Text| item.text.split_once("/consumer/").map_or(item.text.as_str(), |(stream, _)| stream).to_owned();
    let is_known = |item: &Text| {
        let pattern = Glob::new(&stream(item));
        known.iter().any(|known| known.overlaps(&pattern))
    };
    if known.is_empty() || allowing().any(is_open) || allowing().flat_map(named).any(is_known) {
        return None;
    }
    let item = allowing().flat_map(named).find(|item| name(&stream(item)).is_some())?;
    let whole = stream(item);
    let name = name(&whole)?;
    let help = match streams.iter().find(|stream| stream.name == name) {
        Some(stream) => format!("did you mean `{}`?", stream.arn),
        None => near(name, streams.iter().map(|stream| stream.name.as_str())).map_or_else(
            || "name a stream of the pipeline, or leave the policy to the pipeline that it is for".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ),
    };
    let message = format!("no stream of the pipeline is `{whole}`: the policy grants nothing on any of them");
    Some(Fact::new("foreign-stream", &item.path, message).help(help).with("resource", &item.text))
}

/// Everything but what is named: that may be any stream.
fn is_open(statement: &Statement) -> bool {
    statement.on_everything() || statement.resources.as_ref().is_some_and(|listed| listed.not)
}

fn named(statement: &Statement) -> &[Text] {
    statement.resources.as_ref().map_or(&[], |listed| &listed.items)
}

/// The name in the ARN of a stream.
fn name(arn: &str) -> Option<&str> {
    Arn::split(arn).filter(|arn| arn.service == "kinesis")?.resource.strip_prefix("stream/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::iam::policy::Kind;
    use crate::lint::iam::read;
    use crate::spec::Source;

    fn told(statements: &str) -> Option<(String, String)> {
        let arn = |name: &str| format!("arn:aws:kinesis:eu-west-1:*:stream/{name}");
        let stream = |name: &str| Stream { name: name.into(), arn: arn(name), key: None };
        let source = Source::new("p.json", &format!("{{\"Statement\": [{statements}]}}")).unwrap();
        let policy = read::parse(&source, Some(Kind::Identity)).policy.unwrap();
        check(&policy, &[stream("clicks"), stream("orders")]).map(|fact| (fact.path.to_string(), fact.help))
    }

    fn grant(effect: &str, resource: &str) -> String {
        format!("{{\"Effect\": \"{effect}\", \"Action\": \"kinesis:PutRecord\", \"Resource\": {resource}}}")
    }

    fn on(resource: &str) -> Option<(String, String)> {
        told(&grant("Allow", &format!("\"{resource}\"")))
    }

    #[test]
    fn a_stream_that_the_pipeline_has_not_is_told_with_the_nearest() {
        let at = |help: &str| Some(("Statement[0].Resource".to_owned(), help.to_owned()));
        let account = "arn:aws:kinesis:eu-west-1:123456789012:stream";
        assert_eq!(on(&format!("{account}/clikcs")), at("did you mean `clicks`?"));
        assert_eq!(on(&format!("{account}/clikcs/consumer/fraud:*")), at("did you mean `clicks`?"));
        let elsewhere = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
        assert_eq!(on(elsewhere), at("did you mean `arn:aws:kinesis:eu-west-1:*:stream/clicks`?"));
        assert!(on(&format!("{account}/payments")).is_some_and(|(_, help)| help.starts_with("name a stream")));
        let both = format!("{}, {}", grant("Allow", &format!("\"{account}/clikcs\"")), grant("Deny", "\"*\""));
        assert!(told(&both).is_some(), "a denial grants nothing either");
    }

    #[test]
    fn what_may_be_a_stream_of_the_pipeline_is_left() {
        for resource in [
            "*",
            "arn:aws:kinesis:*",
            "arn:aws:kinesis:*:123456789012:stream/c*",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/orders/consumer/fraud:*",
            "arn:aws:s3:::bucket/*",
        ] {
            assert_eq!(on(resource), None, "{resource}");
        }
        let one = "[\"arn:aws:kinesis:eu-west-1:1:stream/payments\", \"arn:aws:kinesis:eu-west-1:1:stream/clicks\"]";
        assert_eq!(told(&grant("Allow", one)), None, "one of them is enough");
    }
}
