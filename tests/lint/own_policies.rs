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
        "::warning file=a.yaml,line=1,endLine=1,col=1,endColumn=11,title=no-team::nobody owns it\n::error file=a.yaml,line=4,endLine=4,col=3,endColumn=9,title=old::stream clicks is naked\n"
    );
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
    let elsewhere = place.run("lint --explain ckv_aws_240");
    assert!(elsewhere.code == 0 && elsewhere.out.contains("Firehose stores nothing of its own"), "{}", elsewhere.out);
    let selected = place.run("lint --select W88");
    assert!(selected.code == 2 && selected.err.contains("Firehose stores nothing of its own"), "{}", selected.err);
}

#[test]
fn a_new_rule_passes_its_own_tests() {
    let place = Place::with(&[]);
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
