//! Words that change nothing: entries and statements that others already cover.

use crate::lint::iam::fact::Fact;
use crate::lint::iam::glob::Glob;
use crate::lint::iam::policy::{Listed, Policy, Statement};

pub(super) fn check(policy: &Policy, facts: &mut Vec<Fact>) {
    for statement in &policy.statements {
        let small = |text: &str| text.to_ascii_lowercase();
        entries(&statement.actions, "redundant-action", small, facts);
        if let Some(resources) = &statement.resources {
            entries(resources, "redundant-resource", str::to_owned, facts);
        }
    }
    for (at, statement) in policy.statements.iter().enumerate() {
        let others = policy.statements.iter().enumerate().filter(|(other, _)| *other != at);
        // Of two that are the same, the later one is told.
        let by =
            others.into_iter().find(|(other, by)| covers(by, statement) && (*other < at || !covers(statement, by)));
        if let Some((_, by)) = by {
            let message = "another statement already says all of this";
            let fact = Fact::new("redundant-statement", &statement.path, message).help("remove it");
            facts.push(fact.related(&by.path, "this one says it"));
        }
    }
}

fn entries(listed: &Listed, code: &'static str, form: impl Fn(&str) -> String, facts: &mut Vec<Fact>) {
    let globs: Vec<Glob> = listed.items.iter().map(|item| Glob::new(&form(&item.text))).collect();
    // Only what has a wildcard covers anything but itself.
    let wide: Vec<usize> = (0..globs.len()).filter(|at| globs[*at].is_pattern()).collect();
    let mut seen = std::collections::BTreeMap::new();
    for (at, item) in listed.items.iter().enumerate() {
        let first = *seen.entry(form(&item.text)).or_insert(at);
        let by = if first < at {
            Some(first)
        } else {
            wide.iter()
                .copied()
                .find(|wide| *wide != at && globs[*wide].covers(&globs[at]) && !globs[at].covers(&globs[*wide]))
        };
        if let Some(by) = by {
            let other = &listed.items[by];
            let message = format!("`{}` is already covered by `{}`", item.text, other.text);
            let fact = Fact::new(code, &item.path, message).help("remove it, or the wider one if that was not meant");
            facts.push(fact.with("entry", &item.text).with("by", &other.text).related(&other.path, "by this"));
        }
    }
}

/// Does a statement say all that another says? Both must have the same effect, principals and conditions.
fn covers(wide: &Statement, narrow: &Statement) -> bool {
    let conditions = |statement: &Statement| {
        let mut all: Vec<_> = statement
            .conditions
            .iter()
            .map(|one| {
                (&one.operator.text, &one.key.text, one.values.iter().map(|value| &value.text).collect::<Vec<_>>())
            })
            .map(|(operator, key, values)| format!("{operator} {} {values:?}", key.to_ascii_lowercase()))
            .collect();
        all.sort();
        all
    };
    let principals = |statement: &Statement| {
        let mut all: Vec<_> =
            statement.principals.iter().map(|one| (one.kind.clone(), one.name.text.clone())).collect();
        all.sort();
        (all, statement.not_principal.is_some())
    };
    // What parts most statements first.
    wide.allows == narrow.allows
        && within(narrow.resources.as_ref(), wide.resources.as_ref(), str::to_owned)
        && within(Some(&narrow.actions), Some(&wide.actions), |text| text.to_ascii_lowercase())
        && principals(wide) == principals(narrow)
        && (wide.conditions.is_empty() || conditions(wide) == conditions(narrow))
}

fn within(narrow: Option<&Listed>, wide: Option<&Listed>, form: impl Fn(&str) -> String) -> bool {
    let (Some(narrow), Some(wide)) = (narrow, wide) else { return narrow.is_none() && wide.is_none() };
    if narrow.not || wide.not {
        return narrow.not == wide.not
            && narrow.items.iter().map(|item| &item.text).eq(wide.items.iter().map(|item| &item.text));
    }
    let wide: Vec<Glob> = wide.items.iter().map(|item| Glob::new(&form(&item.text))).collect();
    let all = |item: &str| wide.iter().any(|wide| wide.covers(&Glob::new(&form(item))));
    !narrow.items.is_empty() && narrow.items.iter().all(|item| all(&item.text))
}
