//! Can the actions act on the resources that are given, and are the resources more than anybody meant?

use std::collections::BTreeSet;

use crate::lint::iam::arn::Arn;
use crate::lint::iam::catalog::ResourceType;
use crate::lint::iam::fact::Fact;
use crate::lint::iam::glob::Glob;
use crate::lint::iam::policy::{Kind, Listed, Statement, Text};

use super::{Named, listed};

pub(super) fn check(kind: Kind, statement: &Statement, named: &[Named], facts: &mut Vec<Fact>) {
    let Some(resources) = &statement.resources else { return };
    for item in &resources.items {
        if let Err(wrong) = Arn::check(&item.text) {
            let fact = Fact::new("malformed-arn", &item.path, wrong.message).help(wrong.help);
            facts.push(fact.with("resource", &item.text));
        }
    }
    if resources.not || statement.actions.not {
        return;
    }
    let globs: Vec<Glob> = resources.items.iter().map(|item| item.resource()).collect();
    let matrix = Matrix::new(named, &resources.items, &globs);
    dead(statement, resources, named, &matrix, facts);
    dead_resources(statement, resources, named, &matrix, facts);
    if statement.allows && matches!(kind, Kind::Identity) && !is_narrowed(statement) {
        wide(resources, named, &globs, facts);
    }
}

/// For each action the resources that it can act on.
struct Matrix(Vec<Vec<bool>>);

impl Matrix {
    fn new(named: &[Named], items: &[Text], globs: &[Glob]) -> Self {
        let mut seen: std::collections::BTreeMap<&str, Vec<bool>> = std::collections::BTreeMap::new();
        let rows = named.iter().map(|one| match one.service.targets(one.action) {
            // Not known: whatever is given may be right.
            None => vec![true; globs.len()],
            // AWS documents `*` for these; some services judge them with an ARN that names nothing in particular, which a
            // wide pattern matches and the ARN of a single resource never does.
            Some(targets) if targets.is_empty() => {
                items.iter().zip(globs).map(|(item, glob)| names_all(&item.text, glob)).collect()
            }
            Some(targets) => {
                let mut row = vec![false; globs.len()];
                for (_, target) in targets {
                    let overlaps = seen.entry(&target.arn).or_insert_with(|| meets(target, globs));
                    row.iter_mut().zip(overlaps.iter()).for_each(|(can, this)| *can |= this);
                }
                row
            }
        });
        Self(rows.collect())
    }
}

fn meets(target: &ResourceType, globs: &[Glob]) -> Vec<bool> {
    globs.iter().map(|glob| target.pattern.overlaps(glob)).collect()
}

/// Entries none of whose actions can act on anything here.
fn dead(statement: &Statement, resources: &Listed, named: &[Named], matrix: &Matrix, facts: &mut Vec<Fact>) {
    if resources.items.is_empty() {
        return;
    }
    let positions: BTreeSet<usize> = named.iter().map(|one| one.position).collect();
    for position in positions {
        let of_entry = || named.iter().zip(&matrix.0).filter(|(one, _)| one.position == position);
        if of_entry().any(|(_, row)| row.contains(&true)) {
            continue;
        }
        let Some((one, _)) = of_entry().next() else { continue };
        let entry = &one.entry.text;
        let targets = one.service.targets(one.action).unwrap_or_default();
        let (message, help) = if targets.is_empty() {
            let help = "give it a statement of its own with \"Resource\": \"*\"";
            (format!("`{entry}` knows no resources: IAM judges it on `*` alone"), help.to_owned())
        } else {
            let kinds: Vec<String> = targets.iter().map(|(name, _)| (*name).to_owned()).collect();
            (format!("`{entry}` acts on {}, and no resource here is one", listed(&kinds)), example(resources, &targets))
        };
        let fact = Fact::new("dead-grant", &one.entry.path, message).help(help).with("action", entry.clone());
        let fact = fact.with("effect", if statement.allows { "Allow" } else { "Deny" });
        facts.push(fact.related(&resources.path, "what it is given"));
    }
}

/// A resource that would do, made from those that are there.
fn example(resources: &Listed, targets: &[(&str, &ResourceType)]) -> String {
    let first = resources.items.iter().find_map(|item| Arn::split(&item.text).map(|arn| (item, arn)));
    let of = |kind: &str| targets.iter().any(|(name, _)| *name == kind);
    match first {
        Some((item, arn)) if of("consumer") && arn.service == "kinesis" && arn.resource.starts_with("stream/") => {
            format!("name the consumer: {}/consumer/NAME:*", item.text)
        }
        Some((item, arn)) if of("stream") && arn.service == "kinesis" && arn.resource.contains("/consumer/") => {
            format!("name the stream: {}", item.text.split("/consumer/").next().unwrap_or_default())
        }
        Some((item, arn)) if of("object") && arn.service == "s3" && !arn.resource.contains('/') => {
            format!("name the objects: {}/*", item.text)
        }
        Some((item, arn)) if of("bucket") && arn.service == "s3" => {
            format!("name the bucket: {}", item.text.split('/').next().unwrap_or_default())
        }
        Some((_, arn)) if of("key") && arn.service == "kms" && arn.resource.starts_with("alias/") => {
            "name the key by its ARN; for an alias put the condition kms:ResourceAliases on key/*".to_owned()
        }
        _ => {
            let arns: Vec<&str> = targets.iter().map(|(_, target)| target.arn.as_str()).take(3).collect();
            format!("name {}", arns.join(" or "))
        }
    }
}

/// Resources that no action of the statement can act on.
fn dead_resources(statement: &Statement, resources: &Listed, named: &[Named], matrix: &Matrix, facts: &mut Vec<Fact>) {
    let known: BTreeSet<&str> = named.iter().map(|one| one.entry.text.as_str()).collect();
    let entries: BTreeSet<&str> = statement.actions.items.iter().map(|item| item.text.as_str()).collect();
    // With an entry whose actions are unknown nothing can be said, and with none alive it was said already.
    if known.len() < entries.len() || !matrix.0.iter().any(|row| row.contains(&true)) {
        return;
    }
    for (at, item) in resources.items.iter().enumerate() {
        if matrix.0.iter().any(|row| row[at]) || Arn::check(&item.text).is_err() {
            continue;
        }
        let message = format!("no action of the statement acts on `{}`", item.text);
        let fact = Fact::new("dead-resource", &item.path, message).with("resource", &item.text);
        facts.push(
            fact.help("remove it, or add the actions that it was meant for")
                .related(&statement.actions.path, "the actions"),
        );
    }
}

/// A condition that picks resources out of all of them.
fn is_narrowed(statement: &Statement) -> bool {
    let picks = ["resourcetag/", "kms:encryptioncontext", "kms:viaservice", "kms:resourcealiases", "aws:resourceorgid"];
    let keys = statement.conditions.iter().map(|condition| condition.key.text.to_ascii_lowercase());
    keys.into_iter().any(|key| picks.iter().any(|pick| key.contains(pick)))
}

/// Every resource, for actions that could be given single ones.
fn wide(resources: &Listed, named: &[Named], globs: &[Glob], facts: &mut Vec<Fact>) {
    let wide = resources.items.iter().zip(globs).filter_map(|(item, glob)| Some((item, scope(&item.text, glob)?)));
    let wide: Vec<(&Text, &str)> = wide.collect();
    if wide.is_empty() {
        return;
    }
    let limitable: BTreeSet<String> = named
        .iter()
        .filter(|one| one.action.on.as_ref().is_some_and(|on| !on.is_empty()))
        // Judged by itself, with the services that it may hand roles to.
        .filter(|one| !one.is("iam:PassRole"))
        .map(|one| if one.entry.text.contains('*') { one.entry.text.clone() } else { one.full() })
        .collect();
    if limitable.is_empty() {
        return;
    }
    let limitable: Vec<String> = limitable.into_iter().collect();
    for (item, scope) in wide {
        let message = match scope {
            "all" => format!("{} may act on every resource of every account", listed(&limitable)),
            "service" => format!("{} may act on everything in the service", listed(&limitable)),
            _ => format!("{} may act on every resource of this type", listed(&limitable)),
        };
        let fact = Fact::new("wildcard-resource", &item.path, message).with("scope", scope);
        let fact = fact.with("resource", &item.text).with("actions", limitable.join(" "));
        facts.push(fact.help("name the ARNs; what knows no resources goes to a statement of its own"));
    }
}

/// May it match a resource that is nothing in particular?
fn names_all(text: &str, glob: &Glob) -> bool {
    glob.matches("*") || scope(text, glob).is_some()
}

/// How wide a resource is: `all`, `service`, `type`, or not at all.
fn scope(text: &str, glob: &Glob) -> Option<&'static str> {
    if glob.is_any() {
        return Some("all");
    }
    let Some(arn) = Arn::split(text) else { return text.ends_with('*').then_some("service") };
    let name = arn.resource;
    if name.chars().all(|c| c == '*') {
        // A bucket is the only resource whose whole last part is its name.
        return Some("service");
    }
    let (kind, name) = name.split_once(['/', ':'])?;
    (!kind.contains('*') && !name.is_empty() && name.chars().all(|c| "*/:".contains(c)) && arn.service != "s3")
        .then_some("type")
}
