//! From one valid spec to its findings.

use std::sync::Arc;

use super::choice::Choice;
use super::engine::{Engine, Subject};
use super::facts::{self, Known};
use super::finding::Finding;
use super::policy::{PolicyFailure, Style};
use super::rule::About;

/// Asks the engines about one pipeline.
pub fn examine(engines: &mut [Engine], known: &Known, choice: &Choice) -> (Vec<Finding>, Vec<PolicyFailure>) {
    let mut facts = facts::facts(known);
    let asks = |engine: &Engine| engine.policies.iter().any(|policy| policy.source.text.contains("input.resources"));
    if engines.iter().any(asks) {
        facts["resources"] = facts::resources(known.graph);
    }
    let subject = Subject { file: &known.document.source.name, facts: &facts, document: &facts["document"] };
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    for engine in engines {
        let (verdicts, failed) = engine.judge(&subject, &|about| choice.takes(about));
        failures.extend(failed);
        findings.extend(verdicts.into_iter().map(|verdict| {
            let policy = &engine.policies[verdict.policy];
            let about = match (policy.style, verdict.suffix.as_str()) {
                // conftest knows a rule by what stands behind `deny_`.
                (Style::Document, suffix) if !suffix.is_empty() => {
                    Arc::new(About { id: suffix.replace('_', "-"), ..About::clone(&policy.about) })
                }
                _ => Arc::clone(&policy.about),
            };
            Finding::of(known.document, &about, verdict)
        }));
    }
    sort(&mut findings);
    (findings, failures)
}

/// By place, then by rule; the same finding once.
pub fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key =
            |finding: &Finding| (finding.place.clone().map(|place| (place.start, place.end)), finding.about.id.clone());
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup_by(|a, b| a.fingerprint == b.fingerprint && a.place == b.place);
}
