//! What a rule finds, as plain data and within bounds.

use regorus::Value;
use serde_json::Value as Json;

/// Results of one rule for one file; more is a rule gone wild.
const MOST: usize = 10_000;
/// Their text in bytes: hundreds for each of them. Findings of all files are kept until they are told.
const MOST_TEXT: usize = 4 << 20;

/// The members of a set or list; a single text or object counts as one, as in conftest.
///
/// # Errors
/// There are too many, or there is too much in them.
pub fn read(value: &Value) -> Result<Vec<Json>, String> {
    match value {
        // Serialised, this would be the text "<undefined>", which is a finding.
        Value::Undefined | Value::Bool(false) | Value::Null => Ok(Vec::new()),
        Value::Set(items) => all(items.iter(), items.len()),
        Value::Array(items) => all(items.iter(), items.len()),
        other => all(std::iter::once(other), 1),
    }
}

fn all<'a>(items: impl Iterator<Item = &'a Value>, count: usize) -> Result<Vec<Json>, String> {
    if count > MOST {
        return Err(format!("the rule has {count} results for a file; at most {MOST} are read"));
    }
    let mut room = MOST_TEXT;
    let one = |item: &Value| {
        let json = serde_json::to_value(item).map_err(|error| error.to_string())?;
        let left = room.checked_sub(length(&json));
        room = left.ok_or_else(|| {
            format!("the rule's results for a file have more than {} MiB of text; let it say less", MOST_TEXT >> 20)
        })?;
        Ok(json)
    };
    items.map(one).collect()
}

/// Bytes of the text in plain data, about.
fn length(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(length).sum(),
        Json::Object(members) => members.iter().map(|(name, member)| name.len() + length(member)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => size_of::<Json>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_nothing() {
        for value in [Value::Undefined, Value::Null, Value::Bool(false)] {
            assert_eq!(read(&value), Ok(Vec::new()));
        }
        assert_eq!(read(&Value::from("a")), Ok(vec!["a".into()]));
        assert_eq!(read(&Value::from(vec![Value::from("a"), Value::from(1)])), Ok(vec!["a".into(), 1.into()]));
    }

    #[test]
    fn results_have_a_bound() {
        let many = |count: usize, text: &str| Value::from(vec![Value::from(text); count]);
        assert_eq!(read(&many(MOST, "text")).map(|all| all.len()), Ok(MOST));
        assert!(read(&many(MOST + 1, "text")).is_err_and(|error| error.contains("has 10001 results for a file")));
        let long = "x".repeat(1000);
        assert!(read(&many(4000, &long)).is_ok());
        assert!(read(&many(5000, &long)).is_err_and(|error| error.contains("more than 4 MiB of text")));
    }
}
