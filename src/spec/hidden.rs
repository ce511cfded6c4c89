//! What the environment holds is never told: it is taken out of every message, however it came into it.

use super::document::{Document, Node, NodeValue};
use super::tree::cut;
use crate::model::secret;

/// What stands in its place.
pub(super) const HIDDEN: &str = "the value of a variable";
/// What stands in place of a secret that is written in the file itself.
pub(super) const SECRET: &str = "a value that looks like a secret";
/// Bytes. Shorter values are parts of many a word, and are hidden where they are a whole one.
const SHORT: usize = 4;

/// The texts below a node that came from the environment, the longest first, since one may hold another.
pub(super) fn secrets(root: &Node) -> Vec<&str> {
    let mut found = Vec::new();
    walk(root, &mut found);
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found.dedup();
    found
}

fn walk<'a>(node: &'a Node, found: &mut Vec<&'a str>) {
    match &node.value {
        NodeValue::Seq(items) => items.iter().for_each(|item| walk(item, found)),
        NodeValue::Map(entries) => entries.iter().for_each(|entry| walk(&entry.value, found)),
        // A truth value is no secret, and a word of many messages.
        NodeValue::Bool(_) => {}
        value if node.from_env => {
            let texts = [Some(value), node.other.as_deref()].into_iter().flatten().filter_map(|value| match value {
                NodeValue::Text(text) if !text.is_empty() => Some(text.as_str()),
                _ => None,
            });
            found.extend(texts);
        }
        _ => {}
    }
}

/// The texts of a file that look like secrets, by their form or by the name above them, the longest first. In a file of values
/// for variables, all do.
pub(super) fn written(document: &Document) -> Vec<&str> {
    let mut found = Vec::new();
    walk_written(&document.root, document.source.confidential, &mut found);
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found.dedup();
    found
}

fn walk_written<'a>(node: &'a Node, is_secret: bool, found: &mut Vec<&'a str>) {
    match &node.value {
        NodeValue::Seq(items) => items.iter().for_each(|item| walk_written(item, is_secret, found)),
        NodeValue::Map(entries) => entries.iter().for_each(|entry| {
            // In the place of a name, by its form alone.
            if !secret::in_name(&entry.key).is_empty() {
                found.push(&entry.key);
            }
            walk_written(&entry.value, is_secret || secret::is_name(&entry.key), found);
        }),
        NodeValue::Text(text) if !text.is_empty() && !node.from_variable => {
            let secrets = secret::in_file(text);
            if is_secret || !secrets.is_empty() {
                found.push(text);
            }
            found.extend(secrets.into_iter().map(|range| &text[range]));
        }
        _ => {}
    }
}

/// The message with `instead` in place of them.
pub(super) fn hide(message: &str, secrets: &[&str], instead: &str) -> String {
    let mut message = message.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        message = message.replace(&format!("`{secret}`"), instead);
        message = match secret.len() {
            ..SHORT => without_word(&message, secret, instead),
            _ => message.replace(secret, instead),
        };
        // Of a long one messages tell the beginning.
        let beginning = cut(secret);
        if beginning.len() != secret.len() {
            message = message.replace(&format!("`{beginning}`"), instead).replace(&beginning, instead);
        }
    }
    message
}

fn without_word(message: &str, word: &str, instead: &str) -> String {
    let goes_on = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let (mut text, mut end) = (String::with_capacity(message.len()), 0);
    for (at, found) in message.match_indices(word) {
        let (before, after) = (&message[..at], &message[at + found.len()..]);
        if !before.ends_with(goes_on) && !after.starts_with(goes_on) {
            text.push_str(&message[end..at]);
            text.push_str(instead);
            end = at + found.len();
        }
    }
    text + &message[end..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Source;

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        let hidden = |text: &str| hide(text, &["hunter2-long", "hunter2", "s3"], HIDDEN);
        assert_eq!(hidden("defined there: hunter2"), "defined there: the value of a variable");
        assert_eq!(hidden("did you mean `hunter2`?"), "did you mean the value of a variable?");
        assert_eq!(hidden("shop-hunter2-long-eu"), "shop-the value of a variable-eu");
        assert_eq!(hidden("`s3` of s3.bucket, s3"), "the value of a variable of s3.bucket, the value of a variable");
        assert_eq!(hide("nothing to hide", &[""], HIDDEN), "nothing to hide");
    }

    #[test]
    fn what_looks_like_a_secret_is_found_by_its_name_and_its_form() {
        let text =
            "splunk: { token: abc }\nnotify: [\"https://example.com/hunter2\"]\nstreams: { s: {} }\ntags: { a: b }\n";
        let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        assert_eq!(written(&document), ["https://example.com/hunter2", "hunter2", "abc"]);
        let text = "streams: { 'https://hooks.slack.com/services/T0/B0/hunter2': {} }\ntags: { password: x }\n";
        let named = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        assert_eq!(written(&named), ["https://hooks.slack.com/services/T0/B0/hunter2", "x"]);
        let long = format!("https://example.com/{}", "x".repeat(100));
        let told = hide(&format!("`{}` is not a field here", cut(&long)), &[&long], SECRET);
        assert_eq!(told, format!("{SECRET} is not a field here"));
        let values = Source { confidential: true, ..Source::new("a.yaml", "A: one\nB: [two]\n").unwrap() };
        assert_eq!(written(&Document::parse(values).0.unwrap()), ["one", "two"]);
    }
}
