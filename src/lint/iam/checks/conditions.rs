//! Conditions: operators and keys that exist, fit each other, and are sent by the actions they guard.

use crate::lint::iam::catalog::Catalog;
use crate::lint::iam::fact::Fact;
use crate::lint::iam::glob::Glob;
use crate::lint::iam::near;
use crate::lint::iam::policy::{Condition, Statement};

use super::values::{self, Operator};
use super::{Named, listed};

pub(super) fn check(statement: &Statement, named: &[Named], catalog: &Catalog, facts: &mut Vec<Fact>) {
    for condition in &statement.conditions {
        let operator = Operator::parse(&condition.operator.text);
        match &operator {
            Ok(_) => {}
            Err(near) => {
                let message = format!("IAM has no operator `{}`", condition.operator.text);
                let fact = Fact::new("unknown-condition-operator", &condition.operator.path, message).at_key();
                let help = near
                    .as_ref()
                    .map_or("for example StringEquals".to_owned(), |near| format!("did you mean `{near}`?"));
                facts.push(fact.help(help).with("operator", &condition.operator.text));
            }
        }
        let known = key(condition, named, catalog);
        match &known {
            Key::Unknown(near) => {
                let message = format!("no service has the condition key `{}`", condition.key.text);
                let fact = Fact::new("unknown-condition-key", &condition.path, message).at_key();
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "a condition on a key that is never sent never holds".to_owned(),
                };
                facts.push(fact.help(help).with("key", &condition.key.text));
                continue;
            }
            Key::Typed(_) | Key::Untyped => {}
        }
        let Ok(operator) = operator else { continue };
        let kind = if let Key::Typed(kind) = &known { kind.as_str() } else { "" };
        values::check(statement, condition, &operator, kind, facts);
        unsent(statement, condition, &operator, named, facts);
    }
}

enum Key {
    Typed(String),
    /// It may exist: its service's keys are not known, or it is a provider's.
    Untyped,
    Unknown(Option<String>),
}

/// Is it this key? AWS writes keys in tables with `${…}` or `<…>` for any text. `small` is in small letters.
fn is_key(known: &str, small: &str) -> bool {
    if known.eq_ignore_ascii_case(small) {
        return true;
    }
    // Most keys part before the pattern in them begins, so that none need be made.
    let pattern = known.bytes().position(|byte| matches!(byte, b'$' | b'<'));
    let named = || known.ends_with("/tag-key").then(|| known.len() - "tag-key".len());
    let Some(fixed) = pattern.or_else(named) else { return false };
    let begins = known.as_bytes().get(..fixed).zip(small.as_bytes().get(..fixed));
    if !begins.is_some_and(|(known, small)| known.eq_ignore_ascii_case(small)) {
        return false;
    }
    // What ends with its only pattern takes any end.
    let rest = &known[fixed..];
    let is_last = match rest.bytes().next() {
        // A name of one sign would be that sign.
        Some(b'$') => rest.find('}') == Some(rest.len() - 1) && rest.starts_with("${") && rest.len() > 4,
        Some(b'<') => rest.find('>') == Some(rest.len() - 1),
        _ => rest == "tag-key",
    };
    if is_last {
        return true;
    }
    let known = known.to_ascii_lowercase().replace('<', "${").replace('>', "}").replace("/tag-key", "/${tag-key}");
    Glob::template(&known).matches(small)
}

fn key(condition: &Condition, named: &[Named], catalog: &Catalog) -> Key {
    let text = &condition.key.text;
    let small = text.to_ascii_lowercase();
    let Some((prefix, _)) = small.split_once(':') else {
        let all: Vec<String> = catalog.globals().map(str::to_owned).collect();
        let with = format!("aws:{small}");
        return Key::Unknown(near(&with, all.iter().map(String::as_str)).map(str::to_owned));
    };
    if prefix == "aws" {
        return match catalog.global(&small) {
            Some((_, kind)) => Key::Typed(kind.to_owned()),
            None => Key::Unknown(near(&small, catalog.globals()).map(str::to_owned)),
        };
    }
    // Identity providers send keys of their own: `token.actions.githubusercontent.com:sub`, `saml:aud`.
    if prefix.contains('.') || prefix == "saml" {
        return Key::Untyped;
    }
    // A service may use another's keys, as Firehose's data uses those of KMS.
    let mut others: Vec<_> = named.iter().map(|one| (one.prefix, one.service)).collect();
    others.dedup_by_key(|(prefix, _)| *prefix);
    let services = catalog.service(prefix).into_iter().chain(others.into_iter().map(|(_, service)| service));
    for service in services {
        let found = service.keys.iter().find(|(known, _)| is_key(known, &small));
        if let Some((_, kind)) = found {
            return if kind.is_empty() { Key::Untyped } else { Key::Typed(kind.clone()) };
        }
    }
    match catalog.service(prefix) {
        Some(service) => Key::Unknown(near(&small, service.keys.keys().map(String::as_str)).map(str::to_owned)),
        None if catalog.prefixes().any(|known| known == prefix) => Key::Untyped,
        None => Key::Unknown(near(&small, catalog.globals()).map(str::to_owned)),
    }
}

/// Actions whose requests never carry the key, so that the condition never holds for them.
fn unsent(statement: &Statement, condition: &Condition, operator: &Operator, named: &[Named], facts: &mut Vec<Fact>) {
    let small = condition.key.text.to_ascii_lowercase();
    // Global keys are sent by all, but for those that look at tags.
    let of_tags =
        ["aws:resourcetag/", "aws:requesttag/"].iter().any(|tags| small.starts_with(tags)) || small == "aws:tagkeys";
    let provider = small.split(':').next().is_some_and(|prefix| prefix.contains('.') || prefix == "saml");
    if (small.starts_with("aws:") && !of_tags) || provider || !operator.needs_key() {
        return;
    }
    let sends = |one: &Named| {
        let of_targets = one.service.targets(one.action).unwrap_or_default();
        let mut keys = one.action.keys.iter().chain(of_targets.iter().flat_map(|(_, target)| &target.keys));
        one.action.on.is_none() || keys.any(|key| is_key(key, &small))
    };
    let silent: Vec<String> =
        named.iter().filter(|one| !one.entry.text.contains(['*', '?']) && !sends(one)).map(Named::full).collect();
    if silent.is_empty() {
        return;
    }
    let effect = if statement.allows { "so they are not allowed" } else { "so they are not denied" };
    let message = format!("requests for {} never carry `{}`, {effect}", listed(&silent), condition.key.text);
    let fact = Fact::new("condition-not-for-action", &condition.path, message).at_key();
    let fact = fact.with("key", &condition.key.text).with("actions", silent.join(" "));
    facts.push(
        fact.help("give those actions a statement without this condition")
            .related(&statement.actions.path, "the actions"),
    );
}
