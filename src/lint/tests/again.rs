//! A finding is known again, whatever changes beside it.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::super::facts::Known;
use super::*;
use crate::spec;

/// The findings of a spec: rule, path and fingerprint. `factor`: how dear everything is.
fn prints(engines: &mut [Engine], text: &str, factor: f64) -> BTreeSet<(String, String, String)> {
    let source = Source::new("a.yaml", text).unwrap();
    let reading = Reading::of(&source, &Case::variable);
    let Some(known) = reading.known() else { return BTreeSet::new() };
    let mut prices = known.prices.clone();
    prices.0.values_mut().for_each(|price| *price *= factor);
    let all = Choice { persona: super::super::rule::Persona::Auditor, ..Choice::default() };
    let (findings, _) = examine(engines, &Known { prices, ..known }, &all);
    findings.into_iter().map(|one| (one.about.id.clone(), one.path.to_string(), one.fingerprint)).collect()
}

/// The fingerprints of findings of which the rule finds one at the same place afterwards, and another.
fn changed(before: &BTreeSet<(String, String, String)>, after: &BTreeSet<(String, String, String)>) -> Vec<String> {
    let moved = before.iter().filter(|(rule, path, print)| {
        let mut there = after.iter().filter(|one| (&one.0, &one.1) == (rule, path)).peekable();
        there.peek().is_some() && there.all(|(.., now)| now != print)
    });
    moved.map(|(rule, path, _)| format!("{rule} at {path}")).collect()
}

#[test]
fn findings_are_known_at_other_prices_and_beside_other_streams() {
    with_room(|| {
        let mut engines = [engine()];
        let mut wrong = BTreeSet::new();
        for rule in RULES {
            let cases = Cases::read(rule.cases).unwrap();
            for case in cases.bad.iter().filter(|case| case.policy.is_none()) {
                let text = case.source(rule.id).unwrap().text.to_string();
                let mut whole: Json = spec::yaml(&text).unwrap();
                let before = prints(&mut engines, &whole.to_string(), 1.0);
                wrong.extend(changed(&before, &prints(&mut engines, &whole.to_string(), 1.1)));
                for name in ["aaa", "zzz"] {
                    if let Some(streams) = whole.get_mut("streams").and_then(Json::as_object_mut) {
                        streams.insert(name.to_owned(), json!({ "retention": "7d" }));
                    }
                }
                wrong.extend(changed(&before, &prints(&mut engines, &whole.to_string(), 1.0)));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}
