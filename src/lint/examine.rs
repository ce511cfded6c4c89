//! From one valid spec to its findings.

use std::sync::Arc;

use super::choice::Choice;
use super::engine::{Engine, Subject};
use super::facts::{self, Known};
use super::finding::Finding;
use super::iam::catalog::Catalog;
use super::iam::file::Judged;
use super::iam::input;
use super::policy::PolicyFailure;
use super::rule::{About, Concern};

/// Asks the engines about one pipeline.
pub fn examine(engines: &mut [Engine], known: &Known, choice: &Choice) -> (Vec<Finding>, Vec<PolicyFailure>) {
    let facts = facts::facts(known);
    let subject = Subject { file: &known.document.source.name, facts: &facts, document: &facts["document"] };
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    for engine in engines {
        let (verdicts, failed) = engine.judge(&subject, &|about| choice.takes(about));
        failures.extend(failed);
        findings.extend(verdicts.into_iter().map(|verdict| {
            let about = Arc::clone(&engine.policies[verdict.policy].about);
            Finding::of(known.document, &about, verdict)
        }));
    }
    sort(&mut findings);
    (findings, failures)
}

/// Asks the engines about one policy file; only rules about access have something to say of it.
pub fn examine_policy(engines: &mut [Engine], judged: &Judged, choice: &Choice) -> (Vec<Finding>, Vec<PolicyFailure>) {
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    let Some(document) = &judged.document else { return (findings, failures) };
    let facts = input::of_file(&document.source.name, judged, Catalog::builtin());
    let plain = facts::plain(&document.root);
    let subject = Subject { file: &document.source.name, facts: &facts, document: &plain };
    for engine in engines {
        let chosen = |about: &About| about.concern == Concern::Access && choice.takes(about);
        let (verdicts, failed) = engine.judge(&subject, &chosen);
        failures.extend(failed);
        findings.extend(verdicts.into_iter().map(|verdict| {
            let about = Arc::clone(&engine.policies[verdict.policy].about);
            Finding::of(document, &about, verdict)
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
