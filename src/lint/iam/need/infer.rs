//! What a policy file is for, from the actions that it grants on streams.

use super::super::arn::Arn;
use super::super::glob::Glob;
use super::super::policy::{Kind, Policy, Statement, Text};
use super::edge::{Edge, Stream, Work};
use crate::model::Path;

/// More edges than any role has; a bound, since a pattern may mean every stream of a large pipeline.
const MOST: usize = 50;

/// The work that a policy is evidently for: whoever may put records writes, whoever may get them reads. `streams` are
/// those of the pipeline; others are known by the policy's ARNs alone, and nothing is said about their keys.
pub fn infer(policy: &Policy, streams: &[Stream]) -> Vec<(Edge, Path)> {
    let mut edges: Vec<(Edge, Path)> = Vec::new();
    if policy.kind != Kind::Identity {
        return edges;
    }
    for statement in policy.statements.iter().filter(|one| one.allows && !one.actions.not) {
        for entry in &statement.actions.items {
            for work in works(entry) {
                for stream in touched(statement, streams, matches!(work, Work::FanOut { .. })) {
                    let edge = Edge { work: work.clone(), stream };
                    if edges.len() < MOST && !edges.iter().any(|(other, _)| *other == edge) {
                        edges.push((edge, entry.path.clone()));
                    }
                }
            }
        }
    }
    edges
}

/// The work that an entry tells of. `kinesis:*` tells nothing: it may be for administration.
fn works(entry: &Text) -> Vec<Work> {
    let action = entry.action();
    let mut works = Vec::new();
    if !entry.service().eq_ignore_ascii_case("kinesis") || entry.text.ends_with(":*") {
        return works;
    }
    if action.matches("kinesis:putrecord") || action.matches("kinesis:putrecords") {
        works.push(Work::Write { kpl: false });
    }
    if action.matches("kinesis:getrecords") {
        works.push(Work::Poll);
    }
    if action.matches("kinesis:subscribetoshard") {
        works.push(Work::FanOut { consumer: "*".into() });
    }
    works
}

/// The streams that a statement's resources name, or those whose consumers they name. Every stream of an account names
/// none: nobody knows which of them is meant.
fn touched(statement: &Statement, streams: &[Stream], by_consumer: bool) -> Vec<Stream> {
    let mut found: Vec<Stream> = Vec::new();
    let Some(resources) = statement.resources.as_ref().filter(|listed| !listed.not) else { return found };
    for item in &resources.items {
        let Some((arn, consumer)) = parts(&item.text) else { continue };
        // `stream/clicks*` may mean the stream and its consumers.
        if consumer.is_some() != by_consumer && !arn.ends_with('*') {
            continue;
        }
        let pattern = Glob::new(arn);
        let named = |name: &str, key: Option<String>| Stream { name: name.to_owned(), arn: arn.to_owned(), key };
        // The account of a pipeline may be unknown, and then its ARNs are patterns too.
        let known = streams.iter().filter(|stream| pattern.overlaps(&Glob::new(&stream.arn))).take(MOST);
        let before = found.len();
        if pattern.is_pattern() {
            found.extend(known.cloned());
        } else {
            found.extend(known.map(|stream| named(&stream.name, stream.key.clone())));
            if found.len() == before {
                found.push(named(arn.rsplit('/').next().unwrap_or_default(), None));
            }
        }
    }
    found.dedup();
    found
}

/// The ARN of a stream that is named, at least in part, and what follows of a consumer.
fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    let (arn, consumer) = text.split_once("/consumer/").map_or((text, None), |(arn, consumer)| (arn, Some(consumer)));
    let name = Arn::split(arn).filter(|arn| arn.service == "kinesis")?.resource.strip_prefix("stream/")?;
    (!name.trim_matches(['*', '?']).is_empty()).then_some((arn, consumer))
}
