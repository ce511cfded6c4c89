//! Whatever comes in, the text layer ends soon, with problems at places that exist.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Document, MAX_BYTES, Node, NodeValue, Source, read, substitute};
use crate::model::{Path, Place, Problem};
use crate::report::problems::{render, to_json};

/// Reads bytes as the program does and checks what must hold for all of them; gives the problems' codes.
fn swallow(bytes: &[u8]) -> Vec<&'static str> {
    let (source, mut problems) = match Source::from_bytes("a.yaml", bytes) {
        Ok(source) => (source, Vec::new()),
        Err(problem) => return vec![problem.code],
    };
    let (document, found) = Document::parse(source.clone());
    problems.extend(found);
    assert!(document.is_some() || !problems.is_empty());
    if let Some(mut document) = document {
        problems.extend(substitute(&mut document, &|_, name| (name != "NO").then(|| "${var:X}é".repeat(9))));
        check_spans(&document, &document.root);
        check_places(&document, &document.root, &Path::root());
        read::<std::collections::BTreeMap<String, u8>>(&document, &Path::root(), &mut problems);
    }
    for problem in &problems {
        check_place(&source, problem.place.as_ref().unwrap());
        problem.related.iter().for_each(|(place, _)| check_place(&source, place));
    }
    check_output(&problems, source);
    problems.iter().map(|problem| problem.code).collect()
}

fn check_place(source: &Source, place: &Place) {
    assert!(place.start <= place.end && source.text.get(place.start..place.end).is_some(), "{place:?}");
}

fn check_spans(document: &Document, node: &Node) {
    assert!(document.source.text.get(node.span.clone()).is_some(), "{node:?}");
    match &node.value {
        NodeValue::Seq(items) => items.iter().for_each(|item| check_spans(document, item)),
        NodeValue::Map(entries) => entries.iter().for_each(|entry| {
            assert!(document.source.text.get(entry.key_span.clone()).is_some(), "{entry:?}");
            check_spans(document, &entry.value);
        }),
        _ => {}
    }
}

fn check_places(document: &Document, node: &Node, path: &Path) {
    check_place(&document.source, &document.place(path));
    check_place(&document.source, &document.key_place(&path.key("none")));
    if let NodeValue::Map(entries) = &node.value {
        entries.iter().take(20).for_each(|entry| check_places(document, &entry.value, &path.key(&entry.key)));
    }
}

fn check_output(problems: &[Problem], source: Source) {
    let sources = [source];
    let shown = render(problems, &sources, false, 80);
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    assert!(shown.len() < 200_000, "{} bytes", shown.len());
    assert_eq!(to_json(problems, &sources).as_array().unwrap().len(), problems.len());
}

/// Ten levels of ten aliases each, which would be 10^9 values.
fn bomb() -> String {
    let level = |n: usize| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(", "));
    format!("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n{}", (1..10).map(level).collect::<String>())
}

/// Each anchor wraps the one before it in 60 more levels, so that aliases nest far deeper than the text does.
fn tower() -> String {
    let floor = |n: usize| format!("f{n}: &f{n} {}*f{}{}\n", "[".repeat(60), n - 1, "]".repeat(60));
    format!("f0: &f0 x\n{}", (1..100).map(floor).collect::<String>())
}

#[test]
fn hostile_texts_end_soon() {
    let deep = 100_000;
    let block = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>();
    let many = |piece: &str| piece.repeat(MAX_BYTES / piece.len());
    let cases: Vec<(&str, String, &str)> = vec![
        ("alias bomb", bomb(), "too-large"),
        ("alias tower", tower(), "too-deep"),
        ("open lists", "[".repeat(deep), "too-deep"),
        ("closed lists", "[".repeat(deep) + &"]".repeat(deep), "too-deep"),
        ("open mappings", "{".repeat(deep), "too-deep"),
        ("mappings with keys", "{a: ".repeat(deep), "too-deep"),
        ("lists on one line", "- ".repeat(deep), "too-deep"),
        ("nested explicit keys", "? ".repeat(deep), "too-deep"),
        ("nested block mappings", block, "too-deep"),
        ("4 MB of a:", many("a: "), "syntax"),
        ("4 MB of lines", many("a: \n"), "duplicate-key"),
        ("4 MB of items", many("- 1\n"), "too-large"),
        ("4 MB in a flow list", "[".to_owned() + &many("1,")[2..], "too-large"),
        ("4 MB in one text", many("a"), "wrong-type"),
        ("4 MB in one quoted text", format!("\"{}\"", &many("a\n")[4..]), "wrong-type"),
        ("4 MB of comments", many("# x\n"), "empty-document"),
        ("4 MB of blank lines", many("\n"), "empty-document"),
        ("4 MB of openings", many("${"), "bad-variable"),
        ("4 MB of unset variables", many("${var:NO}"), "unset-variable"),
        ("4 MB of set variables", many("${var:A}"), "too-large"),
        ("4 MB of documents", many("--- 1\n"), "several-documents"),
        ("4 MB of an open quote", "a: '".to_owned() + &many("b: c\n")[4..], "unclosed-quote"),
        ("many anchors", many("&a "), "syntax"),
        ("many aliases", format!("a: &a [1]\nb: [{}]", "*a, ".repeat(deep)), "too-large"),
        ("a huge key", format!("? {}\n: 1", &many("k")[10..]), ""),
        ("duplicate keys in one line", format!("{{{}}}", "a: 1, ".repeat(9_000)), "duplicate-key"),
        ("duplicate key at depth", "a: {b: {c: {d: [1, {e: 1, e: 2}]}}}".to_owned(), "duplicate-key"),
        ("merge cycle", "a: &a {<<: *a}".to_owned(), "alias-cycle"),
        ("merge cycle of two", "a: &a {x: &b {<<: *a}, <<: *b}".to_owned(), "alias-cycle"),
        ("self reference", "&a [*a]".to_owned(), "alias-cycle"),
        ("self reference as a key", "&a {*a : 1}".to_owned(), "alias-cycle"),
    ];
    for (name, text, code) in cases {
        let started = Instant::now();
        let codes = swallow(text.as_bytes());
        let took = started.elapsed();
        assert!(
            codes.contains(&code) || (codes.is_empty() && code.is_empty()),
            "{name}: {:?}",
            &codes[..codes.len().min(9)]
        );
        // Generous, since this is an unoptimised build on a busy machine; what is quadratic takes hours.
        assert!(took < Duration::from_secs(120), "{name} took {took:?}");
    }
}

#[test]
fn files_of_other_systems_are_read() {
    assert_eq!(swallow(b"\xEF\xBB\xBFa: 1\r\nb:\r\n  200\r\n"), Vec::<&str>::new());
    assert_eq!(swallow(b"a: 1\r\na: 2\r\n"), ["duplicate-key"]);
    assert_eq!(swallow(b"a\0: 1"), ["nul-character"]);
    assert_eq!(swallow(b"a: \xED\xA0\x80"), ["not-utf8"]);
    assert_eq!(swallow(b"\xFF\xFEa\0:\0"), ["not-utf8"]);
    assert_eq!(swallow(b"a: \"\\uD800\""), ["syntax"]);
    assert_eq!(swallow(b"\xEF\xBB\xBF"), ["empty-document"]);
    assert_eq!(swallow(b""), ["empty-document"]);
}

proptest! {
    #[test]
    fn any_bytes_go_in(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        swallow(&bytes);
    }

    #[test]
    fn any_text_goes_in(text in "\\PC{0,80}") {
        swallow(text.as_bytes());
    }

    #[test]
    fn any_pieces_of_yaml_go_in(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        swallow(pieces.concat().as_bytes());
    }
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "é",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "|\n ",
    ">-\n ",
    "# x",
    "&a ",
    "*a",
    " *a ",
    "<<: ",
    "!!str ",
    "!!int ",
    "!x ",
    "! ",
    "1",
    "0x1F",
    "~",
    "true",
    ".nan",
    "\t",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "${var:A}",
    "${var:NO}",
    "$${",
    "${",
    "}",
    "\\u0041",
    "\u{FEFF}",
    "\u{2028}",
    "\u{85}",
    "\u{1b}",
];
