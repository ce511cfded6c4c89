//! A finding: a verdict that knows its place.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::rule::{About, Concern, Severity};
use super::verdict::{Fix, Verdict};
use crate::model::{Path, Place, Problem, Segment, secret};
use crate::spec::{Document, Node, NodeValue};

/// What a rule found in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub about: Arc<About>,
    pub severity: Severity,
    pub message: String,
    pub file: Arc<str>,
    pub path: Path,
    /// None where the file itself could not be read.
    pub place: Option<Place>,
    /// The value behind the key at the place; see [`Problem::value`].
    pub value: Option<Place>,
    pub also: Vec<(Place, String)>,
    pub help: Option<String>,
    pub fix: Option<Fix>,
    /// The same as long as the same rule finds the same thing in the same pipeline, wherever its line is. Two items of a
    /// list may have the same one.
    pub fingerprint: String,
    /// Why it is not counted.
    pub silenced: Option<Silence>,
}

/// Somebody has decided that a finding may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    pub reason: String,
    /// `in-file` comments, or a `baseline`.
    pub by: SilencedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilencedBy {
    Comment,
    Baseline,
}

impl Finding {
    /// A finding of Tidegate's own at a place of a document.
    pub fn at(document: &Document, about: &Arc<About>, message: impl Into<String>, place: Place) -> Self {
        Self::placed(document, about, (message.into(), None), Path::root(), place)
    }

    /// A message, and the key that stands for it in the fingerprint.
    fn placed(
        document: &Document,
        about: &Arc<About>,
        (message, key): (String, Option<&str>),
        path: Path,
        place: Place,
    ) -> Self {
        Self {
            severity: about.severity,
            about: Arc::clone(about),
            file: Arc::clone(&document.source.name),
            place: Some(place),
            value: None,
            also: Vec::new(),
            help: None,
            fix: None,
            fingerprint: fingerprint(&about.id, pipeline(document), &path, key.unwrap_or(&message)),
            silenced: None,
            message,
            path,
        }
    }

    /// Looks up the place of a verdict.
    pub fn of(document: &Document, about: &Arc<About>, verdict: Verdict) -> Self {
        let named = verdict.path.clone().or_else(|| named_in(document, &verdict.message));
        let path = named.unwrap_or_default();
        let place = match verdict.line.filter(|_| verdict.path.is_none()) {
            Some(line) => line_of(document, line),
            None => shown(document, &path),
        };
        // A policy may tell what it has found.
        let message = secret::hide(&verdict.message).into_owned();
        let also = verdict.also.iter().map(|(path, label)| (shown(document, path), label.clone()));
        Self {
            also: also.collect(),
            severity: verdict.severity,
            help: verdict.help,
            fix: verdict.fix,
            ..Self::placed(document, about, (message, verdict.key.as_deref()), path, place)
        }
    }

    /// A mistake of the specification is a finding that cannot be silenced.
    pub fn mistake(problem: Problem, file: &Arc<str>) -> Self {
        let place = problem.place.map(|place| *place);
        Self {
            about: Arc::new(About::built_in(problem.code, Concern::Spec, Severity::Error, "a mistake in the spec")),
            severity: Severity::Error,
            fingerprint: fingerprint(problem.code, "", &problem.path, &problem.message),
            message: problem.message,
            file: place.as_ref().map_or_else(|| Arc::clone(file), |place| Arc::clone(&place.file)),
            path: problem.path,
            place,
            value: problem.value.map(|value| *value),
            also: problem.related.into_vec(),
            help: problem.help,
            fix: None,
            silenced: None,
        }
    }

    /// Whether it counts: nobody silenced it, or only a comment did and comments do not count.
    pub fn counts(&self, without_comments: bool) -> bool {
        self.silenced.as_ref().is_none_or(|silence| without_comments && silence.by == SilencedBy::Comment)
    }

    /// What to do: the finding's own word, else the rule's.
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref().or(Some(self.about.fix.as_str()).filter(|fix| !fix.is_empty()))
    }
}

/// A whole block is shown by its key: nobody wants all its lines underlined.
fn shown(document: &Document, path: &Path) -> Place {
    match document.get(path).map(|node| &node.value) {
        Some(NodeValue::Map(_)) if matches!(path.0.last(), Some(Segment::Key(_))) => document.key_place(path),
        _ => document.place(path),
    }
}

fn pipeline(document: &Document) -> &str {
    let NodeValue::Map(entries) = &document.root.value else { return "" };
    match entries.iter().find(|entry| entry.key == "pipeline").map(|entry| &entry.value.value) {
        Some(NodeValue::Text(name)) => name,
        _ => "",
    }
}

/// 32 hexadecimal digits of what identifies a finding; no line numbers and no positions in lists, so that it survives text
/// above it and items before it. `message`: or the key of a rule whose messages have amounts or name others.
fn fingerprint(rule: &str, pipeline: &str, path: &Path, message: &str) -> String {
    let last = path.0.iter().rposition(|segment| matches!(segment, Segment::Index(_)));
    let listed = &path.0[..last.map_or(0, |last| last + 1)];
    // Declared rules say in words where it is.
    let message = match listed {
        [] => message.to_owned(),
        listed => message.replace(&dotted(listed, &|index| index.to_string()), &dotted(listed, &|_| "*".to_owned())),
    };
    let path = dotted(&path.0, &|_| "*".to_owned());
    let digest = Sha256::digest(format!("{rule}\0{pipeline}\0{path}\0{message}").as_bytes());
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    digest.iter().take(16).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// `access.web.can.0.read`, with positions in lists as `position` writes them.
fn dotted(path: &[Segment], position: &dyn Fn(usize) -> String) -> String {
    let words = path.iter().map(|segment| match segment {
        Segment::Key(key) => key.clone(),
        Segment::Index(index) => position(*index),
    });
    words.collect::<Vec<_>>().join(".")
}

/// The block whose name a message mentions, where a policy gives no path: `stream clicks is …`.
fn named_in(document: &Document, message: &str) -> Option<Path> {
    let is_name = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let words: Vec<&str> = message.split(|c| !is_name(c)).map(|word| word.trim_end_matches('.')).collect();
    let NodeValue::Map(sections) = &document.root.value else { return None };
    let blocks = sections.iter().flat_map(|section| {
        let names = match &section.value.value {
            NodeValue::Map(entries) => entries.iter().filter(|entry| is_block(&entry.value)).collect(),
            _ => Vec::new(),
        };
        names.into_iter().map(|entry| (section.key.as_str(), entry.key.as_str()))
    });
    let mentioned = blocks.filter(|(_, name)| words.contains(name));
    mentioned.max_by_key(|(_, name)| name.len()).map(|(section, name)| Path::of([section, name]))
}

fn is_block(node: &Node) -> bool {
    matches!(node.value, NodeValue::Map(_) | NodeValue::Null)
}

/// A whole line of the file, without its indentation.
fn line_of(document: &Document, line: usize) -> Place {
    let text = &document.source.text;
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let content = text[start..].lines().next().unwrap_or_default();
    let indent = content.len() - content.trim_start().len();
    document.source.place(start + indent..start + content.trim_end().len().max(indent))
}

/// Whether a path is the same as another or lies below it.
pub fn is_within(path: &Path, block: &Path) -> bool {
    let segments: &[Segment] = &path.0;
    segments.starts_with(&block.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Source;

    fn document(text: &str) -> Document {
        Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap()
    }

    fn verdict(message: &str) -> Verdict {
        Verdict::read(0, Severity::Error, "", &message.into()).unwrap()
    }

    #[test]
    fn messages_without_a_path_find_the_block_that_they_name() {
        let document = document("pipeline: p\nstreams:\n  clicks: {}\n  clicks-raw:\n    retention: 24h\n");
        let about = Arc::new(About::built_in("x", Concern::Custom, Severity::Error, "X"));
        let path = |message: &str| Finding::of(&document, &about, verdict(message)).path.to_string();
        assert_eq!(path("stream clicks-raw is bad."), "streams.clicks-raw");
        assert_eq!(path("stream `clicks`. It is bad"), "streams.clicks");
        assert_eq!(path("retention is bad"), "");
        let mut line = verdict("retention is bad");
        line.line = Some(5);
        let place = Finding::of(&document, &about, line).place.unwrap();
        assert_eq!(document.source.slice(&(place.start..place.end)), "retention: 24h");
    }

    #[test]
    fn fingerprints_do_not_know_lines() {
        let about = Arc::new(About::built_in("x", Concern::Custom, Severity::Error, "X"));
        let print = |text: &str, message: &str| Finding::of(&document(text), &about, verdict(message)).fingerprint;
        let text = "pipeline: p\nstreams: { a: {} }\n";
        assert_eq!(print(text, "a is bad"), print(&format!("{}{text}", "# more\n".repeat(100)), "a is bad"));
        assert_ne!(print(text, "a is bad"), print(text, "a is worse"));
        assert_ne!(print(text, "a is bad"), print("pipeline: q\nstreams: { a: {} }\n", "a is bad"));
        let keyed = |message: &str, key: &str| {
            let keyed = Verdict { key: Some(key.to_owned()), ..verdict(message) };
            Finding::of(&document(text), &about, keyed).fingerprint
        };
        assert_eq!(keyed("a costs 7 dollars", "dear"), keyed("a costs 8 dollars", "dear"));
        assert_ne!(keyed("a costs 7 dollars", "dear"), keyed("a costs 7 dollars", "slow"));
    }

    #[test]
    fn fingerprints_do_not_know_positions() {
        let print = |path: Path, message: &str| fingerprint("x", "p", &path, message);
        let can = |index: usize| Path::of(["access", "web", "can"]).index(index).key("read");
        assert_eq!(print(can(0), "bad"), print(can(7), "bad"));
        assert_eq!(print(can(0), "`access.web.can.0` says `read`"), print(can(7), "`access.web.can.7` says `read`"));
        assert_ne!(print(can(0), "at least 1"), print(can(0), "at least 2"));
        assert_ne!(print(can(0), "bad"), print(Path::of(["access", "api", "can"]).index(0).key("read"), "bad"));
    }
}
