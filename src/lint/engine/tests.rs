use serde_json::json;

use super::*;
use crate::lint::rule::Severity;
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

/// A mistake is told where it is, and not where the other form of the language would have wanted something else.
#[test]
fn mistakes_of_older_policies_are_told_where_they_are() {
    let wrong = "package main\n\ndeny[msg] {\n\tinput.b == 2\n\tmsg := sprintf(\"x\", [1)\n}\n";
    let told = load(&[("x.rego", wrong)]).1;
    assert!(told[0].starts_with("x.rego:5:"), "{told:?}");
    let today = "package main\n\ndeny contains msg if {\n\tinput.b == 2\n\tmsg := [1\n}\n";
    let told = load(&[("x.rego", today)]).1;
    assert!(told[0].starts_with("x.rego:6:") || told[0].starts_with("x.rego:5:"), "{told:?}");
}

/// OPA refuses such a policy; the engine would notice only once a file leads there.
#[test]
fn calls_that_lead_nowhere_are_refused_when_loaded() {
    let lib = ("lib.rego", "package lib.text\nimport rego.v1\nhas(x) if x == \"a\"\ndefault known(_) := true\n");
    let told = |text: &str| load(&[lib, ("x.rego", text)]).1;
    for (body, place, words) in [
        ("helpr(1)", "3:69", "nothing defines the function `helpr`; did you mean `helper`?"),
        ("crypto.sha256(\"x\")", "3:69", "`crypto.sha256` is a function of OPA that there is not here"),
        ("time.now_ns()", "3:69", "`time.now_ns` is a function of OPA"),
        ("data.lib.text.hs(1)", "3:69", "nothing defines the function `data.lib.text.hs`"),
        ("text.hs(1)", "3:69", "nothing defines the function `text.hs`"),
    ] {
        let text = format!(
            "package main\nimport data.lib.text\ndeny contains \"x\" if {{ input.pipeline == \"no\"; helper(1) == 1; m := {body} }}\nhelper(x) := x\n"
        );
        let told = told(&text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(words), "{told:?}");
        assert!(told[0].starts_with(&format!("x.rego:{place}: ")), "{told:?}");
    }
    for fine in [
        "import data.lib.text\ndeny contains \"x\" if text.has(\"b\")",
        "import data.lib.text as t\ndeny contains \"x\" if { t.has(\"b\"); t.known(1); data.lib.text.has(1) }",
        "deny contains \"x\" if count([1]) == 2 with count as mine\nmine(_) := 2",
        "default f(_) := 1\ndeny contains \"x\" if f(2) == 2",
        "import future.keywords.contains\ndeny[msg] { contains(\"abc\", \"z\"); any([false]); re_match(\"a\", \"b\"); msg := \"x\" }",
        "deny[msg] { walk(input, [p, v]); v == 9; msg := \"x\" }",
        "test_a { parse_config(\"hcl2\", \"x\") }",
    ] {
        assert_eq!(told(&format!("package main\n{fine}\n")), [""; 0], "{fine}");
    }
    let other =
        [("a.rego", "package main\nf(x) := x\n"), ("b.rego", "package main\ndeny contains \"x\" if f(1) == 2\n")];
    assert_eq!(load(&other).1, [""; 0], "of another file of the package");
    let lost =
        [("a.rego", "package lib\nf(x) := g(x)\n"), ("b.rego", "package main\ndeny contains \"x\" if data.lib.f(1)\n")];
    assert_eq!(load(&lost).1.len(), 1, "who uses what is lost is not told of again");
}

#[test]
fn a_message_is_made_whatever_its_format_and_an_empty_one_is_a_failure() {
    let text = "package main\nimport rego.v1\ndeny contains sprintf(\"100% bad %d %s\", [\"7d\"]) if input.b\n";
    assert_eq!(judged(&[("x.rego", text)]).0, ["100%!b(string=7d)ad %!d(MISSING) %!s(MISSING)"]);
    let (found, failures) = judged(&[("x.rego", "package main\nimport rego.v1\n\ndeny contains \"\"\n")]);
    assert_eq!(found, [""; 0]);
    assert!(failures[0].starts_with("x.rego:4:1: `deny`: the message of a result is empty"), "{failures:?}");
}

/// OPA's scopes: a block describes the rule below it, and that of the package the others.
#[test]
fn blocks_describe_the_rules_below_them() {
    let text = "# METADATA\n# title: House\n# custom: { severity: LOW }\npackage main\n\n# METADATA\n# title: Owner\n# custom: { id: HOUSE-1, severity: HIGH }\ndeny_no_owner[m] { m := \"owner\" }\n\ndeny_other[m] { m := \"other\" }\n# METADATA\n# title: Plain\ndeny[m] { m := \"plain\" }\n";
    let (mut engine, failures) = load(&[("house.rego", text)]);
    assert_eq!(failures, [""; 0]);
    let subject = Subject { file: "spec.yaml", facts: &json!({}), document: &json!({}) };
    let (verdicts, _) = engine.judge(&subject, &|_| true);
    let mut said: Vec<String> = verdicts
        .iter()
        .map(|one| {
            let about = engine.policies[one.policy].about_of(&one.suffix);
            format!("{} {} {} {}", about.id, one.severity, about.title, one.message)
        })
        .collect();
    said.sort();
    assert_eq!(said, ["HOUSE-1 error Owner owner", "house note Plain plain", "other note House other"]);
    let known = |name: &str| engine.policies[0].abouts().iter().filter(|about| about.is_called(name)).count();
    assert_eq!((known("HOUSE-1"), known("no-owner"), known("house")), (1, 1, 3));
}
