//! The text of a spec: read, checked, turned into facts, judged by all rules, mended and told in every form.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidegate::cli;
use tidegate::lint::choice::Choice;
use tidegate::lint::engine::{Engine, RULE_LIMIT};
use tidegate::lint::examine::examine;
use tidegate::lint::finding::Finding;
use tidegate::lint::reading::Reading;
use tidegate::lint::rule::{About, Persona};
use tidegate::lint::suppress::{self, Law};
use tidegate::lint::{builtin, fix};
use tidegate::report::lint::{Told, github, human, json, junit, markdown, sarif};
use tidegate::report::problems;
use tidegate::spec::{Source, VarKind};

thread_local! {
    static ENGINES: RefCell<Vec<Engine>> = {
        let (engine, failures) = Engine::load(&builtin::files(), RULE_LIMIT);
        assert!(failures.is_empty(), "{failures:?}");
        RefCell::new(vec![engine])
    };
}

fn lookup(_: VarKind, name: &str) -> Option<String> {
    (name != "NO").then(|| "4".to_owned())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::from_bytes("a.yaml", bytes) else { return };
    let (read, mut found) = cli::read_spec(&source, &lookup);
    if let Some((spec, document)) = read {
        cli::look_further(&spec, &document, None, &mut found);
    }
    for problem in &found {
        let place = problem.place.as_ref().expect("every mistake has a place");
        assert!(source.text.get(place.start..place.end).is_some(), "{place:?}");
    }
    let sources = [source];
    problems::render(&found, &sources, false, 80);
    problems::to_json(&found, &sources);
    let reading = Reading::of(&sources[0], &lookup);
    let Some(known) = reading.known() else { return };
    let choice = Choice { persona: Persona::Auditor, ..Choice::default() };
    let (mut findings, failures) = ENGINES.with_borrow_mut(|engines| examine(engines, &known, &choice));
    assert!(failures.is_empty(), "{failures:?}");
    findings.iter().for_each(|finding| mended(&sources[0], finding));
    let rules: Vec<Arc<About>> = findings.iter().map(|finding| Arc::clone(&finding.about)).collect();
    let law = Law { known: &rules, asked: &|_| true, protected: &[], at_most: Some(3), today: jiff::civil::date(2026, 11, 25) };
    suppress::apply(known.document, &mut findings, &law);
    let told = Told::new(&findings, &[], &sources, &rules, true);
    for render in [json::render, sarif::render, junit::render, github::render, markdown::render] {
        render(&told);
    }
    human::render(&told, true, 80);
});

/// What a fix writes is still a spec without mistakes.
fn mended(source: &Source, finding: &Finding) {
    if let Some(after) = finding.fix.as_ref().and_then(|one| fix::apply(source, one)) {
        let problems = Reading::of(&after, &lookup).problems;
        assert!(problems.is_empty(), "{}: {problems:?}", finding.about.id);
    }
}
