//! From one valid spec to its findings.

use super::cases::Case;
use super::choice::Choice;
use super::engine::{Engine, Subject};
use super::facts::{self, Known};
use super::fields;
use super::finding::Finding;
use super::fix;
use super::iam::catalog::Catalog;
use super::iam::file::{Judged, judge};
use super::iam::input;
use super::iam::pipeline::streams;
use super::plain::plain;
use super::policy::PolicyFailure;
use super::reading::{Reading, scope};
use super::rule::{About, Concern};
use crate::model::Problem;
use crate::spec::Source;

/// Asks the engines about one pipeline.
pub fn examine(engines: &mut [Engine], known: &Known, choice: &Choice) -> (Vec<Finding>, Vec<PolicyFailure>) {
    let mut facts = facts::facts(known);
    if engines.iter().any(|engine| engine.reads_resources) {
        facts["resources"] = facts::resources(known.graph);
    }
    if engines.iter().any(|engine| engine.reads_filled) {
        facts["filled"] = fields::filled(&facts["document"]);
    }
    let subject = Subject { file: &known.document.source.name, facts: &facts, document: &facts["document"] };
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    for engine in engines {
        let (verdicts, failed) = engine.judge(&subject, &|about| choice.takes(about));
        failures.extend(failed);
        findings.extend(verdicts.into_iter().map(|verdict| {
            let about = engine.policies[verdict.policy].about_of(&verdict.suffix);
            let mut finding = Finding::of(known.document, &about, verdict);
            // What would not be done is not promised.
            finding.fix = finding.fix.take().filter(|fix| fix::can(known.document, fix));
            finding
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
    let whole = plain(&document.root);
    let subject = Subject { file: &document.source.name, facts: &facts, document: &whole };
    for engine in engines {
        let chosen = |about: &About| about.concern == Concern::Access && choice.takes(about);
        let (verdicts, failed) = engine.judge(&subject, &chosen);
        failures.extend(failed);
        findings.extend(verdicts.into_iter().map(|verdict| {
            let about = engine.policies[verdict.policy].about_of(&verdict.suffix);
            Finding::of(document, &about, verdict)
        }));
    }
    sort(&mut findings);
    (findings, failures)
}

/// Asks the engines about the policy document of a case, beside the streams of its spec if it has one.
pub fn examine_case(
    engines: &mut [Engine],
    case: &Case,
    policy: &str,
    choice: &Choice,
) -> Result<(Vec<Finding>, Vec<PolicyFailure>), Problem> {
    let mut beside = Vec::new();
    if !case.spec.is_empty()
        && let Some(spec) = case.source("spec")
    {
        let reading = Reading::of(&spec, &Case::variable);
        let known = reading.known().map(|known| streams(known.spec, known.graph, &scope(known.spec)));
        beside = match (known, reading.problems.into_iter().next()) {
            (Some(streams), None) => streams,
            (_, Some(problem)) => return Err(problem),
            (None, None) => Vec::new(),
        };
    }
    let judged = judge(&Source::new("policy.json", policy)?, None, &beside, Catalog::builtin());
    Ok(examine_policy(engines, &judged, choice))
}

/// By place, then by rule; the same finding once.
pub fn sort(findings: &mut Vec<Finding>) {
    fn key(finding: &Finding) -> (Option<(usize, usize)>, &str, &str) {
        let place = finding.place.as_ref().map(|place| (place.start, place.end));
        (place, &finding.about.id, &finding.message)
    }
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings.dedup_by(|a, b| a.fingerprint == b.fingerprint && a.place == b.place);
}
