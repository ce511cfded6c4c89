//! Missing and excess grants: the difference between need and grant.

use std::collections::{BTreeMap, BTreeSet};

use super::super::catalog::Catalog;
use super::super::checks::{Named, listed, named};
use super::super::fact::Fact;
use super::super::glob::Glob;
use super::super::policy::{Policy, Statement, Text};
use super::edge::{Edge, Need, Use};
use super::grant::{Verdict, judge};
use crate::model::Path;

/// How far a policy is known to be about the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is for nothing else: all that they do not need is too much.
    Whole,
    /// It may be for other things too: only what acts on their streams is judged.
    Streams,
}

/// Compares a policy with what the edges need. `at`: the place in the policy that shows an edge, if any does.
pub fn compare(policy: &Policy, edges: &[(Edge, Path)], reach: Reach, catalog: &Catalog) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut needs = Vec::new();
    for (edge, at) in edges {
        let these = edge.needs();
        missing(policy, (edge, at), &these, &mut facts);
        needs.extend(these.into_iter().map(|need| (Glob::new(&need.resource), need)));
    }
    if !edges.is_empty() {
        excess(policy, edges, &needs, reach, catalog, &mut facts);
    }
    facts
}

fn missing(policy: &Policy, (edge, at): (&Edge, &Path), needs: &[Need], facts: &mut Vec<Fact>) {
    let mut groups: BTreeMap<&str, Vec<&Need>> = BTreeMap::new();
    for need in needs {
        match need.how {
            Use::Must => {
                let verdict = judge(policy, need);
                if verdict != Verdict::Granted {
                    facts.push(lacking(edge, need, need.action, verdict, at));
                }
            }
            Use::OneOf(group) => groups.entry(group).or_default().push(need),
            Use::May => {}
        }
    }
    for group in groups.into_values() {
        let verdicts: Vec<Verdict> = group.iter().map(|need| judge(policy, need)).collect();
        if verdicts.contains(&Verdict::Granted) {
            continue;
        }
        let told = verdicts.iter().position(|verdict| *verdict != Verdict::Missing).unwrap_or(0);
        let names: Vec<&str> = group.iter().map(|need| need.action).collect();
        facts.push(lacking(edge, group[told], &names.join("` or `"), verdicts[told].clone(), at));
    }
}

fn lacking(edge: &Edge, need: &Need, action: &str, verdict: Verdict, at: &Path) -> Fact {
    let code = if need.kms { "missing-kms-grant" } else { "missing-grant" };
    let purpose = edge.purpose();
    let (message, related) = match verdict {
        Verdict::Denied(path) => {
            (format!("{purpose} it needs `{action}`, which is denied"), Some((path, "denied here")))
        }
        Verdict::Unmet(path) => {
            let message = format!(
                "{purpose} it needs `{action}`, which is granted under a condition that the request does not meet"
            );
            (message, Some((path, "this condition")))
        }
        _ => (format!("{purpose} it needs `{action}`, which is not granted"), None),
    };
    let mut help = format!("allow it on {}", need.resource);
    if need.kms {
        let context: Vec<String> = need.context.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        help = format!("{help}, under the conditions {}", context.join(" and "));
    }
    let fact = Fact::new(code, at, message).help(format!("{help} ({})", need.source));
    let fact = fact.with("action", need.action).with("resource", &need.resource).with("stream", &edge.stream.name);
    match related {
        Some((path, label)) => fact.related(&path, label),
        None => fact,
    }
}

fn excess(
    policy: &Policy,
    edges: &[(Edge, Path)],
    needs: &[(Glob, Need)],
    reach: Reach,
    catalog: &Catalog,
    facts: &mut Vec<Fact>,
) {
    let purposes: BTreeSet<String> = edges.iter().map(|(edge, _)| edge.purpose()).collect();
    let purpose = purposes.into_iter().collect::<Vec<_>>().join(" and ");
    for statement in policy.statements.iter().filter(|one| one.allows && !one.actions.not) {
        if reach == Reach::Streams && !on_streams(statement, edges) {
            continue;
        }
        let named = named(statement, catalog);
        let globs: Vec<Glob> =
            statement.resources.iter().flat_map(|listed| &listed.items).map(|item| item.resource()).collect();
        for (position, entry) in statement.actions.items.iter().enumerate() {
            let of_entry: Vec<&Named> = named.iter().filter(|one| one.position == position).collect();
            facts.extend(superfluous(&globs, entry, &of_entry, needs, reach, &purpose));
        }
    }
}

fn on_streams(statement: &Statement, edges: &[(Edge, Path)]) -> bool {
    let Some(resources) = statement.resources.as_ref().filter(|listed| !listed.not) else { return false };
    let globs: Vec<Glob> = resources.items.iter().map(|item| item.resource()).collect();
    let meets = |arn: &str| globs.iter().any(|glob| glob.overlaps(&Glob::new(arn)));
    edges.iter().any(|(edge, _)| meets(&edge.stream.arn) || meets(&format!("{}/consumer/*", edge.stream.arn)))
}

/// What an entry grants beyond the needs. `globs`: the resources of its statement.
fn superfluous(
    globs: &[Glob],
    entry: &Text,
    named: &[&Named],
    needs: &[(Glob, Need)],
    reach: Reach,
    purpose: &str,
) -> Option<Fact> {
    let service = entry.service().to_ascii_lowercase();
    if (reach == Reach::Streams && service != "kinesis") || named.is_empty() {
        return None;
    }
    let needed = |one: &&&Named| {
        let mine = needs.iter().filter(|(_, need)| one.is(need.action));
        mine.into_iter().any(|(resource, _)| globs.iter().any(|glob| glob.overlaps(resource)))
    };
    // What knows no resources is told as dead if it stands beside a stream.
    let alive = |one: &&&Named| reach == Reach::Whole || one.action.on.as_ref().is_none_or(|on| !on.is_empty());
    if named.iter().all(|one| needed(&one) || !alive(&one)) {
        return None;
    }
    // What cannot act on the resources grants nothing, which is a fact of its own.
    let named: Vec<&Named> = named.iter().copied().filter(|one| acts(one, globs)).collect();
    if named.is_empty() {
        return None;
    }
    let surplus: Vec<String> = named.iter().filter(|one| !needed(one) && alive(one)).map(|one| one.full()).collect();
    if surplus.is_empty() {
        return None;
    }
    let used: Vec<String> = named.iter().filter(needed).map(|one| one.full()).collect();
    let message = if entry.text.contains(['*', '?']) {
        format!("`{}` grants {} that nobody needs {purpose}", entry.text, listed(&surplus))
    } else {
        format!("nobody needs `{}` {purpose}", entry.text)
    };
    let help = match used.is_empty() {
        true => "remove it".to_owned(),
        false => format!("write {} in its place", listed(&used)),
    };
    let fact = Fact::new("excess-grant", &entry.path, message).help(help).with("action", &entry.text);
    Some(fact.with("surplus", surplus.join(" ")))
}

fn acts(one: &Named, globs: &[Glob]) -> bool {
    match one.service.targets(one.action) {
        None => true,
        Some(targets) if targets.is_empty() => globs.iter().any(|glob| glob.matches("*")),
        Some(targets) => targets.iter().any(|(_, target)| globs.iter().any(|glob| target.pattern.overlaps(glob))),
    }
}
