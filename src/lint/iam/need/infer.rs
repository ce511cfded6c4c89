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
            let Some(works) = works(entry) else { continue };
            for stream in touched(statement, streams) {
                for work in &works {
                    let edge = Edge { work: work.clone(), stream: stream.clone() };
                    if edges.len() < MOST && !edges.iter().any(|(other, _)| *other == edge) {
                        edges.push((edge, entry.path.clone()));
                    }
                }
            }
        }
    }
    // Shards are found and iterated by fan-out readers of KCL too, so polling alone is told by records.
    edges
}

/// The work that an entry tells of. `kinesis:*` tells nothing: it may be for administration.
fn works(entry: &Text) -> Option<Vec<Work>> {
    let action = entry.action();
    if !entry.service().eq_ignore_ascii_case("kinesis") || entry.text.ends_with(":*") {
        return None;
    }
    let mut works = Vec::new();
    if action.matches("kinesis:putrecord") || action.matches("kinesis:putrecords") {
        works.push(Work::Write { kpl: false });
    }
    if action.matches("kinesis:getrecords") {
        works.push(Work::Poll);
    }
    if action.matches("kinesis:subscribetoshard") {
        works.push(Work::FanOut { consumer: "*".into() });
    }
    Some(works).filter(|works| !works.is_empty())
}

/// The streams that a statement's resources mean.
fn touched(statement: &Statement, streams: &[Stream]) -> Vec<Stream> {
    let mut found: Vec<Stream> = Vec::new();
    let Some(resources) = statement.resources.as_ref().filter(|listed| !listed.not) else { return found };
    for item in &resources.items {
        let arn = item.text.split("/consumer/").next().unwrap_or_default();
        let pattern = Glob::new(arn);
        let known = streams.iter().filter(|stream| pattern.matches(&stream.arn));
        let before = found.len();
        found.extend(known.take(MOST).cloned());
        // A wildcard without a pipeline names no stream.
        if found.len() == before && !pattern.is_pattern()
            && let Some(name) = Arn::split(arn).filter(|arn| arn.service == "kinesis").and_then(|arn| arn.resource.strip_prefix("stream/"))
        {
            found.push(Stream { name: name.to_owned(), arn: arn.to_owned(), key: None });
        }
    }
    found.dedup();
    found
}
