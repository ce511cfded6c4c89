//! Are the actions real, and are they more than anybody meant?

use crate::lint::iam::catalog::{Catalog, Service};
use crate::lint::iam::fact::Fact;
use crate::lint::iam::glob::Glob;
use crate::lint::iam::near;
use crate::lint::iam::policy::{Kind, Statement, Text};

use super::listed;

pub(super) fn check(kind: Kind, statement: &Statement, catalog: &Catalog, facts: &mut Vec<Fact>) {
    let tells_wide = statement.allows && !statement.actions.not && !is_told_elsewhere(kind, statement);
    for entry in &statement.actions.items {
        if entry.text == "*" {
            if tells_wide {
                let fact = Fact::new("wildcard-action", &entry.path, "every action of every service is allowed");
                facts.push(fact.help("name the actions").with("scope", "all").with("action", "*"));
            }
            continue;
        }
        let Some((prefix, name)) = entry.text.split_once(':') else {
            let message = format!("`{}` is no action", entry.text);
            let help = "an action is `service:Name`, for example `kinesis:PutRecords`";
            facts.push(Fact::new("malformed-policy", &entry.path, message).help(help));
            continue;
        };
        if !catalog.knows(prefix) {
            facts.push(unknown_service(entry, prefix, catalog));
            continue;
        }
        if name.contains(['*', '?']) {
            pattern(tells_wide, entry, prefix, name, catalog.service(prefix), facts);
        } else if let Some(service) = catalog.service(prefix)
            && service.action(name).is_none()
            && !(service.has_operation(name) && service.permission(name).is_none())
        {
            facts.push(unknown(entry, prefix, name, service, catalog));
        }
    }
}

/// Wide actions that are as they should be, or a fact of another kind: an account's root in a resource policy delegates
/// to its own policies, endpoints are judged as a whole, and Kinesis takes no wildcards at all.
fn is_told_elsewhere(kind: Kind, statement: &Statement) -> bool {
    let is_root =
        |name: &str| name.ends_with(":root") || (name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()));
    let delegates = !statement.principals.is_empty() && statement.principals.iter().all(|one| is_root(&one.name.text));
    match kind {
        Kind::Identity | Kind::Trust => false,
        Kind::Endpoint => true,
        Kind::Resource => delegates || super::principals::is_stream_policy(statement),
    }
}

fn unknown_service(entry: &Text, prefix: &str, catalog: &Catalog) -> Fact {
    let fact = if prefix.contains(['*', '?']) {
        let help = "a pattern may stand in the name of the action only";
        Fact::new("unknown-service", &entry.path, format!("`{prefix}` is a pattern for services")).help(help)
    } else {
        let fact = Fact::new("unknown-service", &entry.path, format!("no service of AWS has the prefix `{prefix}`"));
        match near(prefix, catalog.prefixes()) {
            Some(near) => fact.help(format!("did you mean `{near}`?")).with("suggestion", near),
            None => fact.help(format!("the prefixes are those of {}", catalog.as_of)),
        }
    };
    fact.with("action", &entry.text)
}

fn unknown(entry: &Text, prefix: &str, name: &str, service: &Service, catalog: &Catalog) -> Fact {
    let fact = Fact::new("unknown-action", &entry.path, format!("`{prefix}` has no action `{name}`"));
    let fact = fact.with("action", &entry.text);
    if let Some(permission) = service.permission(name) {
        let help = format!("this is an operation of the API; what it needs is `{permission}`");
        return fact.help(help).with("suggestion", permission);
    }
    match near(name, service.actions().map(|action| action.name.as_str())) {
        Some(near) => {
            let near = format!("{prefix}:{near}");
            fact.help(format!("did you mean `{near}`?")).with("suggestion", near)
        }
        None => fact.help(format!("the actions are those of {}; a newer one may be missing", catalog.as_of)),
    }
}

fn pattern(tells_wide: bool, entry: &Text, prefix: &str, name: &str, service: Option<&Service>, facts: &mut Vec<Fact>) {
    let pattern = Glob::new(&name.to_ascii_lowercase());
    let matching: Option<Vec<String>> =
        service.map(|service| service.matching(&pattern).into_iter().map(|action| action.name.clone()).collect());
    if matching.as_ref().is_some_and(Vec::is_empty) {
        let message = format!("`{}` matches no action", entry.text);
        let fact = Fact::new("unknown-action", &entry.path, message).with("action", &entry.text);
        let stem = name.replace(['*', '?'], "");
        let near = service.and_then(|service| near(&stem, service.actions().map(|action| action.name.as_str())));
        facts.push(match near {
            Some(near) => fact.help(format!("near to it is `{prefix}:{near}`")),
            None => fact.help("name the actions"),
        });
        return;
    }
    if !tells_wide {
        return;
    }
    let (message, scope) = match (&matching, pattern.is_any()) {
        (_, true) => (format!("every action of `{prefix}` is allowed"), "service"),
        (Some(names), false) => (format!("`{}` allows {}", entry.text, listed(names)), "some"),
        (None, false) => (format!("`{}` allows whatever matches, now and later", entry.text), "some"),
    };
    let fact = Fact::new("wildcard-action", &entry.path, message).with("action", &entry.text).with("scope", scope);
    facts.push(fact.help("name the actions that are needed; AWS adds others over time"));
}
