use std::collections::HashMap;
use std::ops::Range;

use super::hidden::{HIDDEN, SECRET, hide, secrets, written};
use super::source::Source;
use super::tree;
use crate::model::{Path, Place, Problem, Segment, secret};

/// A file as a tree in which every node knows its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub source: Source,
    pub root: Node,
}

/// One value of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: NodeValue,
    /// The bytes of the value. An alias has the bytes of `*name`; what lies below it keeps the bytes of its definition.
    pub span: Range<usize>,
    /// Written in quotes, as a block or with `!!str`: such text is text, whatever it looks like.
    pub quoted: bool,
    /// Came from a variable, which may be a secret: its value is not told in messages.
    pub from_variable: bool,
    /// A part of it came from the environment, where secrets are kept.
    pub from_env: bool,
    /// What one variable alone says when it is read the other way: as text where `value` is a number or a truth value,
    /// and the other way round. Which of the two is meant, the field decides.
    pub other: Option<Box<NodeValue>>,
}

/// What a node holds, after anchors, aliases and merge keys are resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping; keys are unique within it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Node,
}

impl Document {
    /// Reads a text and tells all its mistakes. There is no document if the text has no usable structure;
    /// with a document and problems, the document is what remains without the offending parts.
    pub fn parse(source: Source) -> (Option<Self>, Vec<Problem>) {
        let (root, mut problems) = tree::build(&source);
        // Dozens of patterns look at each text, and a hostile file makes the same mistake by the hundred thousand.
        let mut known: HashMap<String, String> = HashMap::new();
        let mut told = |text: String| match known.get(&text) {
            Some(told) => told.clone(),
            None => {
                let told = secret::hide_name(&text).into_owned();
                known.insert(text, told.clone());
                told
            }
        };
        for problem in &mut problems {
            // Without a document nobody knows what is a value: what can be told by its form is taken out here.
            problem.message = told(std::mem::take(&mut problem.message));
            problem.help = problem.help.take().map(&mut told);
        }
        (root.map(|root| Self { source, root }), problems)
    }

    /// The node at a path.
    pub fn get(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(&self.root, |node, segment| node.child(segment))
    }

    /// The place of a value. Where the path leads to nothing, the nearest ancestor that exists is named by its key.
    pub fn place(&self, path: &Path) -> Place {
        match self.get(path) {
            Some(node) if !node.span.is_empty() && !path.0.is_empty() => self.source.place(node.span.clone()),
            _ => self.key_place(path),
        }
    }

    /// Gives each problem that has none the place of its path.
    /// What a variable holds is taken out of the message, and what the environment holds wherever in the file it stands.
    pub fn locate(&self, problems: &mut [Problem]) {
        for problem in problems.iter_mut().filter(|problem| problem.place.is_none()) {
            problem.place = Some(Box::new(self.place(&problem.path)));
            if let Some(Node { value: NodeValue::Text(text), from_variable: true, .. }) = self.get(&problem.path) {
                problem.message = problem.message.replace(&format!("`{text}`"), HIDDEN);
                problem.help = problem.help.take().filter(|help| text.is_empty() || !help.contains(text.as_str()));
            }
        }
        self.hide(problems);
    }

    /// Takes what the environment gave to this file out of the messages, and what is written there and looks like a secret.
    pub fn hide(&self, problems: &mut [Problem]) {
        if problems.is_empty() {
            return;
        }
        let (secrets, written) = (secrets(&self.root), written(self));
        for problem in problems.iter_mut().filter(|_| !secrets.is_empty() || !written.is_empty()) {
            let told = |text: &str| hide(&hide(text, &secrets, HIDDEN), &written, SECRET);
            problem.message = told(&problem.message);
            problem.help = problem.help.take().map(|help| told(&help));
        }
    }

    /// The place of the key under which a value stands; of a list's item, the item; of the root, the first key.
    pub fn key_place(&self, path: &Path) -> Place {
        let mut span = match &self.root.value {
            NodeValue::Map(entries) => entries.first().map_or(0..0, |first| first.key_span.clone()),
            _ => self.root.span.clone(),
        };
        let mut node = &self.root;
        for segment in &path.0 {
            let Some(child) = node.child(segment) else { break };
            match (node.entry(segment), child.span.is_empty()) {
                (Some(entry), _) => span = entry.key_span.clone(),
                (None, false) => span = child.span.clone(),
                (None, true) => {}
            }
            node = child;
        }
        self.source.place(span)
    }
}

impl Node {
    /// A value as it stands in the file.
    pub(super) fn new(value: NodeValue, span: Range<usize>, quoted: bool) -> Self {
        Self { value, span, quoted, from_variable: false, from_env: false, other: None }
    }

    /// The node one step below.
    pub fn child(&self, segment: &Segment) -> Option<&Self> {
        match (&self.value, segment) {
            (NodeValue::Seq(items), Segment::Index(index)) => items.get(*index),
            _ => self.entry(segment).map(|entry| &entry.value),
        }
    }

    /// The entry of a mapping.
    pub fn entry(&self, segment: &Segment) -> Option<&Entry> {
        match (&self.value, segment) {
            (NodeValue::Map(entries), Segment::Key(key)) => entries.iter().find(|entry| entry.key == *key),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::problems::render;

    fn parse(text: &str) -> (Option<Document>, Vec<Problem>) {
        Document::parse(Source::new("a.yaml", text).unwrap())
    }

    fn good(text: &str) -> Document {
        let (document, problems) = parse(text);
        assert_eq!(problems, []);
        document.unwrap()
    }

    fn told(text: &str) -> String {
        let (_, problems) = parse(text);
        render(&problems, &[Source::new("a.yaml", text).unwrap()], false, 100)
    }

    fn plain(node: &Node) -> String {
        match &node.value {
            NodeValue::Seq(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
            NodeValue::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}: {}", entry.key, plain(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            value => format!("{value:?}"),
        }
    }

    #[test]
    fn places_of_values_and_keys() {
        let document =
            good("streams:\n  clicks:\n    tags: [a, {b: 'c'}]\n    text: |\n      x\n      y\n    none:\nlast: 1\n");
        let value =
            |path: &Path| document.source.slice(&(document.place(path).start..document.place(path).end)).to_owned();
        let clicks = Path::of(["streams", "clicks"]);
        assert_eq!(value(&clicks.key("tags")), "[a, {b: 'c'}]");
        assert_eq!(value(&clicks.key("tags").index(1).key("b")), "'c'");
        assert_eq!(value(&clicks.key("text")), "x\n      y");
        assert_eq!(value(&clicks.key("none")), "none", "what is not there is shown by its key");
        assert_eq!(value(&clicks.key("nope").key("deeper")), "clicks", "the nearest ancestor's key");
        assert_eq!(value(&Path::of(["nope"])), "streams");
        let span = document.get(&clicks).unwrap().span.clone();
        assert!(document.source.slice(&span).starts_with("tags:"));
        assert!(document.source.slice(&span).ends_with("none"));
        let key = document.key_place(&clicks.key("tags"));
        assert_eq!(document.source.slice(&(key.start..key.end)), "tags");
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let document = good(
            "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none: {<<: *base, a: 9}\ntwo:\n  <<: [*more, *base]\n  d: *base\n'<<': x\n",
        );
        insta::assert_snapshot!(plain(&document.root), @r#"{base: {a: Int(1), b: Int(2)}, more: {b: Int(3), c: Int(4)}, one: {a: Int(9), b: Int(2)}, two: {d: {a: Int(1), b: Int(2)}, b: Int(3), c: Int(4), a: Int(1)}, <<: Text("x")}"#);
    }

    #[test]
    fn tags_of_the_core_schema_are_understood() {
        let document = good("[!!str 1, !!int 2, !!float 3, ! 4, !!str , !!map {a: !!seq [b]}, \"5\"]");
        insta::assert_snapshot!(plain(&document.root), @r#"[Text("1"), Int(2), Float(3.0), Text("4"), Text(""), {a: [Text("b")]}, Text("5")]"#);
    }

    #[test]
    fn a_line_too_far_to_the_right_is_told_by_its_column() {
        let help = |text: &str| parse(text).1.remove(0).help.unwrap();
        for text in ["a:\n  b: x\n    c: 2\n", "a: x\n\n  b: 1\n"] {
            assert!(help(text).starts_with("this line stands further to the right than the one above it"), "{text}");
        }
        for text in ["a\nb: 1\n", "a: b: c\n", "a:\n  b: c: d\n"] {
            assert!(help(text).starts_with("quote a text that holds"), "{text}");
        }
    }

    #[test]
    fn all_mistakes_of_structure_are_told_at_once() {
        insta::assert_snapshot!(
            told("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n7: x\ntrue: y\n? [k]\n: z\nr: !Ref q\ns: *nope\nt: &t [*t]\nu: {<<: 1}\n---\nb: 1\n"),
            @r#"
error[duplicate-key]: the key `c` is defined twice
 --> a.yaml:4:3
  |
3 |   c: 1
  |   - first defined here
4 |   c: 2
  |   ^
  |
  = help: remove one of the two

error[duplicate-key]: the key `a` is defined twice
 --> a.yaml:5:1
  |
1 | a: 1
  | - first defined here
...
5 | a: 3
  | ^
  |
  = help: remove one of the two

error[key-not-text]: a key must be a text, and `7` is none
 --> a.yaml:6:1
  |
6 | 7: x
  | ^
  |
  = help: write "7"

error[key-not-text]: a key must be a text, and `true` is none
 --> a.yaml:7:1
  |
7 | true: y
  | ^^^^
  |
  = help: write "true"

error[key-not-text]: a key must be a text, not a list or a mapping
 --> a.yaml:8:3
  |
8 | ? [k]
  |   ^^^
  |
  = help: quote it; if this is a template, render it first

error[unknown-tag]: the tag `!Ref` means nothing here
  --> a.yaml:10:4
   |
10 | r: !Ref q
   |    ^^^^
   |
   = help: remove the tag, or quote the text if the `!` belongs to it

error[unknown-anchor]: `*nope` names an anchor that is not defined above
  --> a.yaml:11:4
   |
11 | s: *nope
   |    ^^^^^
   |
   = help: define it with `&nope`, or quote the text if it is no alias

error[alias-cycle]: this alias stands inside the value that it repeats
  --> a.yaml:12:8
   |
12 | t: &t [*t]
   |        ^^
   |
   = help: write the value itself

error[merge-key]: `<<` merges mappings, and this is none
  --> a.yaml:13:9
   |
13 | u: {<<: 1}
   |         ^
   |
   = help: write `<<: *name`, where `&name` marks a mapping

error[several-documents]: the file holds several documents; only the first is read
  --> a.yaml:14:1
   |
14 | ---
   | ^^^
   |
   = help: write one file for each pipeline, or remove the `---`
"#
        );
    }

    #[test]
    fn broken_syntax_is_told_where_it_is() {
        let texts = [
            "a:\n\tb: 1\n",
            "a:\n  b: 1\n\tc: 2\n",
            "a: \"x\nb: 1\n",
            "a: [1,\n",
            "a: b: c\n",
            "a: !{ts}/x\n",
            "  a: 1\n b: 2\n",
            "a: @x\n",
            "a: 'x' y\n",
            "a\nb: 1\n",
            "# nothing\n",
            "a:\n  b: 1\n c: 2\n",
            "a: 1\nb\nc: 2\n",
            "a: %x\n",
            "- a\nb: c\n",
            "-\t- a\n",
            "{a: 1} b\n",
            "a: \"\\q\"\n",
        ];
        let lines = texts.map(|text| {
            let (document, problems) = parse(text);
            assert!(document.is_none(), "{text}");
            assert_eq!(problems.len(), 1, "{text}");
            let problem = &problems[0];
            let (line, column) = Source::new("", text).unwrap().line_col(problem.place.as_ref().unwrap().start);
            format!(
                "{text:?} {line}:{column} {}: {} ({})",
                problem.code,
                problem.message,
                problem.help.clone().unwrap_or_default()
            )
        });
        insta::assert_snapshot!(lines.join("\n"), @r##"
"a:\n\tb: 1\n" 2:1 tab-indentation: a tab is used as indentation (indent with spaces; YAML does not allow tabs there)
"a:\n  b: 1\n\tc: 2\n" 3:1 tab-indentation: a tab is used as indentation (indent with spaces; YAML does not allow tabs there)
"a: \"x\nb: 1\n" 1:4 unclosed-quote: this quote is not closed (end the text with the same quote; the line below it is checked once this is mended)
"a: [1,\n" 1:4 unclosed-bracket: this `[` is not closed (close it with `]`)
"a: b: c\n" 1:5 syntax: `:` is not allowed here (quote a text that holds `: `, put each `key: value` on a line of its own, and a blank behind each `:`)
"a: !{ts}/x\n" 1:4 syntax: a text cannot begin with `!{` unless it is quoted (put the text in quotes)
"  a: 1\n b: 2\n" 2:2 syntax: this line does not fit the indentation of those before it (start fields of one mapping in the same column)
"a: @x\n" 1:4 syntax: a text cannot begin with `@` unless it is quoted (put the text in quotes)
"a: 'x' y\n" 1:8 syntax: nothing may follow the closing quote (put the whole text in quotes)
"a\nb: 1\n" 2:2 syntax: `:` is not allowed here (quote a text that holds `: `, put each `key: value` on a line of its own, and a blank behind each `:`)
"# nothing\n" 1:1 empty-document: the file says nothing (describe a pipeline in it)
"a:\n  b: 1\n c: 2\n" 3:2 syntax: expected a `key:` here (start fields of one mapping in the same column)
"a: 1\nb\nc: 2\n" 2:1 syntax: expected `:` after this key (write `key: value`; the line below it is checked once this is mended)
"a: %x\n" 1:4 syntax: a text cannot begin with `%` unless it is quoted (put the text in quotes)
"- a\nb: c\n" 2:1 syntax: expected `- ` here (start the items of one list in the same column)
"-\t- a\n" 1:3 syntax: a tab is not allowed here (use spaces)
"{a: 1} b\n" 1:8 syntax: nothing more is expected on this line (quote the whole text, or begin a new line)
"a: \"\\q\"\n" 1:4 syntax: this text holds an unknown escape (write `\\` for a backslash, or use single quotes)
"##);
    }
}
