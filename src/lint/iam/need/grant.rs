//! Does a policy grant what is needed?

use super::super::checks::Operator;
use super::super::glob::Glob;
use super::super::policy::{Condition, Policy, Statement};
use super::edge::Need;
use crate::model::Path;

/// What a policy says to a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Granted,
    /// A statement takes it away again.
    Denied(Path),
    /// Granted, but under a condition that the request does not meet.
    Unmet(Path),
    Missing,
}

/// Judges one need. Conditions on what is not known of the request are taken as met.
pub fn judge(policy: &Policy, need: &Need) -> Verdict {
    let names = |statement: &&Statement| statement.names_action(need.action);
    let deny = policy.statements.iter().filter(|one| !one.allows).filter(names).find(|statement| {
        let certain = statement.conditions.iter().all(|condition| holds(condition, need) == Some(true));
        certain && on(statement, need, |resource, wanted| resource.covers(wanted))
    });
    if let Some(deny) = deny {
        return Verdict::Denied(deny.path.clone());
    }
    let mut verdict = Verdict::Missing;
    for statement in policy.statements.iter().filter(|one| one.allows).filter(names) {
        if !on(statement, need, |resource, wanted| resource.overlaps(wanted)) {
            continue;
        }
        match statement.conditions.iter().find(|condition| holds(condition, need) == Some(false)) {
            None => return Verdict::Granted,
            Some(unmet) => verdict = Verdict::Unmet(unmet.path.clone()),
        }
    }
    verdict
}

fn on(statement: &Statement, need: &Need, fits: impl Fn(&Glob, &Glob) -> bool) -> bool {
    let Some(resources) = &statement.resources else { return false };
    // Every pattern covers and meets itself.
    if !resources.not && resources.items.iter().any(|item| item.text == need.resource) {
        return true;
    }
    // What knows no resources is judged with `*`.
    let wanted = if need.resource == "*" { Glob::literal("*") } else { Glob::new(&need.resource) };
    resources.items.iter().any(|item| fits(&item.resource(), &wanted)) != resources.not
}

/// Does the condition hold for the request? `None` where nobody can know.
fn holds(condition: &Condition, need: &Need) -> Option<bool> {
    let operator = Operator::parse(&condition.operator.text).ok()?;
    let key = condition.key.text.to_ascii_lowercase();
    let (_, sent) = need.context.iter().find(|(known, _)| known.to_ascii_lowercase() == key)?;
    let sent = Glob::new(sent);
    let small = |glob: &str| Glob::new(&glob.to_ascii_lowercase());
    let any = |fits: &dyn Fn(&str) -> bool| Some(condition.values.iter().any(|value| fits(&value.text)));
    let equal = |value: &str| value.contains("${") || sent.overlaps(&Glob::literal(value));
    let like = |value: &str| sent.overlaps(&Glob::new(value));
    match operator.name {
        "StringEquals" => any(&equal),
        "StringNotEquals" => any(&equal).map(|equal| !equal),
        "StringEqualsIgnoreCase" => {
            let sent = small(&need.context.iter().find(|(known, _)| known.to_ascii_lowercase() == key)?.1);
            any(&|value| sent.overlaps(&small(value)))
        }
        "StringLike" | "ArnLike" | "ArnEquals" => any(&like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => any(&like).map(|like| !like),
        "Null" => any(&|value| value.eq_ignore_ascii_case("false")),
        _ => None,
    }
}
