//! What a policy says of one spec.

use serde_json::Value as Json;

use super::rule::Severity;
use crate::model::{Path, Segment};

/// One result of a policy, before its place is looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Which policy of the engine.
    pub policy: usize,
    /// The part of conftest's rule name behind `deny_`.
    pub suffix: String,
    pub severity: Severity,
    pub message: String,
    /// What is the same for the same finding where the message is not: it has an amount, or names others. A finding is
    /// known again by it.
    pub key: Option<String>,
    /// Where in the document, if the policy says so.
    pub path: Option<Path>,
    /// conftest's `_loc.line`.
    pub line: Option<usize>,
    /// What to do, where it differs from the rule's own `fix`.
    pub help: Option<String>,
    /// Other places that matter, each with a label.
    pub also: Vec<(Path, String)>,
    pub fix: Option<Fix>,
}

/// How a finding can be mended without a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// Whether what runs stays as it is; the others may change behaviour or cost.
    pub safe: bool,
    pub edits: Vec<Edit>,
}

/// One change of the document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Writes a value, in place of the old one or as a new field.
    Set(Path, Json),
    /// Takes a field or an item away.
    Remove(Path),
}

impl Verdict {
    /// Reads a result: a text, or an object with `msg` and, if the policy says more, `key`, `path`, `help`, `also` and `fix`.
    ///
    /// # Errors
    /// What is wrong with the result, for the author of the policy.
    pub fn read(policy: usize, severity: Severity, suffix: &str, result: &Json) -> Result<Self, String> {
        let bare = |message: &str| Self {
            policy,
            suffix: suffix.to_owned(),
            severity,
            message: message.to_owned(),
            key: None,
            path: None,
            line: None,
            help: None,
            also: Vec::new(),
            fix: None,
        };
        let object = match result {
            Json::String(message) if is_empty(message) => return Err(EMPTY.to_owned()),
            Json::String(message) => return Ok(bare(message)),
            Json::Object(object) => object,
            other => return Err(format!("a result is a text or an object with `msg`, and this is {other}")),
        };
        let text = |name: &str| object.get(name).and_then(Json::as_str);
        let message = text("msg").ok_or("a result that is an object needs a text `msg`")?;
        if is_empty(message) {
            return Err(EMPTY.to_owned());
        }
        let key = match object.get("key") {
            None | Some(Json::Null) => None,
            Some(Json::String(key)) => Some(key.clone()),
            Some(other) => return Err(format!("a `key` is a text, and this is {other}")),
        };
        let said = object.get("path").or_else(|| object.get("_path"));
        let line = object.get("_loc").and_then(|at| at.get("line")).and_then(Json::as_u64);
        Ok(Self {
            key,
            path: said.map(path).transpose()?,
            line: line.and_then(|line| usize::try_from(line).ok()),
            help: text("help").map(str::to_owned),
            also: object.get("also").map(also).transpose()?.unwrap_or_default(),
            fix: object.get("fix").map(fix).transpose()?,
            severity: match text("severity") {
                Some("error") => Severity::Error,
                Some("warning") => Severity::Warning.min(severity.max(Severity::Warning)),
                Some("note") => Severity::Note,
                _ => severity,
            },
            ..bare(message)
        })
    }
}

/// A finding that says nothing could be of anything.
const EMPTY: &str = "the message of a result is empty; say what is wrong, and where";

fn is_empty(message: &str) -> bool {
    message.trim().is_empty()
}

/// A list of keys and indices.
fn path(json: &Json) -> Result<Path, String> {
    let wrong = || format!("a path is a list of keys and indices, and this is {json}");
    let segments = json.as_array().ok_or_else(wrong)?.iter().map(|segment| match segment {
        Json::String(key) => Ok(Segment::Key(key.clone())),
        other => other.as_u64().and_then(|index| usize::try_from(index).ok()).map(Segment::Index).ok_or_else(wrong),
    });
    segments.collect::<Result<_, _>>().map(Path)
}

fn also(json: &Json) -> Result<Vec<(Path, String)>, String> {
    let places = json.as_array().ok_or("`also` is a list of { path, label }")?;
    let one = |place: &Json| {
        let label = place.get("label").and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok((path(place.get("path").unwrap_or(&Json::Null))?, label))
    };
    places.iter().map(one).collect()
}

/// `{"safe": true, "edits": [{"set": PATH, "to": VALUE}, {"remove": PATH}]}`
fn fix(json: &Json) -> Result<Fix, String> {
    let safe = json.get("safe").and_then(Json::as_bool).unwrap_or(false);
    let edits = json.get("edits").and_then(Json::as_array).ok_or("a `fix` has a list of `edits`")?;
    let one = |edit: &Json| match (edit.get("set"), edit.get("to"), edit.get("remove")) {
        (Some(at), Some(to), None) => Ok(Edit::Set(path(at)?, to.clone())),
        (None, None, Some(at)) => Ok(Edit::Remove(path(at)?)),
        _ => Err("an edit is { set: PATH, to: VALUE } or { remove: PATH }".to_owned()),
    };
    Ok(Fix { safe, edits: edits.iter().map(one).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_and_objects_are_results() {
        let read = |json: Json| Verdict::read(0, Severity::Error, "", &json);
        assert_eq!(read(json!("no")).unwrap().message, "no");
        let full = read(json!({
            "msg": "m", "path": ["streams", "a", 0], "also": [{"path": ["b"], "label": "l"}], "key": "k",
            "fix": {"safe": true, "edits": [{"set": ["x"], "to": 1}, {"remove": ["y"]}]}, "_loc": {"line": 3},
        }));
        let full = full.unwrap();
        assert_eq!((full.path.unwrap().to_string().as_str(), full.key.as_deref()), ("streams.a[0]", Some("k")));
        assert_eq!((full.line, full.also.len(), full.fix.unwrap().edits.len()), (Some(3), 1, 2));
        for wrong in [
            json!(1),
            json!({}),
            json!({"msg": "m", "path": "a"}),
            json!({"msg": "m", "fix": {}}),
            json!({"msg": "m", "key": 1}),
        ] {
            assert!(read(wrong).is_err());
        }
        for empty in [json!(""), json!({"msg": " "})] {
            assert!(read(empty).unwrap_err().contains("is empty"));
        }
    }
}
