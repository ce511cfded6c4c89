//! Comments that silence findings, alone and in a spec of any shape.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidegate::lint::finding::Finding;
use tidegate::lint::rule::{About, Concern, Severity};
use tidegate::lint::suppress::{self, Law, comment};
use tidegate::spec::{Document, Source};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = comment::parse(text);
    let Ok(source) = Source::new("a.yaml", text) else { return };
    let Some(document) = Document::parse(source).0 else { return };
    let end = document.source.text.len();
    for comment in comment::all(&document) {
        assert!(document.source.text.get(comment.span.clone()).is_some());
        assert!(comment.covers.start <= comment.covers.end && comment.covers.end <= end, "{comment:?}");
    }
    let rules = [Arc::new(About::built_in("untagged", Concern::Hygiene, Severity::Note, "U"))];
    let place = document.source.place(0..0);
    let mut findings = vec![Finding::at(&document, &rules[0], "u", place)];
    let today = jiff::civil::date(2026, 11, 25);
    let law = Law { known: &rules, asked: &|_| true, protected: &["security".into()], at_most: Some(2), today };
    suppress::apply(&document, &mut findings, &law);
});
