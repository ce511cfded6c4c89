//! What can be said about a policy by itself, with nothing but the facts of IAM.

mod actions;
mod conditions;
mod form;
mod principals;
mod redundant;
mod resources;
mod rights;
mod trust;
mod values;

use super::catalog::{Action, Catalog, Service};
use super::fact::Fact;
use super::policy::{Policy, Statement, Text};
use super::read;

pub(in crate::lint::iam) use form::longest;
pub(in crate::lint::iam) use values::Operator;

/// Every fact about a policy, in the order of the document.
pub fn check(policy: &Policy, catalog: &Catalog) -> Vec<Fact> {
    let mut facts = check_derived(policy, catalog);
    if policy.length <= read::LONGEST {
        redundant::check(policy, &mut facts);
    }
    facts
}

/// The facts about a policy that nobody wrote: what it says twice is nobody's mistake.
pub fn check_derived(policy: &Policy, catalog: &Catalog) -> Vec<Fact> {
    let mut facts = form::check(policy);
    if policy.length <= read::LONGEST {
        for statement in &policy.statements {
            let named = named(statement, catalog);
            actions::check(policy.kind, statement, catalog, &mut facts);
            resources::check(policy.kind, statement, &named, &mut facts);
            conditions::check(statement, &named, catalog, &mut facts);
            principals::check(policy.kind, statement, &mut facts);
            trust::check(policy.kind, statement, catalog, &mut facts);
            rights::check(policy.kind, statement, &mut facts);
        }
        rights::combined(policy, &mut facts);
    }
    facts
}

/// An action that an entry of a statement names, by itself or by a pattern.
pub(in crate::lint::iam) struct Named<'a> {
    pub entry: &'a Text,
    /// The entry's place in the statement's list.
    pub position: usize,
    pub prefix: &'a str,
    pub service: &'a Service,
    pub action: &'a Action,
}

impl Named<'_> {
    /// `kinesis:PutRecord`
    pub fn full(&self) -> String {
        format!("{}:{}", self.prefix.to_ascii_lowercase(), self.action.name)
    }

    /// Is it `service:Name`? Capitals are ignored.
    pub fn is(&self, action: &str) -> bool {
        let same_length = action.len() == self.prefix.len() + 1 + self.action.name.len();
        let parts = action.split_once(':').filter(|_| same_length);
        parts.is_some_and(|(prefix, name)| {
            prefix.eq_ignore_ascii_case(self.prefix) && name.eq_ignore_ascii_case(&self.action.name)
        })
    }
}

/// More than all actions of all services that are known; a bound, since many patterns may match each of them.
const MOST_NAMED: usize = 10_000;

/// The actions that a statement names, as far as their facts are known, of an entry that is repeated only once.
/// `*` alone names nothing.
pub(in crate::lint::iam) fn named<'a>(statement: &'a Statement, catalog: &'a Catalog) -> Vec<Named<'a>> {
    let mut all = Vec::new();
    if statement.actions.not {
        return all;
    }
    let mut seen = std::collections::BTreeSet::new();
    for (position, entry) in statement.actions.items.iter().enumerate() {
        if !seen.insert(&entry.text) || all.len() > MOST_NAMED {
            continue;
        }
        let Some((prefix, name)) = entry.text.split_once(':') else { continue };
        let Some(service) = catalog.service(prefix) else { continue };
        let found = |action| Named { entry, position, prefix, service, action };
        match service.action(name) {
            Some(action) => all.push(found(action)),
            None if name.contains(['*', '?']) => {
                let pattern = super::glob::Glob::new(&name.to_ascii_lowercase());
                all.extend(service.matching(&pattern).into_iter().map(found));
            }
            None => {}
        }
    }
    all
}

/// `a`, `b` and `c`; of more than five the first four and their number.
pub(in crate::lint::iam) fn listed(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match &quoted[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= 5 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", quoted[..4].join(", "), quoted.len() - 4),
    }
}
