//! Policies of the user's own.

use super::{BAD, Place};

#[test]
fn policies_for_conftest_run_unchanged() {
    let old = "package main\n\ndeny[msg] {\n  input.streams[name].encryption.key == \"none\"\n  msg = sprintf(\"stream %v is naked\", [name])\n}\n";
    let new = "package main\n\nimport rego.v1\n\nwarn_no_team contains {\"msg\": \"nobody owns it\"} if not input.tags.team\n\nviolation contains {\"msg\": \"v\"} if false\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/old.rego", old), ("policies/new.rego", new)]);
    let run = place.run("lint a.yaml --select custom --format github");
    assert_eq!(
        run.out,
        "::error file=a.yaml,line=4,endLine=4,col=3,endColumn=9,title=old::stream clicks is naked\n::warning file=a.yaml,line=1,endLine=1,col=1,endColumn=11,title=no-team::nobody owns it\n"
    );
}

#[test]
fn parts_of_policies_for_conftest_can_be_chosen_and_silenced() {
    let rego = "package main\n\nwarn_no_team[msg] { not input.tags.team; msg := \"nobody owns it\" }\n";
    let silenced = format!("# tidegate: ignore-file[no-team] reason=x\n{BAD}");
    let place = Place::with(&[("a.yaml", BAD), ("b.yaml", &silenced), ("policies/house.rego", rego)]);
    assert_eq!(place.run("lint a.yaml --select no-team --format json").rules(), ["no-team"]);
    assert_eq!(place.run("lint a.yaml --select house --format json").rules(), ["no-team"]);
    assert_eq!(place.run("lint a.yaml --select custom --ignore no-team --format json").rules(), [""; 0]);
    assert!(place.run("lint --list-rules").out.contains("no-team"));
    assert_eq!(place.run("lint --explain no-team").code, 0);
    let run = place.run("lint b.yaml --format json");
    assert!(!run.rules().iter().any(|rule| rule == "no-team" || rule.starts_with("suppression")), "{}", run.out);
}

#[test]
fn what_is_wrong_with_a_declared_rule_is_told_where_it_stands() {
    let rules = "rules:\n  - { id: first, where: streams.*, required: retention }\n  - { id: second, where: streams.*.retention, maximum: soon }\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/house.yml", rules)]);
    let run = place.run("lint a.yaml");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("policies/house.yml:3:1: rule `second`: `maximum` wants a number"), "{}", run.err);
    place.write("policies/house.yml", "rules: [{ id: stream-unencrypted, where: streams.*, required: retention }]\n");
    assert!(place.run("lint a.yaml").err.contains("policies/house.yml:1:1: `stream-unencrypted` is the id of"));
    let rule = "rules: [{ id: mine, where: streams.*, required: retention }]\n";
    place.write("policies/house.yml", rule);
    place.write("policies/security/more.yaml", rule);
    let run = place.run("lint a.yaml --select mine");
    assert_eq!((run.code, run.out.contains("error[mine]")), (3, true), "{}{}", run.out, run.err);
    assert!(run.err.contains("policies/security/more.yaml:1:1: there is a rule `mine` in policies/house.yml already"));
    std::fs::remove_file(place.path().join("policies/house.yml")).unwrap();
    assert_eq!(place.run("lint a.yaml --select mine --format json").rules(), ["mine"]);
    assert!(
        place.run("lint --list-rules").out.lines().any(|line| line.starts_with("mine ") && line.contains("security"))
    );
    place.write("policies/pods.yaml", "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\n");
    assert_eq!(place.run("lint a.yaml --select mine").code, 1, "policies of other programs are left alone");
    place.write("policies/nobody.cases.yaml", "bad: [{ name: x, spec: 'streams: {}' }]\n");
    assert!(place.run("policy test").out.contains("there is no rule `nobody`"));
}

#[test]
fn the_engine_has_no_words_of_its_own() {
    let place = Place::with(&[("a.yaml", BAD)]);
    for import in ["input", "input\nimport rego.v1"] {
        let old = if import == "input" { "deny[msg] { msg := \"x\" }" } else { "deny contains \"x\"" };
        place.write("policies/x.rego", &format!("package a\nimport {import}\n\n{old}\n"));
        let run = place.run("lint a.yaml --select custom");
        assert_eq!((run.code, run.err.as_str()), (1, ""), "{old}");
    }
    for (word, body) in [("in", "some x in input.streams"), ("every", "every x in input.streams { x }")] {
        place.write("policies/x.rego", &format!("package a\n\ndeny[msg] {{ {body}; msg := \"x\" }}\n"));
        let run = place.run("lint a.yaml --select custom");
        let told: Vec<&str> = run.err.lines().collect();
        assert!(run.code == 3 && told.len() == 1, "{}", run.err);
        assert!(
            told[0].contains("policies/x.rego:3:") && told[0].contains(&format!("`{word}` needs `import")),
            "{told:?}"
        );
    }
}

#[test]
fn the_list_of_rules_is_what_is_chosen() {
    let rego = "package main\n\nwarn_no_team[msg] { not input.tags.team; msg := \"nobody owns it\" }\n";
    let place = Place::with(&[("policies/house.rego", rego)]);
    let listed = |arguments: &str| -> Vec<String> {
        let run = place.run(&format!("lint --list-rules {arguments}"));
        assert_eq!(run.code, 0, "{}", run.err);
        run.out.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    let all = listed("");
    assert!(all.len() > 60 && all.iter().any(|rule| rule == "stream-unwritten"), "{all:?}");
    assert_eq!(listed("--select no-team,CKV_AWS_43"), ["stream-unencrypted", "no-team"]);
    assert_eq!(listed("--select custom --ignore no-team"), [""; 0]);
    let fewer = listed("--ignore stream-unencrypted");
    assert_eq!(fewer.len(), all.len() - 1);
    let regular = listed("--persona regular");
    assert!(regular.len() < all.len() && !regular.iter().any(|rule| rule == "stream-unwritten"), "{regular:?}");
    let json: serde_json::Value =
        serde_json::from_str(&place.run("lint --list-rules --format json --select no-team").out).unwrap();
    assert_eq!((json["rules"].as_array().unwrap().len(), &json["rules"][0]["id"]), (1, &"no-team".into()));
    let wrong = place.run("lint --list-rules --select stream-unencryptd");
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `stream-unencrypted`?"), "{}", wrong.err);
}

#[test]
fn a_function_that_does_not_come_back_ends_the_run_with_its_place() {
    // A number of five million digits.
    let rego = "package a\n\ndeny contains \"x\" if product(numbers.range(1, 900000)) == 1\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/slow.rego", rego)]);
    let run = place.run("lint a.yaml --format sarif");
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains("a policy failed: policies/slow.rego:3:1: a function that the rule calls does not"),
        "{}",
        run.err
    );
}

#[test]
fn an_engine_that_breaks_down_is_a_policy_that_failed() {
    // The engine takes as much of the text as stands before the pattern, and the text is shorter.
    let rego = "package main\n\ndeny[msg] { regex.template_match(\"longer{a}\", input.pipeline, \"{\", \"}\"); msg := \"x\" }\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/odd.rego", rego)]);
    let run = place.run("lint a.yaml");
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("policies/odd.rego:3:1: the engine broke down"), "{}", run.err);
}

#[test]
fn declared_rules_need_no_rego() {
    let rules = "rules:\n  - id: retention-cap\n    severity: warning\n    title: Records are kept too long\n    why: Our contract says a week.\n    where: streams.*.retention\n    maximum: 7d\n";
    let spec = BAD.replace("    encryption: { key: none }", "    retention: 30d");
    let place = Place::with(&[("a.yaml", &spec), ("policies/house.yaml", rules)]);
    assert_eq!(place.run("lint a.yaml --select retention-cap --format json").rules(), ["retention-cap"]);
    assert!(place.run("lint --explain retention-cap").out.contains("Our contract says a week."));
    assert!(place.run("lint --list-rules").out.contains("retention-cap"));
    let rules = |command: &str| -> Vec<serde_json::Value> {
        let json: serde_json::Value = serde_json::from_str(&place.run(command).out).unwrap();
        json["rules"].as_array().unwrap().clone()
    };
    let all = rules("lint --list-rules --format json");
    assert!(all.iter().any(|rule| rule["id"] == "retention-cap" && rule["why"] == "Our contract says a week."));
    let one = rules("lint --explain CKV_AWS_43 --format json");
    assert_eq!((one.len(), &one[0]["id"]), (1, &"stream-unencrypted".into()));
    for control in ["Kinesis.1", "kinesis.1", "KMS.4", "PrivilegeEscalation", "MALFORMED_JSON"] {
        assert_eq!(place.run(&format!("lint --explain {control}")).code, 0, "{control}");
    }
    let elsewhere = place.run("lint --explain ckv_aws_240");
    assert!(elsewhere.code == 0 && elsewhere.out.contains("Firehose stores nothing of its own"), "{}", elsewhere.out);
    let selected = place.run("lint --select W88");
    assert!(selected.code == 2 && selected.err.contains("Firehose stores nothing of its own"), "{}", selected.err);
}

#[test]
fn a_new_rule_passes_its_own_tests() {
    let place = Place::with(&[]);
    assert_eq!(place.run("policy new stream-unencrypted").code, 2, "a built-in rule has the id");
    assert_eq!(place.run("policy new streams-need-an-owner").code, 0);
    let run = place.run("policy test --coverage");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("3 passed, 0 failed") && run.out.contains("100 %"), "{}", run.out);
    assert_eq!(place.run("policy new streams-need-an-owner").code, 2, "nothing is overwritten");
    let rego = place.read("policies/streams-need-an-owner.rego").replace("not stream.tags.owner", "false");
    place.write("policies/streams-need-an-owner.rego", &rego);
    let run = place.run("policy test");
    assert_eq!(run.code, 1);
    assert!(
        run.out.contains("FAIL  policies/streams-need-an-owner.cases.yaml bad: nobody is named: nothing is found"),
        "{}",
        run.out
    );
}

#[test]
fn ids_of_built_in_rules_are_taken() {
    let place = Place::with(&[
        ("a.yaml", BAD),
        ("policies/stream-unencrypted.rego", "package tidegate.x\ndeny contains \"x\"\n"),
    ]);
    let run = place.run("lint a.yaml");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("is the id of a built-in rule"), "{}", run.err);
}

#[test]
fn the_built_in_rules_pass_their_own_cases() {
    let place = Place::with(&[]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let run = place.run(&format!("policy test {folder}"));
    let failed: Vec<&str> = run.out.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!((run.code, failed), (0, vec![]), "{}", run.err);
}

#[test]
fn data_beside_policies_are_theirs() {
    let rego = "package main\n\ndeny contains \"it is banned\" if input.pipeline in data.settings.banned\n\nwarn contains \"it is not allowed\" if not data.teams.allowed\n";
    let place = Place::with(&[
        ("a.yaml", BAD),
        ("policies/house.rego", rego),
        ("policies/data.json", "{\"settings\": {\"banned\": [\"demo\"]}}\n"),
        ("policies/teams/data.yaml", "allowed: true\n"),
    ]);
    let run = place.run("lint a.yaml --select custom --format json");
    assert_eq!((run.code, run.rules()), (1, vec!["house".to_owned()]), "{}{}", run.out, run.err);
    assert!(run.out.contains("it is banned"));
    place.write("policies/data.json", "{\"settings\": {\"banned\": []}}\n");
    assert_eq!(place.run("lint a.yaml --select custom").code, 0);
    place.write("policies/house_test.rego", "package main\n\ntest_banned if count(deny) == 0 with input as {}\n");
    assert!(place.run("policy test").out.contains("1 passed, 0 failed"));
    std::fs::remove_file(place.path().join("policies/data.json")).unwrap();
    let run = place.run("lint a.yaml --select custom");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("policies/house.rego:3:1: nothing defines `data.settings`"), "{}", run.err);
    place.write("policies/data.json", "{\"main\": {}, \"settings\": {}}\n");
    let run = place.run("lint a.yaml --select custom");
    assert!(run.code == 3 && run.err.contains("`data.main` is a package"), "{}", run.err);
    place.write("policies/data.json", "{\"settings\": [}\n");
    let run = place.run("lint a.yaml --select custom");
    assert!(run.code == 3 && run.err.contains("policies/data.json:1:15: it is no JSON"), "{}", run.err);
}

#[test]
fn chance_is_no_policy() {
    let rego = "package main\n\ndeny contains \"x\" if rand.intn(\"x\", 2) == 1\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/odd.rego", rego)]);
    let run = place.run("lint a.yaml --select custom");
    assert!(run.code == 3 && run.err.contains("policies/odd.rego:3:22: what it answers differs"), "{}", run.err);
}

#[test]
fn a_policy_that_is_stopped_is_told_in_every_form() {
    let rego = "package a\n\ndeny contains \"x\" if product(numbers.range(1, 900000)) == 1\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/slow.rego", rego), ("out.sarif", "of yesterday")]);
    let run = place.run("lint a.yaml --format sarif=out.sarif --format junit=out.xml --format github");
    assert_eq!(run.code, 3, "{}", run.err);
    let told = "::error file=policies/slow.rego,line=3,col=1,title=policy failed::a function that the rule calls";
    assert!(run.out.starts_with(told), "{}", run.out);
    let sarif: serde_json::Value = serde_json::from_str(&place.read("out.sarif")).unwrap();
    let said = &sarif["runs"][0]["invocations"][0];
    assert_eq!(said["executionSuccessful"], false);
    assert!(said["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap().contains("does not come back"));
    assert!(place.read("out.xml").contains("policies/slow.rego"), "{}", place.read("out.xml"));
}

#[test]
fn a_folder_without_policies_is_not_tested_in_silence() {
    let place = Place::with(&[("policies/README.txt", "none yet\n")]);
    let run = place.run("policy test");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no policy is in policies, so nothing was tested"), "{}", run.err);
}

/// The id of a METADATA block is the rule's, and no other rule may have it.
#[test]
fn rules_have_the_ids_that_their_blocks_give_them() {
    let rego = |id: &str| {
        format!(
            "package main\n\n# METADATA\n# title: T\n# custom: {{ id: {id}, severity: LOW }}\ndeny_x[m] {{ m := \"found\" }}\n"
        )
    };
    let place = Place::with(&[("a.yaml", BAD), ("policies/house.rego", &rego("HOUSE-1"))]);
    assert_eq!(place.run("lint a.yaml --select HOUSE-1 --format json").rules(), ["HOUSE-1"]);
    assert!(place.run("lint a.yaml --select x").out.starts_with("note[HOUSE-1]: found"));
    place.write("policies/house.rego", &rego("untagged"));
    let run = place.run("lint a.yaml");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("`untagged` is the id of a built-in rule"), "{}", run.err);
}
