use super::document::{Node, NodeValue};
use super::scalar;
use super::source::Source;
use super::tree::cut;
use crate::model::{Path, Problem};

/// Serde's complaint, understood.
pub(super) enum Told {
    UnknownField { name: String, allowed: Vec<String> },
    MissingField { name: String },
    Wrong { code: &'static str, message: String, help: Option<String> },
}

impl Told {
    pub(super) fn problem(self, path: Path) -> Problem {
        match self {
            Self::UnknownField { name, allowed } => match strange_blank(&name) {
                Some(blank) => {
                    let word = name.trim_matches(|c: char| c == blank || c.is_whitespace());
                    let message = format!(
                        "the name `{}` comes with the character U+{:04X}, which looks like a blank and is none in YAML",
                        cut(word),
                        u32::from(blank)
                    );
                    Problem::new("unknown-field", path, message).help("write blanks in its place, also as indentation")
                }
                None => {
                    let message = format!("`{}` is not a field here", cut(&name));
                    helped(Problem::new("unknown-field", path, message), choose(&name, &allowed, "the fields are"))
                }
            },
            Self::MissingField { name } => {
                Problem::new("missing-field", path, format!("`{name}` is missing")).help(format!("add `{name}: …`"))
            }
            Self::Wrong { code, message, help } => helped(Problem::new(code, path, message), help),
        }
    }
}

/// A character that nobody sees, or that looks like a blank: it comes with a text that was copied out of a page.
fn strange_blank(name: &str) -> Option<char> {
    let is_unseen = |c: &char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}');
    let is_strange = |c: &char| is_unseen(c) || (c.is_whitespace() && !c.is_ascii());
    name.chars().find(is_strange)
}

fn helped(problem: Problem, help: Option<String>) -> Problem {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// Reads a message of serde's about a node. The wording of serde's own errors is stable; whatever is not recognised
/// is the message of one of our types and is told as it is.
pub(super) fn tell(message: &str, node: &Node, source: &Source) -> Told {
    if let Some((name, allowed)) = unknown(message, "unknown field `") {
        return Told::UnknownField { name, allowed };
    }
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Told::MissingField { name: name.to_owned() };
    }
    let secrets = secrets(node);
    if let Some((name, allowed)) = unknown(message, "unknown variant `") {
        let (message, hint) = match secrets.contains(&name) {
            false => (format!("`{}` is not one of the allowed values", cut(&name)), name.as_str()),
            true => ("the value of a variable is not one of the allowed values".to_owned(), ""),
        };
        return Told::Wrong { code: "invalid-value", message, help: choose(hint, &allowed, "the allowed values are") };
    }
    if let Some((found, expected)) = mismatch(message, "invalid type: ") {
        return wrong_type(found, expected, node, source);
    }
    if let Some((found, expected)) = mismatch(message, "invalid value: ") {
        let found = if node.from_variable { "the value of a variable".to_owned() } else { found_words(found) };
        let message = format!("expected {}, found {found}", range_words(expected));
        return Told::Wrong { code: "invalid-value", message: redact(&message, &secrets), help: None };
    }
    if message.starts_with("data did not match any variant of untagged enum") {
        let message = format!("{} does not fit here", node_words(node));
        return Told::Wrong { code: "invalid-value", message, help: None };
    }
    let message = redact(message, &secrets);
    let (message, help) = match message.split_once("; ") {
        Some((message, help)) => (message, Some(shorten(help))),
        None => (message.as_str(), None),
    };
    Told::Wrong { code: "invalid-value", message: shorten(message), help }
}

/// Splits "unknown field `x`, expected one of `a`, `b`"; the name may itself hold backticks.
fn unknown(message: &str, prefix: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix(prefix)?;
    if let Some((name, expected)) = rest.rsplit_once("`, expected ") {
        let allowed = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        return Some((name.to_owned(), allowed));
    }
    let (name, _) = rest.rsplit_once("`, there are no ")?;
    Some((name.to_owned(), Vec::new()))
}

fn mismatch<'m>(message: &'m str, prefix: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(prefix)?.rsplit_once(", expected ")
}

/// The nearest allowed name, or all of them.
fn choose(name: &str, allowed: &[String], list: &str) -> Option<String> {
    let lower = cut(name).to_lowercase();
    let near = allowed.iter().map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), word)).min();
    match near {
        None => None,
        // A third of the letters may be wrong, as in rustc.
        Some((distance, word)) if distance <= name.chars().count().max(3) / 3 => {
            Some(format!("did you mean `{word}`?"))
        }
        Some(_) => {
            let words: Vec<_> = allowed.iter().map(|word| format!("`{word}`")).collect();
            Some(format!("{list} {}", words.join(", ")))
        }
    }
}

fn wrong_type(found: &str, expected: &str, node: &Node, source: &Source) -> Told {
    let wanted = expected_words(expected);
    // Tagged and untagged types lose the path: then the node is a container around the value that is meant.
    let exact = !matches!(node.value, NodeValue::Seq(_) | NodeValue::Map(_)) || matches!(found, "map" | "sequence");
    let found = match exact {
        true => node_words(node),
        false if secrets(node).is_empty() => found_words(found),
        false => "a value of another kind".to_owned(),
    };
    let help = if exact { type_help(&wanted, node, source) } else { None };
    Told::Wrong { code: "wrong-type", message: format!("expected {wanted}, found {found}"), help }
}

fn type_help(wanted: &str, node: &Node, source: &Source) -> Option<String> {
    match (&node.value, wanted) {
        (NodeValue::Null, _) => Some("give it a value, or remove the line".to_owned()),
        (NodeValue::Bool(_) | NodeValue::Int(_) | NodeValue::Float(_), "a text") => {
            Some(format!("write \"{}\"", cut(&written(node, source))))
        }
        (NodeValue::Text(text), "a number" | "a whole number") if node.quoted && is_number(text) => {
            Some("remove the quotes".to_owned())
        }
        (NodeValue::Seq(_) | NodeValue::Map(_) | NodeValue::Text(_), "a list") => {
            Some("begin each item with `- `".to_owned())
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    matches!(scalar::plain(text), NodeValue::Int(_) | NodeValue::Float(_))
}

/// The scalar as the user wrote it (`012` keeps its zero); of an alias, its value.
fn written(node: &Node, source: &Source) -> String {
    let raw = source.slice(&node.span);
    if node.from_variable || scalar::plain(raw) == node.value {
        return raw.to_owned();
    }
    plain_text(&node.value)
}

fn plain_text(value: &NodeValue) -> String {
    match value {
        NodeValue::Bool(value) => value.to_string(),
        NodeValue::Int(value) => value.to_string(),
        NodeValue::Float(value) => value.to_string(),
        NodeValue::Text(text) => text.clone(),
        _ => String::new(),
    }
}

fn node_words(node: &Node) -> String {
    match &node.value {
        NodeValue::Null => "nothing".to_owned(),
        NodeValue::Seq(_) => "a list".to_owned(),
        NodeValue::Map(_) => "a mapping".to_owned(),
        _ if node.from_variable => "the value of a variable".to_owned(),
        NodeValue::Text(text) => format!("the text \"{}\"", cut(text)),
        NodeValue::Bool(value) => format!("`{value}`"),
        number => format!("the number {}", plain_text(number)),
    }
}

/// Serde's words for what it found, where there is no node to ask.
fn found_words(found: &str) -> String {
    let inside = |found: &str| found.split_once('`').and_then(|(_, rest)| rest.strip_suffix('`')).map(str::to_owned);
    match found.split(' ').next() {
        Some("integer" | "floating") => inside(found).map_or(found.to_owned(), |number| format!("the number {number}")),
        Some("boolean") => inside(found).map_or(found.to_owned(), |word| format!("`{word}`")),
        Some("string") => format!("the text {}", cut(found.trim_start_matches("string "))),
        Some("unit" | "null") => "nothing".to_owned(),
        Some("map") => "a mapping".to_owned(),
        Some("sequence") => "a list".to_owned(),
        _ => cut(found),
    }
}

/// Serde's words for what it wanted. Our own types speak for themselves.
fn expected_words(expected: &str) -> String {
    let words = match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "`true` or `false`",
        "a sequence" => "a list",
        "a string" | "string" => "a text",
        "a map" | "map" => "a mapping",
        "unit" => "nothing",
        _ if expected.contains("Tagged enum") || expected.contains("tagged enum") => "a mapping of one kind",
        // Enums of the specification are words.
        _ if expected.contains("enum ") => "a text",
        _ if expected.starts_with("struct ") => "a mapping",
        _ if expected.starts_with("tuple ") || expected.starts_with("a tuple") => "a list",
        other => other,
    };
    words.to_owned()
}

fn range_words(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "u128" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" => format!("a whole number from {} to {}", i8::MIN, i8::MAX),
        "i16" => format!("a whole number from {} to {}", i16::MIN, i16::MAX),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        other => expected_words(other),
    }
}

/// Long enough for every sentence of ours; a bound for those that quote the user.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The values of variables at and below a node, which no message may tell.
fn secrets(node: &Node) -> Vec<String> {
    match &node.value {
        NodeValue::Seq(items) => items.iter().flat_map(secrets).collect(),
        NodeValue::Map(entries) => entries.iter().flat_map(|entry| secrets(&entry.value)).collect(),
        value if node.from_variable => vec![plain_text(value)],
        _ => Vec::new(),
    }
}

/// Takes values of variables out of a message, as a whole and as quoted parts.
fn redact(message: &str, secrets: &[String]) -> String {
    let mut message = message.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let escaped = format!("{secret:?}");
        for form in [secret.as_str(), escaped.trim_matches('"')] {
            message = without(&message, form);
        }
        let mut parts: Vec<&str> = message.split('`').collect();
        for part in parts.iter_mut().skip(1).step_by(2).filter(|part| secret.contains(**part)) {
            *part = "***";
        }
        message = parts.join("`");
    }
    message
}

/// A short value counts only as a word of its own: taking the letter `s` out of every word would help nobody.
fn without(message: &str, secret: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut kept, mut from) = (String::new(), 0);
    for (start, found) in message.match_indices(secret) {
        let end = start + found.len();
        let joined = is_word(message[..start].chars().next_back()) || is_word(message[end..].chars().next());
        if secret.len() >= 4 || !joined {
            kept.push_str(&message[from..start]);
            kept.push_str("***");
            from = end;
        }
    }
    kept.push_str(&message[from..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_the_words_around_them() {
        let (name, allowed) =
            unknown("unknown field `a`, expected `b`, expected `c` or `d`", "unknown field `").unwrap();
        assert_eq!((name.as_str(), allowed), ("a`, expected `b", vec!["c".to_owned(), "d".to_owned()]));
        let (name, allowed) = unknown("unknown field `x`, there are no fields", "unknown field `").unwrap();
        assert_eq!((name.as_str(), allowed), ("x", vec![]));
    }

    #[test]
    fn near_names_are_proposed_and_far_ones_listed() {
        let allowed = ["shards", "retention"].map(str::to_owned);
        assert_eq!(choose("retentoin", &allowed, "").unwrap(), "did you mean `retention`?");
        assert_eq!(choose("SHARD", &allowed, "").unwrap(), "did you mean `shards`?");
        assert_eq!(choose("x", &allowed, "the fields are").unwrap(), "the fields are `shards`, `retention`");
    }

    #[test]
    fn secrets_leave_messages_whole_and_in_parts() {
        let redact = |message: &str, secret: &str| redact(message, &[secret.to_owned()]);
        assert_eq!(redact("`12xy` has the unit `xy`, not 12xyz", "12xy"), "`***` has the unit `***`, not ***z");
        assert_eq!(redact("9 is more than 19", "9"), "*** is more than 19");
        assert_eq!(redact("the text \"a\\nb\"", "a\nb"), "the text \"***\"");
    }
}
