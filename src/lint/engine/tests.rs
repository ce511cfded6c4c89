use serde_json::json;

use super::*;
use crate::spec::Source;

fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile { source: Source::new(name, text).unwrap(), concern: Concern::Custom, origin: None }
}

fn load(files: &[(&str, &str)]) -> (Engine, Vec<String>) {
    let files: Vec<PolicyFile> = files.iter().map(|(name, text)| file(name, text)).collect();
    let (engine, failures) = Engine::load(&files, Duration::from_millis(200));
    (engine, failures.iter().map(ToString::to_string).collect())
}

/// What the policies say of `{"a": 1}` as facts and `{"b": 2}` as the document.
fn judged(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let (mut engine, failures) = load(files);
    assert_eq!(failures, [""; 0]);
    let subject = Subject { file: "spec.yaml", facts: &json!({"a": 1}), document: &json!({"b": 2}) };
    let (verdicts, failures) = engine.judge(&subject, &|_| true);
    (verdicts.into_iter().map(|one| one.message).collect(), failures.iter().map(ToString::to_string).collect())
}

#[test]
fn facts_for_ours_and_the_document_for_others() {
    let ours = "package tidegate.x\ndeny contains {\"msg\": sprintf(\"a is %v\", [input.a])}\n";
    let theirs = "package main\nimport rego.v1\nwarn_b contains msg if { input.b == 2; msg := \"b\" }\n";
    let (verdicts, failures) = judged(&[("x.rego", ours), ("y.rego", theirs)]);
    assert_eq!((verdicts, failures), (vec!["a is 1".to_owned(), "b".to_owned()], vec![]));
}

#[test]
fn older_rego_and_exceptions_work() {
    let old = "package main\ndeny[msg] { input.b == 2; msg = \"old\" }\ndeny_x[{\"msg\": \"lifted\"}] { true }\nexception[rules] { rules = [\"x\"] }\n";
    assert_eq!(judged(&[("x.rego", old)]).0, ["old"]);
}

#[test]
fn walks_find_what_they_find_in_opa() {
    let text = "package main\nimport rego.v1\ndeny contains msg if {\n\t[path, value] := walk(input)\n\tvalue == 2\n\tmsg := concat(\".\", path)\n}\ndeny contains msg if {\n\tfound := [p | [p, v] = walk(input.c); v == 3]\n\tmsg := sprintf(\"%v\", [found])\n}\n";
    assert_eq!(judged(&[("x.rego", text)]).0, ["[]", "b"]);
}

#[test]
fn undefined_is_no_finding_and_failing_functions_do_not_stop() {
    let text = "package tidegate.x\ndeny := \"text\" if { input.nothing }\nwarn contains \"n\" if { to_number(\"abc\") > 1 }\nviolation contains \"v\"\n";
    assert_eq!(judged(&[("x.rego", text)]).0, ["v"]);
}

#[test]
fn what_would_end_the_program_is_refused_with_its_line() {
    let refused = |text: &str| load(&[("x.rego", text)]).1;
    assert_eq!(refused("package a\n\nf(x) := f(x - 1)\n"), ["x.rego:3:1: the function `a.f` calls itself"]);
    assert_eq!(
        refused("package a\nf(x) := g(x)\ng(x) := r[x]\nr contains y if { y := f(1) }\n"),
        ["x.rego:2:1: the function `a.f` calls itself"]
    );
    let far =
        [("a.rego", "package a\nimport data.b\nf(x) := b.g(x)\n"), ("b.rego", "package b\ng(x) := data.a.f(x)\n")];
    assert_eq!(load(&far).1, ["a.rego:3:1: the function `a.f` calls itself"]);
    let chain = (0..400).map(|n| format!("p{n} if p{}\n", n + 1)).collect::<String>();
    assert!(refused(&format!("package a\n{chain}p400 := 1\n"))[0].contains("200 deep"));
    let (_, failures) = judged(&[("x.rego", "package a\ndeny if q\nq if deny\n")]);
    assert_eq!(failures, ["x.rego:2:1: the rule needs its own result (while judging spec.yaml)"]);
    assert!(refused(&format!("package a\np := {}{}\n", "[".repeat(40), "]".repeat(40)))[0].starts_with("x.rego:2:16"));
}

#[test]
fn one_policy_that_cannot_be_used_leaves_the_others_their_say() {
    let good = ("good.rego", "package main\ndeny[msg] { msg := \"good\" }\n");
    for bad in [
        "package bad\nf(x) := f(x - 1) if x > 0\ndeny contains \"x\" if f(3)\n",
        "package bad\ndeny contains x if { y }\n",
        "package bad\ndeny contains x if {\n",
        "package bad\ndeny := \"a\"\ndeny contains \"b\"\n",
    ] {
        let (mut engine, mut failures) = load(&[("a.rego", bad), good, ("z.rego", bad)]);
        let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({}) };
        let (verdicts, failed) = engine.judge(&subject, &|_| true);
        failures.extend(failed.iter().map(ToString::to_string));
        assert_eq!(verdicts.into_iter().map(|one| one.message).collect::<Vec<_>>(), ["good"], "{bad}");
        assert!(failures.iter().any(|told| told.starts_with("a.rego:")), "{bad}: {failures:?}");
    }
}

#[test]
fn files_of_one_package_keep_their_own_findings() {
    let first = "# METADATA\n# title: F\n# severity: note\npackage main\ndeny[msg] { input.b == 2; msg := \"old\" }\nwarn_x[msg] { msg := \"x\" }\ntest_both { count(deny) == 2 with input as {\"b\": 2} }\n";
    let second = "package main\nimport rego.v1\ndeny contains \"new\" if input.b == 2\nmine if \"x\" in warn_x\ndeny contains \"seen\" if { mine; false }";
    let other = "package other\nimport rego.v1\nwarn contains sprintf(\"%d\", [count(data.main.deny)]) if true\nexception contains []\n";
    let third = "package main\nexception[rules] { rules := [\"x\"] }\n";
    let (mut engine, failures) = load(&[("a.rego", first), ("b.rego", second), ("c.rego", other), ("d.rego", third)]);
    assert_eq!(failures, [""; 0]);
    let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({"b": 2}) };
    let (verdicts, failures) = engine.judge(&subject, &|_| true);
    assert_eq!(failures, []);
    let said: Vec<String> = verdicts
        .iter()
        .map(|one| format!("{} {} {}", engine.policies[one.policy].about.id, one.severity, one.message))
        .collect();
    assert_eq!(said, ["a note old", "b error new", "c warning 2"]);
    assert_eq!(engine.holds(0, "test_both"), Ok(true));
    let (verdicts, _) = engine.judge(&subject, &|about| about.id == "b");
    assert_eq!(verdicts.len(), 1);
}

#[test]
fn rules_may_ask_for_their_metadata() {
    let text = "package main\n\n# METADATA\n# title: Told by the block\ndeny[msg] { about := rego.metadata.rule(); msg := about.title }\n";
    assert_eq!(judged(&[("x.rego", text)]).0, ["Told by the block"]);
}

#[test]
fn parts_of_a_policy_are_rules_of_their_own() {
    let text = "package main\ndeny[msg] { msg := \"plain\" }\ndeny_no_owner[msg] { msg := \"owner\" }\nwarn_no_owner[msg] { msg := \"warned\" }\n";
    let (mut engine, _) = load(&[("house.rego", text)]);
    let ids: Vec<String> = engine.policies[0].abouts().iter().map(|about| about.id.clone()).collect();
    assert_eq!(ids, ["house", "no-owner"]);
    let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({}) };
    let mut said = |name: &str| {
        let (verdicts, _) = engine.judge(&subject, &|about| about.is_called(name));
        verdicts.into_iter().map(|one| one.message).collect::<Vec<_>>()
    };
    assert_eq!(said("no-owner"), ["owner", "warned"]);
    assert_eq!(said("house"), ["plain", "owner", "warned"], "the file's name means all of it");
    assert_eq!(said("other"), [""; 0]);
}

#[test]
fn calls_that_would_take_all_memory_end_with_their_line() {
    for call in ["numbers.range(1, 1000000000000)", "net.cidr_expand(\"0.0.0.0/0\")"] {
        let (_, failures) = judged(&[("x.rego", &format!("package a\n\ndeny contains \"x\" if count({call}) > 1\n"))]);
        assert!(failures[0].starts_with("x.rego:3:") && failures[0].contains("makes at most"), "{failures:?}");
    }
    assert!(load(&[("x.rego", "package a\np := sprintf(\"%2000000000d\", [1])\n")]).1[0].starts_with("x.rego:2:15: "));
}

#[test]
fn mistakes_of_policies_are_failures_when_loaded_or_when_asked() {
    for text in
        ["deny contains x", "deny contains x if { y }", "deny := nonsense(1)", "deny := http.send({})", "deny if"]
    {
        let text = format!("package a\n\n{text}\n");
        let (mut engine, mut failures) = load(&[("x.rego", &text)]);
        let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({}) };
        let (verdicts, failed) = engine.judge(&subject, &|_| true);
        failures.extend(failed.iter().map(ToString::to_string));
        assert_eq!((verdicts, failures.len()), (vec![], 1), "{text}: {failures:?}");
        assert!(failures[0].starts_with("x.rego:3:") || failures[0].starts_with("x.rego:4:"), "{failures:?}");
    }
}

#[test]
fn a_policy_that_takes_too_long_is_a_failure_of_that_policy() {
    let slow = "package tidegate.slow\ndeny contains \"x\" if { some i in numbers.range(1, 100000)\n some j in numbers.range(1, 100000)\n i * j == -1 }\n";
    let quick = "package tidegate.quick\ndeny contains \"quick\"\n";
    let (verdicts, failures) = judged(&[("slow.rego", slow), ("quick.rego", quick)]);
    assert_eq!(verdicts, ["quick"]);
    assert_eq!(failures.len(), 1);
    assert!(failures[0].starts_with("slow.rego:2:1: ") && failures[0].contains("too long"), "{failures:?}");
    // It was told, and takes no more time from the files that follow.
    let (mut engine, _) = load(&[("slow.rego", slow), ("quick.rego", quick)]);
    let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({}) };
    let told = [(); 3].map(|()| engine.judge(&subject, &|_| true)).map(|(found, failed)| (found.len(), failed.len()));
    assert_eq!(told, [(1, 1), (1, 0), (1, 0)]);
}

#[test]
fn results_that_say_nothing_are_failures() {
    let (_, failures) = judged(&[("x.rego", "package tidegate.x\ndeny contains 1\n")]);
    assert!(
        failures[0].starts_with("x.rego:2:1: ") && failures[0].contains("a result is a text or an object"),
        "{failures:?}"
    );
}

#[test]
fn tests_and_metadata_are_found() {
    let text = "# METADATA\n# title: T\n# severity: note\npackage tidegate.x\ndeny contains \"d\"\ntest_a if { true }\ntest_b if { false }\n";
    let (mut engine, _) = load(&[("p/some-rule.rego", text)]);
    let policy = &engine.policies[0];
    assert_eq!((policy.about.id.as_str(), policy.about.severity), ("some-rule", Severity::Note));
    assert_eq!(policy.tests, ["test_a", "test_b"]);
    assert_eq!((engine.holds(0, "test_a"), engine.holds(0, "test_b")), (Ok(true), Ok(false)));
}
