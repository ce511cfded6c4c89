use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::document::{Document, Node, NodeValue};
use super::scalar;
use super::source::{MAX_BYTES, Source};
use super::tree::cut;
use crate::model::{Path, Place, Problem};

/// Where the value of a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarKind {
    /// `${env:NAME}`
    Env,
    /// `${var:NAME}`
    Var,
}

impl fmt::Display for VarKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Env => "env",
            Self::Var => "var",
        })
    }
}

/// Replaces `${env:NAME}` and `${var:NAME}` in the document's texts; `$${` stands for `${`. A scalar that is one
/// variable and nothing else is read both as text and as a number or truth value, and the field takes what it wants.
/// What a variable holds is not looked at again and is never told in a message. A text with a problem stays as it was
/// written.
pub fn substitute(document: &mut Document, lookup: &dyn Fn(VarKind, &str) -> Option<String>) -> Vec<Problem> {
    let mut walk = Walk {
        source: &document.source,
        lookup,
        problems: Vec::new(),
        told: BTreeSet::new(),
        room: MAX_BYTES,
        spent: false,
    };
    walk.node(&mut document.root, &Path::root());
    walk.problems
}

/// More than anybody reads; see `tree::MAX_PROBLEMS`.
const MAX_PROBLEMS: usize = 1_000;

struct Walk<'a> {
    source: &'a Source,
    lookup: &'a dyn Fn(VarKind, &str) -> Option<String>,
    problems: Vec<Problem>,
    /// What has been told where, since aliases repeat the same bytes; an alias is told of without its place.
    told: BTreeSet<(Option<Place>, String)>,
    /// How many bytes the values of variables may still add.
    room: usize,
    /// They would add more; the rest stays as it was written.
    spent: bool,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &Path) {
        match &mut node.value {
            NodeValue::Seq(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.index(index));
                }
            }
            NodeValue::Map(entries) => {
                for entry in entries {
                    let path = path.key(&entry.key);
                    self.key(&entry.key, &entry.key_span, &path);
                    self.node(&mut entry.value, &path);
                }
            }
            NodeValue::Text(text) if text.contains("${") && !self.spent => {
                let Some(replaced) = self.text(text, &node.span, path) else { return };
                node.from_variable = replaced.variables > 0;
                node.from_env = replaced.from_env;
                let (value, other) = match replaced.whole {
                    true => readings(replaced.text, node.quoted),
                    false => (NodeValue::Text(replaced.text), None),
                };
                (node.value, node.other) = (value, other.map(Box::new));
            }
            _ => {}
        }
    }

    fn key(&mut self, key: &str, span: &Range<usize>, path: &Path) {
        if key.contains("${env:") || key.contains("${var:") {
            let problem = Problem::new("bad-variable", path.clone(), "variables are not replaced in keys")
                .help("write the name itself; variables stand in values");
            self.report(problem, span.clone());
        }
    }

    fn report(&mut self, problem: Problem, span: Range<usize>) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let is_alias = self.source.slice(&span).starts_with('*');
        let place = self.source.place(span);
        let known = self.told.contains(&(None, problem.message.clone())) && is_alias;
        let new = !known && self.told.insert((Some(place.clone()), problem.message.clone()));
        self.told.insert((None, problem.message.clone()));
        if new {
            self.problems.push(problem.at(place));
        }
    }

    /// The text with its variables replaced, or nothing if one of them cannot be.
    fn text(&mut self, text: &str, span: &Range<usize>, path: &Path) -> Option<Replaced> {
        let places = Places::new(self.source, text, span);
        let mut replaced =
            Replaced { text: String::with_capacity(text.len()), variables: 0, whole: false, from_env: false };
        let (mut rest, mut good) = (text, true);
        let mut nth = 0;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            if let Some(before) = before.strip_suffix('$') {
                replaced.text.push_str(before);
                replaced.text.push_str("${");
                rest = &from[2..];
                nth += 1;
                continue;
            }
            replaced.text.push_str(before);
            let length = from.find('}').map_or(from.len(), |end| end + 1);
            match self.variable(&from[..length]) {
                Ok(value) => {
                    replaced.whole = length == text.len();
                    replaced.variables += 1;
                    replaced.from_env |= from[..length].starts_with("${env:");
                    replaced.text.push_str(&value);
                }
                Err(refusal) => {
                    let (code, message, help) = *refusal;
                    self.report(Problem::new(code, path.clone(), message).help(help), places.of(nth, &from[..length]));
                    good = false;
                    self.spent = code == "too-large";
                    if self.spent {
                        break;
                    }
                }
            }
            // A piece without `}` may hold further openings, which have been told with it.
            nth += from[..length].matches("${").count();
            rest = &from[length..];
        }
        replaced.text.push_str(rest);
        good.then_some(replaced)
    }

    fn variable(&mut self, written: &str) -> Result<String, Box<(&'static str, String, String)>> {
        let bad = |message: String| {
            let help = "write `${env:NAME}` or `${var:NAME}`, or `$${` where the text itself holds `${`";
            Err(Box::new(("bad-variable", message, help.to_owned())))
        };
        let Some(inside) = written.strip_prefix("${").and_then(|inside| inside.strip_suffix('}')) else {
            return bad("this `${` has no `}`".to_owned());
        };
        let (kind, name) = match inside.split_once(':') {
            Some(("env", name)) => (VarKind::Env, name),
            Some(("var", name)) => (VarKind::Var, name),
            _ => return bad(format!("`{}` is no variable", cut(written))),
        };
        if !is_name(name) {
            return bad(format!("`{}` is no name of a variable", cut(name)));
        }
        let Some(value) = (self.lookup)(kind, name) else {
            let help = match kind {
                VarKind::Env => format!("set the environment variable {name}"),
                VarKind::Var => format!("pass --var {name}=VALUE"),
            };
            return Err(Box::new(("unset-variable", format!("`${{{kind}:{}}}` is not set", cut(name)), help)));
        };
        match self.room.checked_sub(value.len()) {
            Some(room) => self.room = room,
            None => {
                let message = format!("the values of variables add more than {MAX_BYTES} bytes to this file");
                return Err(Box::new(("too-large", message, "use shorter values".to_owned())));
            }
        }
        Ok(value)
    }
}

struct Replaced {
    text: String,
    variables: usize,
    /// The whole text was one variable.
    whole: bool,
    from_env: bool,
}

/// What one variable alone says: first as it would be read if it stood there itself, then the other way.
fn readings(text: String, quoted: bool) -> (NodeValue, Option<NodeValue>) {
    match (scalar::plain(&text), quoted) {
        (plain @ (NodeValue::Int(_) | NodeValue::Float(_) | NodeValue::Bool(_)), true) => {
            (NodeValue::Text(text), Some(plain))
        }
        (plain @ (NodeValue::Int(_) | NodeValue::Float(_) | NodeValue::Bool(_)), false) => {
            (plain, Some(NodeValue::Text(text)))
        }
        (_, true) => (NodeValue::Text(text), None),
        (plain, false) => (plain, None),
    }
}

/// Values from the environment in places that everybody sees. The environment holds secrets, so what may be seen is
/// passed on by `--var`.
pub fn exposed(document: &Document, is_public: &dyn Fn(&Path) -> bool) -> Vec<Problem> {
    fn walk(node: &Node, path: &Path, is_public: &dyn Fn(&Path) -> bool, found: &mut Vec<Path>) {
        match &node.value {
            NodeValue::Seq(items) => {
                items.iter().enumerate().for_each(|(at, item)| walk(item, &path.index(at), is_public, found));
            }
            NodeValue::Map(entries) => {
                entries.iter().for_each(|entry| walk(&entry.value, &path.key(&entry.key), is_public, found));
            }
            _ if node.from_env && is_public(path) => found.push(path.clone()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&document.root, &Path::root(), is_public, &mut found);
    let problem = |path: Path| {
        let place = document.place(&path);
        Problem::new("exposed-variable", path, "a value of the environment, which may be a secret, would be seen by all")
            .help("tags and descriptions are plain to read in AWS and in plans; for what may be seen write `${var:NAME}` and pass --var NAME=VALUE")
            .at(place)
    };
    found.into_iter().map(problem).take(MAX_PROBLEMS).collect()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Where the openings `${` of a text stand in the file.
struct Places {
    whole: Range<usize>,
    /// Empty when the text's openings cannot be told apart in the file, for example because they are escaped.
    starts: Vec<usize>,
    raw_end: usize,
}

impl Places {
    fn new(source: &Source, text: &str, span: &Range<usize>) -> Self {
        let raw = source.slice(span);
        let starts: Vec<_> = raw.match_indices("${").map(|(at, _)| span.start + at).collect();
        let starts = if starts.len() == text.matches("${").count() { starts } else { Vec::new() };
        Self { whole: span.clone(), starts, raw_end: span.end }
    }

    fn of(&self, nth: usize, written: &str) -> Range<usize> {
        match self.starts.get(nth) {
            Some(start) => *start..(start + written.len()).min(self.raw_end),
            None => self.whole.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Document, Vec<Problem>) {
        let (document, problems) = Document::parse(Source::new("a.yaml", text).unwrap());
        assert_eq!(problems, []);
        let mut document = document.unwrap();
        let lookup = |kind: VarKind, name: &str| match (kind, name) {
            (VarKind::Var, "SHARDS") => Some("4".to_owned()),
            (VarKind::Env, "USER") => Some("${var:SHARDS}".to_owned()),
            (VarKind::Var, "EMPTY") => Some(String::new()),
            _ => None,
        };
        let problems = substitute(&mut document, &lookup);
        (document, problems)
    }

    fn told(text: &str) -> Vec<String> {
        let (document, problems) = run(text);
        let place = |problem: &Problem| problem.place.clone().map(|place| place.start..place.end).unwrap();
        problems
            .iter()
            .map(|problem| {
                let at = document.source.slice(&place(problem));
                format!("{} | {} | {}", at, problem.message, problem.help.clone().unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn a_plain_scalar_of_one_variable_is_read_anew_and_others_stay_text() {
        let (document, problems) = run(
            "- ${var:SHARDS}\n- '${var:SHARDS}'\n- n${var:SHARDS}-${env:USER}\n- $${var:X}\n- ${var:EMPTY}\n- !!str ${var:SHARDS}\n",
        );
        assert_eq!(problems, []);
        let NodeValue::Seq(items) = document.root.value else { panic!() };
        let text = |text: &str| NodeValue::Text(text.to_owned());
        let values: Vec<_> = items.iter().map(|item| (item.value.clone(), item.from_variable)).collect();
        assert_eq!(
            values,
            [
                (NodeValue::Int(4), true),
                (text("4"), true),
                (text("n4-${var:SHARDS}"), true),
                (text("${var:X}"), false),
                (NodeValue::Null, true),
                (text("4"), true),
            ]
        );
    }

    #[test]
    fn each_mistake_is_told_at_its_own_bytes() {
        assert_eq!(
            told("a: x ${env:NOPE} ${var:SHARDS} ${var:NADA}\nb: \"$${x} ${HOME}\"\nc: '${var:'\nd: ${var:a b}\n"),
            [
                "${env:NOPE} | `${env:NOPE}` is not set | set the environment variable NOPE",
                "${var:NADA} | `${var:NADA}` is not set | pass --var NADA=VALUE",
                "${HOME} | `${HOME}` is no variable | write `${env:NAME}` or `${var:NAME}`, or `$${` where the text itself holds `${`",
                "${var: | this `${` has no `}` | write `${env:NAME}` or `${var:NAME}`, or `$${` where the text itself holds `${`",
                "${var:a b} | `a b` is no name of a variable | write `${env:NAME}` or `${var:NAME}`, or `$${` where the text itself holds `${`",
            ]
        );
    }

    #[test]
    fn firehose_expressions_are_no_variables_and_aliases_tell_once() {
        assert_eq!(told("a: 'x/!{timestamp:yyyy}/!{partitionKeyFromQuery:id}'\n"), Vec::<String>::new());
        assert_eq!(told("a: &a ${var:NO}\nb: *a\nc: [*a, *a]\n").len(), 1);
        assert_eq!(told("${var:X}: 1\n")[0].split(" | ").nth(1), Some("variables are not replaced in keys"));
        assert_eq!(told("a: \"\\x24{var:NO}\"\n")[0].split(" | ").next(), Some("\"\\x24{var:NO}\""));
    }
}
