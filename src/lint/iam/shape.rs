//! The shape of a derived policy: its document and what it is for, with the pipeline's own names replaced by their numbers.
//!
//! Tidegate derives the policies of a thousand roles from a few sentences, so most of them differ by names alone. What is
//! found out about a policy depends on its names only by whether two of them are the same, as long as no name begins with
//! another or with a word of AWS's templates for ARNs; where that is not so, a policy has no shape and is judged itself.
//! And only that *nothing* was found is carried over from one policy to another, for what is found tells names.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use super::catalog::Catalog;
use super::need::{Edge, Work};
use super::policy::Kind;
use crate::kinds::Pipeline;
use crate::model::{Graph, Ref, Value};

/// Names in one policy; more are compared as they are.
const MOST_NAMES: usize = 64;
/// What KCL appends to the name of an application to name its tables.
const TABLES: [&str; 2] = ["-WorkerMetricStats", "-CoordinatorState"];

/// The names that a pipeline gives to its parts.
pub(super) struct Names<'a>(BTreeSet<Cow<'a, str>>);

impl<'a> Names<'a> {
    pub fn of(spec: &'a Pipeline, graph: &'a Graph, catalog: &Catalog) -> Self {
        let mut all: BTreeSet<Cow<'a, str>> = BTreeSet::new();
        for desired in graph.iter().filter(|desired| desired.address.kind() != "alarm") {
            all.insert(desired.physical.as_str().into());
            let name = desired.address.name();
            all.insert(if name.contains('/') { name.replace('/', "-").into() } else { name.into() });
        }
        for grant in spec.access.values().flat_map(|access| &access.can) {
            all.extend(grant.kcl.iter().chain(&grant.via).map(|name| Cow::from(name.as_str())));
        }
        all.insert(spec.pipeline.as_str().into());
        all.extend(spec.archives.values().map(|archive| Cow::from(archive.s3.bucket.as_str())));
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        all.retain(|name| !name.is_empty() && name.chars().all(plain) && !catalog.is_like_a_word(name));
        Self(all)
    }
}

/// The shape of a document for a purpose; none if its names may matter. `known`: what references will be. `longest`:
/// from this length on a document may be too long, whatever its shape.
pub(super) fn shape(
    kind: Kind,
    document: &Value,
    edges: &[Edge],
    names: &Names,
    known: &dyn Fn(&Ref) -> Option<String>,
    longest: usize,
) -> Option<String> {
    let mut shape = Shape {
        out: kind.word().to_owned(),
        names,
        known,
        bases: Vec::new(),
        others: Vec::new(),
        sids: Vec::new(),
        length: 0,
        matters: false,
    };
    shape.value(document, In::Document);
    if shape.length >= longest {
        return None;
    }
    edges.iter().for_each(|edge| shape.edge(edge));
    (!shape.matters && shape.are_apart()).then_some(shape.out)
}

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Document,
    Sid,
    Condition,
}

struct Shape<'a> {
    out: String,
    names: &'a Names<'a>,
    known: &'a dyn Fn(&Ref) -> Option<String>,
    /// The pipeline's names, in the order in which they come.
    bases: Vec<String>,
    /// What stands where names stand and is none.
    others: Vec<String>,
    sids: Vec<String>,
    /// At least the characters of the document.
    length: usize,
    /// The names themselves matter.
    matters: bool,
}

impl Shape<'_> {
    fn value(&mut self, value: &Value, place: In) {
        // Quotes, colon, comma and bracket.
        self.length += 6;
        match value {
            Value::Bool(yes) => self.literal(&yes.to_string()),
            Value::Int(number) => self.literal(&number.to_string()),
            Value::Text(text) => self.text(text, place),
            Value::Ref(reference) => match (self.known)(reference) {
                Some(text) => self.text(&text, place),
                None => self.matters = true,
            },
            Value::List(items) => {
                self.out.push('[');
                items.iter().for_each(|item| self.value(item, place));
                self.out.push(']');
            }
            Value::Map(map) => {
                self.out.push('{');
                for (key, value) in map {
                    self.length += key.len();
                    self.write(format_args!("\n{key}="));
                    let place = match (place, key.as_str()) {
                        (In::Document, "Sid") => In::Sid,
                        (In::Document, "Condition") => In::Condition,
                        (place, _) => place,
                    };
                    self.value(value, place);
                }
                self.out.push('}');
            }
        }
    }

    fn literal(&mut self, text: &str) {
        self.length += text.len();
        self.out.push_str(text);
    }

    fn text(&mut self, text: &str, place: In) {
        self.length += text.len();
        self.out.push('\n');
        if place == In::Sid && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            // Of ids it matters whether two are the same.
            let nth = number(&mut self.sids, text);
            return self.write(format_args!("\u{1}s{nth}"));
        }
        if text.contains("${") || text.contains(['\n', '\u{1}']) {
            self.matters = true;
        }
        let head: usize = text.split_inclusive(':').take(5).map(str::len).sum();
        match text.split_at(head) {
            (head, name) if head.starts_with("arn:") && head.matches(':').count() == 5 => {
                self.out.push_str(head);
                self.resource(name, head);
            }
            _ if place == In::Condition => {
                self.name(text);
            }
            _ => self.out.push_str(text),
        }
    }

    /// The last part of an ARN, behind its head. Of all services but S3 it begins with the type.
    fn resource(&mut self, text: &str, head: &str) {
        let (mut rest, mut is_type, mut wild) = (text, !head.contains(":s3:"), head.contains(['*', '?']));
        while !rest.is_empty() {
            let end = rest.find([':', '/', '*', '?']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if is_type {
                self.out.push_str(word);
                self.others.push(word.to_owned());
            } else if !word.is_empty() {
                // Behind a wildcard a name may meet anything.
                self.matters |= self.name(word) && wild;
            }
            let sign = after.chars().next();
            self.out.extend(sign);
            wild |= matches!(sign, Some('*' | '?'));
            is_type = false;
            rest = &after[sign.map_or(0, char::len_utf8)..];
        }
    }

    /// A word where names stand: whether it is one.
    fn name(&mut self, word: &str) -> bool {
        let split = TABLES.iter().find_map(|table| Some((word.strip_suffix(table)?, *table)));
        let (base, table) = split.unwrap_or((word, ""));
        let is_name = self.names.0.contains(base);
        if is_name {
            let nth = number(&mut self.bases, base);
            self.write(format_args!("\u{1}n{nth}{table}"));
        } else {
            self.out.push_str(word);
            self.others.push(word.to_owned());
        }
        is_name
    }

    fn edge(&mut self, edge: &Edge) {
        let (word, names): (&str, Vec<&str>) = match &edge.work {
            Work::Write { kpl: false } => ("write", vec![]),
            Work::Write { kpl: true } => ("kpl", vec![]),
            Work::Poll => ("poll", vec![]),
            Work::FanOut { consumer } => ("fan-out", vec![consumer.as_str()]),
            Work::Kcl { application, via: None } => ("kcl", vec![application.as_str()]),
            Work::Kcl { application, via: Some(via) } => ("kcl via", vec![application.as_str(), via.as_str()]),
            Work::Archive { bucket, .. } => ("archive", vec![bucket.as_str()]),
        };
        self.write(format_args!("\n\u{1}{word} "));
        for name in names {
            self.name(name);
            self.out.push(' ');
        }
        self.text(&edge.stream.arn, In::Condition);
        let own = if let Work::Archive { key, .. } = &edge.work { key.as_deref() } else { None };
        for key in [edge.stream.key.as_deref(), own] {
            match key {
                Some(key) => self.text(key, In::Condition),
                None => self.out.push_str("\n-"),
            }
        }
    }

    /// Whether no name begins with another one, or with anything else that stands where names stand, or the other way round.
    fn are_apart(&self) -> bool {
        let apart = |one: &String, other: &String| !one.starts_with(other.as_str()) && !other.starts_with(one.as_str());
        let names = self.bases.iter().enumerate();
        self.bases.len() <= MOST_NAMES
            && self.others.len() <= MOST_NAMES
            && names.into_iter().all(|(at, one)| {
                self.bases[at + 1..].iter().all(|other| apart(one, other))
                    && self.others.iter().all(|other| other.is_empty() || apart(one, other))
            })
    }

    fn write(&mut self, words: std::fmt::Arguments) {
        // Writing into a text does not fail.
        let _ = self.out.write_fmt(words);
    }
}

/// The number of a text in a list, to which it is added if it is new.
fn number(list: &mut Vec<String>, text: &str) -> usize {
    list.iter().position(|known| known == text).unwrap_or_else(|| {
        list.push(text.to_owned());
        list.len() - 1
    })
}

#[cfg(test)]
mod tests;
