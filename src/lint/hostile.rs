//! Whatever is written, nothing panics and nothing hangs.

use std::time::Duration;

use proptest::prelude::*;

use super::config::Config;
use super::declared;
use super::engine::{Engine, Subject};
use super::policy::PolicyFile;
use super::rule::Concern;
use super::suppress::comment;
use crate::spec::{Document, Source};

/// Pieces of Rego, so that more than the first token is reached.
const REGO: &[&str] = &[
    "package tidegate.x\n",
    "deny contains ",
    "if ",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":= ",
    "== ",
    "not ",
    "some x in ",
    "every x in ",
    "input.a ",
    "x ",
    "\"t\" ",
    "1 ",
    "+ ",
    "with input as ",
    "default ",
    "else ",
    "import data.b\n",
    "\n",
    ", ",
    "| ",
    "walk(",
    "sprintf(\"%v\", ",
    "f(x) ",
    "# METADATA\n",
    "# title: x\n",
    "`",
    "\"",
    "\\",
    "é",
    "data.tidegate.x.deny ",
];

/// Pieces of comments that speak to lint.
const COMMENTS: &[&str] = &[
    "# tidegate:",
    " ignore",
    "[",
    "]",
    "a",
    ",",
    " reason=",
    "\"",
    "x y",
    " until=",
    "2027-01-31",
    "ignore-file",
    "\n",
    "b: ",
    "- ",
    "'",
    "|\n",
    "  ",
    "{",
    "}",
    "#",
    "é",
    "\t",
];

fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(of), 0..most).prop_map(|pieces| pieces.concat())
}

fn judge(text: &str) {
    let Ok(source) = Source::new("x.rego", text) else { return };
    let file = PolicyFile { source, concern: Concern::Custom, origin: None };
    let (mut engine, _) = Engine::load(&[file], Duration::from_millis(200));
    let json = serde_json::json!({"a": {"b": [1, "t"]}});
    engine.judge(&Subject { file: "a.yaml", facts: &json, document: &json }, &|_| true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_policy_is_judged_or_refused(text in pieces(REGO, 60), bytes in ".{0,200}") {
        judge(&text);
        judge(&bytes);
        judge(&format!("package tidegate.x\ndeny contains {text}"));
    }

    #[test]
    fn any_comment_is_read_or_refused(text in pieces(COMMENTS, 40), bytes in ".{0,120}") {
        let _ = comment::parse(&text);
        let _ = comment::parse(&bytes);
        let source = Source::new("a.yaml", &format!("a: 1\n{text}\nc: {{ d: 1 }}\n"));
        if let Some(document) = source.ok().and_then(|source| Document::parse(source).0) {
            for comment in comment::all(&document) {
                prop_assert!(document.source.text.get(comment.span.clone()).is_some());
                prop_assert!(comment.covers.start <= comment.covers.end && comment.covers.end <= document.source.text.len());
            }
        }
    }

    #[test]
    fn any_settings_and_declared_rules_are_read_or_refused(text in ".{0,300}") {
        let _ = Config::read(&text);
        if let Ok(source) = Source::new("p.yaml", &text) {
            let _ = declared::policies(&source);
        }
    }
}
