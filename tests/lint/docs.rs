//! Documentation that follows from the rules.

use std::sync::Arc;

use tidegate::lint::builtin;
use tidegate::lint::cases::Cases;
use tidegate::lint::engine::{Engine, RULE_LIMIT};
use tidegate::lint::rule::About;
use tidegate::report::lint::rules;

fn abouts() -> Vec<Arc<About>> {
    let thread = std::thread::Builder::new().stack_size(32 << 20);
    let load = || {
        Engine::load(&builtin::files(), RULE_LIMIT).0.policies.iter().map(|policy| Arc::clone(&policy.about)).collect()
    };
    thread.spawn(load).unwrap().join().unwrap()
}

#[test]
fn the_rules_page_is_what_the_policies_say() {
    let abouts = abouts();
    let with_cases: Vec<(&About, Cases)> =
        abouts.iter().zip(builtin::RULES).map(|(about, rule)| (&**about, Cases::read(rule.cases).unwrap())).collect();
    let text = rules::page(&with_cases);
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "docs/rules.md is not what the policies say: UPDATE=1 cargo test rules_page");
}

#[test]
fn there_are_many_rules_of_every_concern() {
    let abouts = abouts();
    assert!(abouts.len() >= 60, "{}", abouts.len());
    for concern in ["security", "reliability", "scaling", "cost", "hygiene"] {
        assert!(abouts.iter().filter(|about| about.concern.word() == concern).count() >= 10, "{concern}");
    }
}
