//! Every built-in rule against its cases.

#[cfg(test)]
mod again;

use super::builtin::{self, RULES};
use super::cases::{Case, Cases};
use super::choice::Choice;
use super::engine::{Engine, RULE_LIMIT};
use super::examine::{examine, examine_case};
use super::finding::Finding;
use super::iam::fact::CODES;
use super::reading::Reading;
use super::rule::Concern;
use crate::spec::Source;

/// The engine recurses as deep as policies do, and test threads have small stacks.
fn with_room(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(32 << 20).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn engine() -> Engine {
    let (engine, failures) = Engine::load(&builtin::files(), RULE_LIMIT * 10);
    assert_eq!(failures.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    engine
}

/// What is found in a case; `wrong` takes what must not happen.
fn findings(engine: &mut Engine, id: &str, case: &Case, choice: &Choice, wrong: &mut Vec<String>) -> Vec<Finding> {
    if let Some(policy) = &case.policy {
        return findings_of_policy(engine, id, case, policy, choice, wrong);
    }
    let source = case.source(id).unwrap();
    let reading = Reading::of(&source, &Case::variable);
    let mut tell = |what: &dyn std::fmt::Display| wrong.push(format!("{id}: {}: {what}", case.name));
    reading
        .problems
        .iter()
        .for_each(|problem| tell(&format!("a case is a valid spec, and {}: {}", problem.path, problem.message)));
    let Some(known) = reading.known() else { return Vec::new() };
    let (findings, failures) = examine(std::slice::from_mut(engine), &known, choice);
    failures.iter().for_each(|failure| tell(failure));
    findings
}

/// The same for a policy document, beside the streams of the case's spec.
fn findings_of_policy(
    engine: &mut Engine,
    id: &str,
    case: &Case,
    policy: &str,
    choice: &Choice,
    wrong: &mut Vec<String>,
) -> Vec<Finding> {
    let (findings, failures) = match examine_case(std::slice::from_mut(engine), case, policy, choice) {
        Ok(examined) => examined,
        Err(problem) => {
            wrong.push(format!("{id}: {}: {}", case.name, problem.message));
            return Vec::new();
        }
    };
    wrong.extend(failures.iter().map(|failure| format!("{id}: {}: {failure}", case.name)));
    findings
}

fn only(id: &str) -> Choice {
    Choice { select: vec![id.to_owned()], ..Choice::default() }
}

#[test]
fn every_rule_finds_its_bad_cases_and_leaves_the_good_ones() {
    with_room(|| {
        let mut engine = engine();
        let mut wrong = Vec::new();
        for rule in RULES {
            let cases = Cases::read(rule.cases).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
            assert!(!cases.bad.is_empty() && !cases.good.is_empty(), "{} has cases of both sorts", rule.id);
            for case in &cases.bad {
                let found = findings(&mut engine, rule.id, case, &only(rule.id), &mut wrong);
                let places: Vec<String> = found.iter().map(|one| one.path.to_string()).collect();
                if found.is_empty() || case.at.as_ref().is_some_and(|at| !places.contains(at)) {
                    wrong.push(format!("{}: {}: not found; found at {places:?}", rule.id, case.name));
                }
                if found.iter().any(|one| one.also.is_empty() && one.place.is_none()) {
                    wrong.push(format!("{}: {}: no place", rule.id, case.name));
                }
            }
            for case in &cases.good {
                let found = findings(&mut engine, rule.id, case, &only(rule.id), &mut wrong);
                if !found.is_empty() {
                    wrong.push(format!("{}: {}: found {}", rule.id, case.name, found[0].message));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_rule_that_is_switched_off_finds_nothing() {
    with_room(|| {
        let mut engine = engine();
        for rule in RULES {
            let off = Choice {
                ignore: vec![rule.id.to_owned()],
                persona: super::rule::Persona::Auditor,
                ..Choice::default()
            };
            let cases = Cases::read(rule.cases).unwrap();
            let found = findings(&mut engine, rule.id, &cases.bad[0], &off, &mut Vec::new());
            assert!(found.iter().all(|one| one.about.id != rule.id), "{}", rule.id);
        }
    });
}

#[test]
fn every_rule_says_what_it_is() {
    let engine = engine();
    assert_eq!(engine.policies.len(), RULES.len());
    for (policy, rule) in engine.policies.iter().zip(RULES) {
        let about = &policy.about;
        assert_eq!(about.id, rule.id);
        assert_eq!(policy.package, format!("data.tidegate.{}", rule.id.replace('-', "_")), "{}", rule.id);
        assert!(!policy.entries.is_empty(), "{} has a deny or a warn", rule.id);
        assert!(about.why.len() > 30 && about.fix.len() > 15, "{} says why it matters and what to do", rule.id);
        assert!(about.links.iter().all(|link| link.starts_with("https://")), "{}", rule.id);
        assert!(!about.links.is_empty(), "{} says where its reason is written down", rule.id);
        assert!(about.title.len() <= 80 && !about.title.ends_with('.'), "{}: {}", rule.id, about.title);
    }
}

#[test]
fn the_list_of_rules_is_the_folder() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut there = Vec::new();
    for concern in Concern::ALL {
        let Ok(folder) = std::fs::read_dir(root.join(concern.word())) else { continue };
        for entry in folder {
            let name = entry.unwrap().file_name().into_string().unwrap();
            there.extend(name.strip_suffix(".rego").map(|id| format!("policies/{}/{id}.rego", concern.word())));
        }
    }
    let mut listed: Vec<String> = RULES.iter().map(|rule| rule.path.to_owned()).collect();
    there.sort();
    listed.sort();
    assert_eq!(there, listed);
}

#[test]
fn every_fact_about_policies_is_told_by_a_rule() {
    let told = |code: &str| RULES.iter().any(|rule| rule.rego.contains(&format!("\"{code}\"")));
    let untold: Vec<&str> = CODES.iter().map(|(code, _)| *code).filter(|code| !told(code)).collect();
    assert_eq!(untold, [""; 0]);
}

#[test]
fn ids_and_aliases_mean_one_rule() {
    let engine = engine();
    let mut ids: Vec<&str> = engine.policies.iter().map(|policy| policy.about.id.as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_fix_mends_its_finding_and_changes_nothing_else() {
    with_room(|| {
        let mut engine = engine();
        let (mut wrong, mut mended) = (Vec::new(), std::collections::BTreeSet::new());
        for rule in RULES {
            for case in Cases::read(rule.cases).unwrap().bad {
                let source = case.source(rule.id).unwrap();
                for finding in findings(&mut engine, rule.id, &case, &only(rule.id), &mut wrong) {
                    let Some(fix) = &finding.fix else { continue };
                    // Reading back and comparing is part of `apply`: nothing else has changed.
                    let Some(after) = super::fix::apply(&source, fix) else {
                        wrong.push(format!("{}: {}: not mended", rule.id, case.name));
                        continue;
                    };
                    let case = Case { spec: after.text.to_string(), ..case.clone() };
                    let left = findings(&mut engine, rule.id, &case, &only(rule.id), &mut wrong);
                    if left.iter().any(|one| one.path == finding.path) {
                        wrong.push(format!("{}: {}: still found in\n{}", rule.id, case.name, after.text));
                    }
                    mended.insert(rule.id);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(mended.len() >= 20, "{mended:?}");
    });
}

/// Two rules that want the opposite would mend for ever.
#[test]
fn after_all_fixes_nothing_can_be_mended() {
    with_room(|| {
        let (engine, failures) = builtin::engine();
        assert_eq!(failures, []);
        let mut engines = [engine];
        let all = Choice { persona: super::rule::Persona::Auditor, ..Choice::default() };
        let mut judge = |source: &Source| {
            let reading = Reading::of(source, &Case::variable);
            reading.known().map(|known| examine(&mut engines, &known, &all).0)
        };
        let (mut wrong, mut mended) = (Vec::new(), 0);
        for rule in RULES {
            let cases = Cases::read(rule.cases).unwrap();
            for case in cases.bad.iter().chain(&cases.good).filter(|case| case.policy.is_none()) {
                let done = super::mend::mended(&case.source(rule.id).unwrap(), true, &mut judge);
                let after = done.source;
                mended += done.count;
                for finding in judge(&after).unwrap_or_default() {
                    let done = finding.fix.as_ref().and_then(|fix| super::fix::apply(&after, fix));
                    if done.is_some_and(|done| judge(&done).is_some()) {
                        let id = &finding.about.id;
                        wrong.push(format!("{}: {}: {id} could be mended in\n{}", rule.id, case.name, after.text));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(mended > 300, "{mended}");
    });
}
