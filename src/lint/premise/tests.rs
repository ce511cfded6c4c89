use serde_json::{Value as Json, json};

use super::super::builtin;
use super::super::cases::{Case, Cases};
use super::super::choice::Choice;
use super::super::engine::{Engine, RULE_LIMIT};
use super::super::examine::{examine, examine_case};
use super::super::finding::Finding;
use super::super::policy::PolicyFile;
use super::super::reading::Reading;
use super::super::rule::{Concern, Persona};
use crate::spec::Source;

/// Whether a rule with this body may speak of this input.
fn may(body: &str, input: &Json) -> bool {
    let text = format!("package tidegate.x\nother(x) := x\ndeny contains m if {{\n{body}\nm := \"m\"\n}}\n");
    let file = PolicyFile { source: Source::new("x.rego", &text).unwrap(), concern: Concern::Custom, origin: None };
    let (engine, failures) = Engine::load(&[file], RULE_LIMIT);
    assert_eq!(failures.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0], "{body}");
    engine.policies[0].premises[0].as_ref().unwrap().may_hold(&regorus::Value::from(input.clone()))
}

#[test]
fn a_statement_that_fails_silences_a_rule() {
    let input = json!({
        "streams": { "a": { "n": 3, "kind": "aws", "on": false, "list": [1, 2], "nothing": null }, "b": { "n": 5, "on": true } },
        "none": {}, "region": null, "name": "us-gov-west-1", "by": { "aws": 7 },
    });
    for (holds, body) in [
        (true, "some s in input.streams"),
        (false, "some s in input.none"),
        (false, "some s in input.missing"),
        (true, "some s in input.name"),
        (true, "some s in input.streams; s.n > 4"),
        (false, "some s in input.streams; s.n > 5"),
        (false, "some s in input.streams; s.n > 4; s.kind == \"aws\""),
        (true, "some s in input.streams; s.kind in {\"aws\", \"none\"}"),
        (false, "some s in input.streams; s.kind in {\"own\"}"),
        (false, "some s in input.streams; s.n * 2 - 1 > 9"),
        (true, "some s in input.streams; s.n / 2 > 9"),
        (true, "some s in input.streams; count(s.list) > 1"),
        (false, "some s in input.streams; count(s.list) > 2"),
        (true, "some s in input.streams; not s.on"),
        (false, "some s in input.streams; not s.n"),
        (true, "some s in input.streams; not s.nothing"),
        (true, "some k, s in input.streams; k == \"b\"; s.on"),
        (false, "some k, s in input.streams; k == \"a\"; s.on"),
        (true, "some s in input.streams; some i, x in s.list; x > i"),
        (false, "some s in input.streams; some i, x in s.list; x < i"),
        (true, "some one in [input.streams, input.none]; some s in one; s.n == 5"),
        (false, "some one in [input.streams, input.missing]; some s in one; s.n == 5"),
        (false, "input.region != null"),
        (true, "input.region == null"),
        (false, "startswith(input.name, \"eu-\")"),
        (true, "startswith(input.name, \"us-gov-\")"),
        (true, "some s in input.streams; input.by[s.kind] == 7"),
        (false, "some s in input.streams; input.by[s.kind] == 8"),
        (false, "some s in input.streams; x := s.n; x == 4"),
        (false, "some s in input.streams; x := s.missing"),
        // What is not understood may be so.
        (true, "some one in {\"aws\", \"x\"}; input.by[one] == 7"),
        (false, "some one in {\"x\", \"y\"}; input.by[one] == 7"),
        (false, "some s in [input.streams]; s.a.n == 4"),
        (false, "input.region.name"),
        (false, "trim_space(input.name) == \"\""),
        (true, "some s in input.streams; other(s.n) == 9"),
        (true, "input.region[_] == 1"),
        (true, "some s in input.streams with input as {\"streams\": [1]}"),
        (true, "x = input.missing"),
    ] {
        assert_eq!(may(body, &input), holds, "{body}");
    }
}

#[test]
fn many_elements_are_left_to_the_engine() {
    let many: Vec<u32> = (0..2_000).collect();
    assert!(may("some a in input.many\nsome b in input.many\na + b == -1", &json!({ "many": many })));
}

#[test]
fn rules_of_other_sorts_have_no_premises() {
    for text in [
        "deny := \"x\" if { input.a }",
        "deny contains \"x\"",
        "default deny := set()\ndeny contains \"x\" if { input.a }",
        "import input.a as b\ndeny contains \"x\" if { b.c }",
        "import data.tidegate.y as input\ndeny contains \"x\" if { input.c }",
    ] {
        let text = format!("package tidegate.x\n{text}\n");
        let file = PolicyFile { source: Source::new("x.rego", &text).unwrap(), concern: Concern::Custom, origin: None };
        let (engine, _) = Engine::load(&[file], RULE_LIMIT);
        let premises = engine.policies.iter().flat_map(|policy| &policy.premises);
        assert!(premises.flatten().count() == 0, "{text}");
    }
}

/// What is found in a spec, and what failed.
fn found(engine: &mut Engine, source: &Source, choice: &Choice) -> (Vec<Finding>, Vec<String>) {
    let reading = Reading::of(source, &Case::variable);
    let Some(known) = reading.known() else { return (Vec::new(), Vec::new()) };
    let (findings, failures) = examine(std::slice::from_mut(engine), &known, choice);
    (findings, failures.iter().map(ToString::to_string).collect())
}

/// The law: over every spec and policy that the project has, each rule says the same whether its premises are looked at
/// or not.
#[test]
fn premises_never_change_a_finding() {
    let law = || {
        let (asking, failures) = Engine::load(&builtin::files(), RULE_LIMIT * 10);
        assert!(failures.is_empty());
        let (mut by_premises, mut asking) = (asking.clone().by_premises(), asking);
        let choice = Choice { persona: Persona::Auditor, ..Choice::default() };
        let (mut specs, mut policies, mut all) = (0, 0, 0);
        for rule in builtin::RULES {
            let cases = Cases::read(rule.cases).unwrap();
            for case in cases.bad.iter().chain(&cases.good) {
                if let Some(policy) = &case.policy {
                    let examined = |engine: &mut Engine| {
                        examine_case(std::slice::from_mut(engine), case, policy, &choice).unwrap().0
                    };
                    assert_eq!(examined(&mut by_premises), examined(&mut asking), "{}: {}", rule.id, case.name);
                    policies += 1;
                } else {
                    let source = case.source(rule.id).unwrap();
                    let (quick, whole) =
                        (found(&mut by_premises, &source, &choice), found(&mut asking, &source, &choice));
                    assert_eq!(quick, whole, "{}: {}", rule.id, case.name);
                    all += whole.0.len();
                    specs += 1;
                }
            }
        }
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/specs")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let source = Source::new("spec.yaml", &std::fs::read_to_string(&path).unwrap()).unwrap();
                let whole = found(&mut asking, &source, &choice);
                assert_eq!(found(&mut by_premises, &source, &choice), whole, "{}", path.display());
                all += whole.0.len();
                specs += 1;
            }
        }
        assert!(specs >= 200 && policies >= 50 && all >= 500, "{specs} {policies} {all}");
    };
    let thread = std::thread::Builder::new().stack_size(32 << 20).spawn(law).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Premises are worth their lines only if they silence most rules.
#[test]
fn most_rules_need_not_be_asked_about_a_good_spec() {
    let (engine, _) = Engine::load(&builtin::files(), RULE_LIMIT);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/specs/clickstream.yaml")).unwrap();
    let reading = Reading::of(&Source::new("spec.yaml", &text).unwrap(), &Case::variable);
    let facts = super::super::facts::facts(&reading.known().unwrap());
    let input = regorus::Value::from(facts);
    let premises = engine.policies.iter().flat_map(|policy| policy.premises.iter().map(move |one| (policy, one)));
    let asked: Vec<&str> = premises
        .filter(|(_, premise)| premise.as_ref().is_none_or(|premise| premise.may_hold(&input)))
        .map(|(policy, _)| policy.about.id.as_str())
        .collect();
    assert!(asked.len() * 5 < engine.policies.len(), "{asked:?}");
}
