//! Big values told by what is different in them: IAM documents by statement, tags by key.

use std::collections::{BTreeMap, BTreeSet};

use super::excerpt::clean;
use super::value::{cut, show};
use crate::model::{Value, secret};

/// Said where a difference hides in what is not shown.
pub(super) const UNSEEN: &str = "differs in details that are too long to show (see --format json)";

/// What differs between two values, where the whole of them would be too much; `None` where both fit on a line.
pub(super) fn difference(
    field: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    dropped: &[String],
) -> Option<String> {
    if secret::is_name(field) {
        return None;
    }
    let is = |test: fn(&Value) -> bool| before.or(after).is_some_and(test) || after.is_some_and(test);
    if field == "tags" || field.ends_with("Tags") {
        return Some(tags(before, after, dropped));
    }
    if is(is_document) {
        return Some(statements(before, after));
    }
    let (Some(before), Some(after)) = (before, after) else { return None };
    match (before, after) {
        (Value::Map(_), Value::Map(_)) if is_big(before) || is_big(after) => {
            Some(entries(&flat(before), &flat(after), false))
        }
        (Value::List(_), Value::List(_)) if is_big(before) || is_big(after) => {
            let keyed = |value: &Value| {
                value.as_list().unwrap_or_default().iter().map(|item| (show(item), Told::default())).collect()
            };
            Some(entries(&keyed(before), &keyed(after), true))
        }
        _ => None,
    }
}

fn is_document(value: &Value) -> bool {
    value.get("Statement").is_some()
}

fn is_big(value: &Value) -> bool {
    value.as_map().map_or(0, BTreeMap::len).max(value.as_list().map_or(0, <[Value]>::len)) > 3
        || show(value).chars().count() > 60
}

/// A value as it is and as it is shown: two that look the same, hidden or cut, may be different.
#[derive(Clone, Default, PartialEq)]
struct Told<'a> {
    value: Option<&'a Value>,
    text: String,
}

impl Told<'_> {
    /// `team=web → data`
    fn moved(&self, key: &str, next: &Told) -> String {
        match self.text == next.text {
            true if next.text.contains(secret::HIDDEN) => format!("{key}={} → (hidden, another)", self.text),
            true => format!("{key} {UNSEEN}"),
            false => format!("{key}={} → {}", self.text, next.text),
        }
    }
}

fn flat(value: &Value) -> BTreeMap<String, Told<'_>> {
    let told = |key: &str, value| Told { value: Some(value), text: super::value::show_field(key, value) };
    value.as_map().into_iter().flatten().map(|(key, value)| (name(key), told(key, value))).collect()
}

fn name(key: &str) -> String {
    clean(&secret::hide_name(key))
}

/// `+a=1, ~b=1 → 2, -c`: what comes, changes and goes.
fn entries(before: &BTreeMap<String, Told>, after: &BTreeMap<String, Told>, bare: bool) -> String {
    let mut parts = Vec::new();
    let pair = |key: &str, value: &str| if bare { key.to_owned() } else { format!("{key}={value}") };
    for (key, value) in after {
        match before.get(key) {
            None => parts.push(format!("+{}", pair(key, &value.text))),
            Some(old) if old != value => parts.push(old.moved(key, value)),
            Some(_) => {}
        }
    }
    parts.extend(before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("-{key}")));
    joined(parts)
}

/// The user's tags; those by which the pipeline knows its own are only mentioned.
fn tags(before: Option<&Value>, after: Option<&Value>, dropped: &[String]) -> String {
    let (was, is) = (before.map(flat).unwrap_or_default(), after.map(flat).unwrap_or_default());
    let own = |key: &str| key.starts_with("tidegate:");
    let mut parts = Vec::new();
    for (key, value) in is.iter().filter(|(key, _)| !own(key)) {
        match was.get(key) {
            None if before.is_none() => parts.push(format!("{key}={}", value.text)),
            None => parts.push(format!("+{key}={}", value.text)),
            Some(old) if old != value => parts.push(old.moved(key, value)),
            Some(_) => {}
        }
    }
    parts.extend(dropped.iter().filter(|key| !own(key)).map(|key| format!("-{}", name(key))));
    let protects = |tags: &BTreeMap<String, Told>| tags.contains_key(crate::model::PROTECT);
    match (protects(&was), protects(&is)) {
        (false, true) => parts.push("+protection".into()),
        (true, false) if after.is_some() => parts.push("-protection".into()),
        _ => {}
    }
    if is.get(crate::model::ON_REMOVAL) != was.get(crate::model::ON_REMOVAL) && before.is_some() {
        let fate = is.get(crate::model::ON_REMOVAL).map_or("retain", |told| told.text.as_str());
        parts.push(format!("onRemoval={fate}"));
    }
    let ours = [crate::model::PIPELINE, crate::model::RESOURCE];
    if ours.iter().any(|key| is.contains_key(*key) && is.get(*key) != was.get(*key)) {
        parts.push("+ownership tags".into());
    } else if parts.is_empty() {
        parts.push("bookkeeping of tidegate".into());
    }
    joined(parts)
}

/// `3 statements (Read, Write, kinesis:PutRecord)`, or what has changed among them.
fn statements(before: Option<&Value>, after: Option<&Value>) -> String {
    let (was, is) = (labelled(before), labelled(after));
    let count = |number: usize| format!("{number} statement{}", if number == 1 { "" } else { "s" });
    if before.is_none() || after.is_none() {
        let shown = if after.is_none() { &was } else { &is };
        let names = || joined(shown.keys().cloned().collect());
        return if shown.is_empty() { count(0) } else { format!("{} ({})", count(shown.len()), names()) };
    }
    let mut parts = Vec::new();
    for (label, statement) in &is {
        match was.get(label) {
            None => parts.push(format!("+{label}")),
            Some(old) if old != statement => parts.push(format!("~{label} ({})", inner(old, statement))),
            Some(_) => {}
        }
    }
    parts.extend(was.keys().filter(|label| !is.contains_key(*label)).map(|label| format!("-{label}")));
    if parts.is_empty() {
        return "same statements, other frame".into();
    }
    format!("statements {}", joined(parts))
}

/// Which members of a statement differ, and for lists which entries.
fn inner(old: &Value, new: &Value) -> String {
    let members: BTreeSet<&String> =
        [old, new].into_iter().filter_map(Value::as_map).flat_map(BTreeMap::keys).collect();
    let mut parts = Vec::new();
    for member in members {
        let (was, is) = (texts(old.get(member)), texts(new.get(member)));
        parts.extend(is.difference(&was).map(|item| format!("+{item}")));
        parts.extend(was.difference(&is).map(|item| format!("-{item}")));
    }
    joined(parts)
}

fn texts(value: Option<&Value>) -> BTreeSet<String> {
    match value {
        None => BTreeSet::new(),
        Some(Value::List(items)) => items.iter().map(show).collect(),
        Some(other) => BTreeSet::from([show(other)]),
    }
}

/// Statements by their Sid, else by their effect and first actions; equal labels are numbered.
fn labelled(document: Option<&Value>) -> BTreeMap<String, &Value> {
    let statement = document.and_then(|document| document.get("Statement"));
    let list = match statement {
        Some(Value::List(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut all: BTreeMap<String, &Value> = BTreeMap::new();
    for statement in list {
        let label = label(statement);
        let free = (2..).map(|number| format!("{label} ({number})")).find(|label| !all.contains_key(label));
        let taken = all.contains_key(&label);
        all.insert(if taken { free.unwrap_or_default() } else { label }, statement);
    }
    all
}

fn label(statement: &Value) -> String {
    if let Some(sid) = statement.get("Sid").and_then(Value::as_text).filter(|sid| !sid.is_empty()) {
        return cut(&clean(sid));
    }
    let actions: Vec<String> = texts(statement.get("Action").or(statement.get("NotAction"))).into_iter().collect();
    let deny = if statement.get("Effect").and_then(Value::as_text) == Some("Deny") { "deny " } else { "" };
    match actions.as_slice() {
        [] => format!("{deny}statement"),
        [one] => format!("{deny}{one}"),
        [first, rest @ ..] => format!("{deny}{first} and {} more", rest.len()),
    }
}

/// At most a dozen parts; the rest is counted.
fn joined(mut parts: Vec<String>) -> String {
    if parts.is_empty() {
        return UNSEEN.to_owned();
    }
    let more = parts.len().saturating_sub(12);
    if more > 0 {
        parts.truncate(12);
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sid: Option<&str>, actions: &[&str]) -> Value {
        let mut members = vec![("Effect", Value::text("Allow")), ("Action", Value::list(actions.iter().copied()))];
        members.extend(sid.map(|sid| ("Sid", Value::text(sid))));
        Value::map(members)
    }

    fn document(statements: Vec<Value>) -> Value {
        Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(statements))])
    }

    #[test]
    fn documents_are_told_by_their_statements() {
        let old = document(vec![statement(Some("Read"), &["kinesis:GetRecords"]), statement(Some("Old"), &["s3:*"])]);
        let new = document(vec![
            statement(Some("Read"), &["kinesis:GetRecords", "kinesis:GetShardIterator"]),
            statement(None, &["kms:Decrypt", "kms:Encrypt"]),
        ]);
        assert_eq!(difference("policy", None, Some(&new), &[]).unwrap(), "2 statements (Read, kms:Decrypt and 1 more)");
        assert_eq!(
            difference("policy", Some(&old), Some(&new), &[]).unwrap(),
            "statements ~Read (+kinesis:GetShardIterator), +kms:Decrypt and 1 more, -Old"
        );
        assert_eq!(difference("policy", Some(&old), None, &[]).unwrap(), "2 statements (Old, Read)");
    }

    #[test]
    fn a_difference_is_never_told_as_none() {
        let long = |end: &str| Value::map([("Version", Value::text("1")), ("x", Value::text("x".repeat(200) + end))]);
        assert_eq!(difference("settings", Some(&long("a")), Some(&long("b")), &[]).unwrap(), format!("x {UNSEEN}"));
        let reordered = difference("list", Some(&Value::list(0..4_i64)), Some(&Value::list((0..4_i64).rev())), &[]);
        assert_eq!(reordered.unwrap(), UNSEEN);
        assert_eq!(difference("authToken", Some(&long("a")), Some(&long("b")), &[]), None);
    }

    #[test]
    fn tags_are_told_by_key() {
        let old = Value::map([("team", "web"), ("gone", "1"), ("foreign", "x")]);
        let new =
            Value::map([("team", "data"), ("cost", "4711"), ("tidegate:pipeline", "p"), ("tidegate:resource", "r")]);
        let text = difference("tags", Some(&old), Some(&new), &["gone".into()]).unwrap();
        assert_eq!(text, "+cost=4711, team=web → data, -gone, +ownership tags");
        assert_eq!(difference("tags", None, Some(&new), &[]).unwrap(), "cost=4711, team=data, +ownership tags");
        let named = Value::map([("postgres://u:hunter2@h/db", "x")]);
        let text = difference("tags", None, Some(&named), &["https://example.com/hunter2".into()]).unwrap();
        assert_eq!(text, "postgres://(hidden)@h/db=x, -https://example.com/(hidden)");
        // What is hidden or cut is compared as it is.
        let long = |end: &str| Value::text("x".repeat(200) + end);
        let tags = |secret: &str, end| Value::map([("password", Value::text(secret)), ("note", long(end))]);
        let text = difference("tags", Some(&tags("A", "a")), Some(&tags("B", "b")), &[]).unwrap();
        assert!(text.starts_with("note differs in details"), "{text}");
        assert!(text.ends_with("password=(hidden) → (hidden, another)"), "{text}");
        let big = |secret| Value::map([("token", secret), ("b", "1"), ("c", "2"), ("d", "3")]);
        let text = difference("settings", Some(&big("A")), Some(&big("B")), &[]).unwrap();
        assert_eq!(text, "token=(hidden) → (hidden, another)");
    }
}
