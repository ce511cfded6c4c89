use std::collections::HashMap;
use std::ops::Range;

use super::document::{Entry, Node, NodeValue};
use super::source::Source;
use super::tree::cut;
use crate::model::{Path, Problem, Segment};

/// A mapping that is not closed yet.
#[derive(Default)]
pub(super) struct Mapping {
    entries: Vec<Entry>,
    seen: HashMap<String, Range<usize>>,
    pub key: Option<Key>,
    merged: Vec<Node>,
}

pub(super) enum Key {
    Text(String, Range<usize>),
    Merge(Range<usize>),
    /// Reported already; its value is read and dropped.
    Bad,
}

impl Mapping {
    /// Takes the key of the next value. The path of a problem is that of the mapping.
    pub(super) fn put_key(&mut self, source: &Source, node: Node) -> Option<Problem> {
        let (key, problem) = key(source, node);
        self.key = Some(key);
        problem
    }

    /// Takes the value of the key that came last. The path of a problem begins in the mapping.
    pub(super) fn put(&mut self, source: &Source, value: Node) -> Option<Problem> {
        let (key, key_span, merges) = match self.key.take()? {
            Key::Text(key, key_span) => (key, key_span, false),
            Key::Merge(key_span) => ("<<".to_owned(), key_span, true),
            Key::Bad => return None,
        };
        if let Some(first) = self.seen.get(&key) {
            let message = format!("the key `{}` is defined twice", cut(&key));
            let mut problem = Problem::new("duplicate-key", Path(vec![Segment::Key(key)]), message)
                .help("remove one of the two")
                .at(source.place(key_span));
            problem.related = [(source.place(first.clone()), "first defined here".to_owned())].into();
            problem.value = Some(Box::new(source.place(value.span)));
            return Some(problem);
        }
        self.seen.insert(key.clone(), key_span.clone());
        if merges {
            self.merged.push(value);
        } else {
            self.entries.push(Entry { key, key_span, value });
        }
        None
    }

    /// Fills in what merge keys bring; the mapping's own keys win, then the earlier source.
    pub(super) fn close(self, source: &Source, path: &dyn Fn() -> Path) -> (Vec<Entry>, Vec<Problem>) {
        let Mapping { mut entries, mut seen, merged, .. } = self;
        let mut problems = Vec::new();
        for node in merged {
            let span = node.span.clone();
            let origins = match node.value {
                NodeValue::Seq(items) => items,
                _ => vec![node],
            };
            for origin in origins {
                let NodeValue::Map(brought) = origin.value else {
                    let problem = Problem::new("merge-key", path(), "`<<` merges mappings, and this is none")
                        .help("write `<<: *name`, where `&name` marks a mapping")
                        .at(source.place(span.clone()));
                    problems.push(problem);
                    continue;
                };
                for entry in brought {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entry.key_span.clone());
                        entries.push(entry);
                    }
                }
            }
        }
        (entries, problems)
    }
}

/// Makes a key of a node. A number or a word like `true` is reported and read as the text that was written.
fn key(source: &Source, node: Node) -> (Key, Option<Problem>) {
    let span = node.span.clone();
    let not_text = |message: &str| Problem::new("key-not-text", Path::root(), message).at(source.place(span.clone()));
    match node.value {
        NodeValue::Text(text) if text == "<<" && !node.quoted => (Key::Merge(span), None),
        NodeValue::Text(text) => (Key::Text(text, span), None),
        NodeValue::Seq(_) | NodeValue::Map(_) => (
            Key::Bad,
            Some(
                not_text("a key must be a text, not a list or a mapping")
                    .help("quote it; if this is a template, render it first"),
            ),
        ),
        NodeValue::Null if span.is_empty() => (Key::Bad, Some(not_text("the key before this `:` is missing"))),
        _ => {
            let written = source.slice(&span).to_owned();
            let problem = not_text(&format!("a key must be a text, and `{}` is none", cut(&written)))
                .help(format!("write \"{}\"", cut(&written)));
            (Key::Text(written, span), Some(problem))
        }
    }
}
