//! What a team agrees on: suppressions, baselines, revisions, settings, fixes.

use super::{BAD, Place};

const OLD: &str =
    "apiVersion: tidegate/v1\npipeline: demo\nkeys:\n  old: { rotation: none } # since 2019\nstreams: {}\n";

#[test]
fn suppressions_need_a_reason_and_protected_rules_stay() {
    let silenced =
        OLD.replace("# since 2019", "# tidegate: ignore[key-rotation-off, key-unused] reason=\"leaves in spring\"");
    let place = Place::with(&[("a.yaml", &silenced)]);
    assert_eq!(place.run("lint a.yaml --format json").rules(), [""; 0]);
    assert_eq!(place.run("lint a.yaml --format json --no-suppressions").rules(), ["key-unused", "key-rotation-off"]);
    assert_eq!(place.run("lint a.yaml --no-suppressions").code, 1);
    place.write(
        "a.yaml",
        &BAD.replace("    encryption", "    # tidegate: ignore[stream-unencrypted] reason=x\n    encryption"),
    );
    let rules = place.run("lint a.yaml --format json").rules();
    assert!(
        rules.contains(&"stream-unencrypted".to_owned()) && rules.contains(&"suppression-of-protected".to_owned()),
        "{rules:?}"
    );
}

#[test]
fn without_suppressions_every_form_tells_what_counts() {
    let silenced = OLD.replace("# since 2019", "# tidegate: ignore[key-rotation-off] reason=\"leaves in spring\"");
    let place = Place::with(&[("a.yaml", &silenced)]);
    assert_eq!(place.run("lint a.yaml --write-baseline base.json").code, 0);
    let command = "lint a.yaml --no-suppressions --baseline base.json --format human --format github=out.txt --format markdown=out.md --format junit=out.xml --format sarif=out.sarif --format json=out.json";
    let run = place.run(command);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("1 warning in 1 file, 1 known before; 1 can be mended"), "{}", run.out);
    for form in ["out.txt", "out.md", "out.xml", "out.sarif", "out.json"] {
        let text = place.read(form);
        assert!(text.contains("key `old` is never rotated"), "{form}: {text}");
        assert!(
            !text.contains("nothing is encrypted with key `old`"),
            "{form}: what is known before stays out: {text}"
        );
    }
    let run = place.run("lint a.yaml --baseline base.json");
    assert_eq!((run.code, run.out.as_str()), (0, "nothing found in 1 file, 1 silenced, 1 known before\n"));
}

#[test]
fn a_baseline_lets_only_new_findings_through() {
    let place = Place::with(&[("a.yaml", OLD)]);
    assert_eq!(place.run("lint a.yaml --write-baseline base.json").code, 0);
    assert_eq!(place.run("lint a.yaml --baseline base.json").code, 0);
    place.write("a.yaml", &OLD.replace("streams: {}", "# moved\n\nstreams: { clicks: { encryption: { key: none } } }"));
    let rules = place.run("lint a.yaml --baseline base.json --format json --fail-on error").rules();
    assert!(
        rules.contains(&"stream-unencrypted".to_owned()) && !rules.contains(&"key-rotation-off".to_owned()),
        "{rules:?}"
    );
    assert_eq!(place.run("lint a.yaml --baseline nothing.json").code, 2);
}

#[test]
fn since_a_revision_tells_what_the_change_brings() {
    let place = Place::with(&[("specs/a.yaml", OLD)]);
    place.git("init -q -b main");
    place.git("add -A");
    place.git("commit -q -m first");
    assert_eq!(place.run("lint specs --since main").code, 0);
    place.write("specs/b.yaml", BAD);
    let rules = place.run("lint specs --since main --format json --select security").rules();
    assert_eq!(rules, ["stream-unencrypted"]);
    // A copy for another account is new, a file that moves is not.
    place.write("specs/_copy.yaml", OLD);
    let json: serde_json::Value =
        serde_json::from_str(&place.run("lint specs --since main --format json").out).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let files: Vec<&str> = findings.iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert!(files.contains(&"specs/_copy.yaml") && !files.contains(&"specs/a.yaml"), "{files:?}");
    std::fs::remove_file(place.path().join("specs/_copy.yaml")).unwrap();
    std::fs::remove_file(place.path().join("specs/b.yaml")).unwrap();
    place.git("mv specs/a.yaml specs/moved.yaml");
    assert_eq!(place.run("lint specs --since main").code, 0);
    let run = place.run("lint specs --since nonsense");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("git knows no revision `nonsense`"), "{}", run.err);
}

/// What others mend in the meantime is not brought by a branch that does not have it yet.
#[test]
fn since_a_revision_means_where_the_branch_left_it() {
    let place = Place::with(&[("specs/a.yaml", OLD)]);
    place.git("init -q -b main");
    place.git("add -A");
    place.git("commit -q -m first");
    place.git("branch work");
    place.write("specs/a.yaml", &OLD.replace("rotation: none", "rotation: 365d"));
    place.git("commit -q -a -m mended");
    place.git("checkout -q work");
    place.write("specs/b.yaml", BAD);
    let rules = place.run("lint specs --since main --format json --select security").rules();
    assert_eq!(rules, ["stream-unencrypted"]);
    place.git("checkout -q --orphan other");
    place.git("commit -q -m alone");
    let rules = place.run("lint specs --since main --format json --select security").rules();
    assert_eq!(rules, ["key-rotation-off", "stream-unencrypted"], "with nothing in common it is the revision itself");
}

/// An item above moves those below, and makes none of them new.
#[test]
fn items_that_move_in_a_list_are_known() {
    let spec = |share: &str, can: &str| {
        format!(
            "apiVersion: tidegate/v1\npipeline: demo\nstreams:\n  clicks:\n    encryption: {{ key: alias/data }}\n    share: [{share}{{ account: \"210987654321\", can: readWrite }}]\naccess:\n  web: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{can}{{ write: clicks }}, {{ write: clicks }}] }}\n"
        )
    };
    let policy = |first: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{first}{{"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}}]}}"#
        )
    };
    let place = Place::with(&[("a.yaml", &spec("", "")), ("p.json", &policy(""))]);
    place.git("init -q -b main");
    place.git("add -A");
    place.git("commit -q -m first");
    let before = place.run("lint a.yaml p.json --persona auditor --format json --write-baseline base.json").rules();
    assert_eq!(before, [""; 0], "what is written is known");
    let found = place.run("lint a.yaml p.json --persona auditor --format json").rules();
    for rule in ["share-external-key", "grant-twice", "iam-wildcard-action"] {
        assert!(found.iter().any(|one| one == rule), "{rule} is in a list: {found:?}");
    }
    place.write("a.yaml", &spec("{ account: \"310987654321\", can: read }, ", "{ read: clicks }, "));
    place.write(
        "p.json",
        &policy(r#"{"Effect": "Deny", "Action": "kinesis:DeleteStream", "Resource": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}, "#),
    );
    let moved = ["grant-twice", "iam-wildcard-action", "iam-wildcard-resource"];
    for known in ["--since main", "--baseline base.json"] {
        let rules = place.run(&format!("lint a.yaml p.json --persona auditor --format json {known}")).rules();
        assert!(!rules.iter().any(|rule| moved.contains(&rule.as_str())), "{known}: {rules:?}");
        let shares = rules.iter().filter(|rule| *rule == "share-external-key").count();
        assert!(shares <= 1, "{known}: the share of before is known: {rules:?}");
    }
}

#[test]
fn settings_are_read_and_arguments_go_before_them() {
    let toml = "[lint]\npaths = [\"specs\"]\nignore = [\"key-unused\"]\nfail-on = \"error\"\nprotected = [\"key-rotation-off\"]\n[lint.severity]\nkey-rotation-off = \"error\"\n";
    let place = Place::with(&[("specs/a.yaml", OLD), ("tidegate.toml", toml)]);
    assert_eq!(place.run("lint --format json").rules(), ["key-rotation-off"]);
    for misspelt in ["protected = [\"key-rotation\"]", "severity = { key-rotaton-off = \"note\" }"] {
        place.write("misspelt.toml", &format!("[lint]\n{misspelt}\n"));
        let run = place.run("lint specs --config misspelt.toml");
        assert_eq!(run.code, 2, "{misspelt}");
        assert!(run.err.contains("did you mean `key-rotation-off`?"), "{}", run.err);
    }
    assert_eq!(place.run("lint").code, 1);
    place.write("tidegate.toml", "[lint]\nignroe = []\n");
    let run = place.run("lint specs");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("line 2"), "{}", run.err);
}

#[test]
fn fixes_keep_everything_else() {
    let place = Place::with(&[("a.yaml", OLD)]);
    let shown = place.run("lint a.yaml --fix --diff").out;
    assert!(
        shown.contains("-  old: { rotation: none } # since 2019\n+  old: { rotation: 365d } # since 2019\n"),
        "{shown}"
    );
    assert_eq!(place.read("a.yaml"), OLD, "--diff writes nothing");
    place.run("lint a.yaml --fix");
    assert_eq!(place.read("a.yaml"), OLD.replace("rotation: none", "rotation: 365d"));
}

/// As editors call formatters: what goes in comes out, and nothing else.
#[test]
fn what_is_mended_on_standard_input_goes_to_standard_output_alone() {
    let place = Place::with(&[]);
    let mended = OLD.replace("rotation: none", "rotation: 365d");
    for (given, wanted) in [(OLD, &*mended), (&*mended, &*mended), ("streams: [\n", "streams: [\n")] {
        let run = place.run_with("lint - --fix --select key-rotation-off", given);
        assert_eq!(run.out, wanted, "{}", run.err);
        assert!(run.err.contains("in 1 file"), "the report stands aside: {}", run.err);
    }
    let run = place.run_with("lint - --fix --format json=out.json", OLD);
    assert_eq!(run.out, mended);
    assert!(place.read("out.json").contains("\"format_version\":1"));
    let shown = place.run_with("lint - --fix --diff --select key-rotation-off", OLD).out;
    assert!(shown.starts_with("--- ") && shown.contains("+  old: { rotation: 365d } # since 2019"), "{shown}");
}

#[test]
fn fixes_of_rules_that_want_the_opposite_end() {
    let spec = "apiVersion: tidegate/v1\npipeline: demo\nstreams: { clicks: { retention: 7d } }\naccess:\n  web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: clicks }] }\n";
    let place = Place::with(&[("a.yaml", spec)]);
    let command = "lint a.yaml --persona pedantic --fix=unsafe";
    place.run(command);
    let mended = place.read("a.yaml");
    let again = place.run(command);
    assert!(!again.err.contains("mended") && !again.out.contains("can be mended"), "{}{}", again.err, again.out);
    assert_eq!(place.read("a.yaml"), mended);
}

#[test]
fn a_fix_that_would_change_what_others_repeat_is_neither_promised_nor_done() {
    let repeated = BAD.replace("clicks:\n", "clicks: &c\n") + "  orders: *c\n";
    let place = Place::with(&[("a.yaml", &repeated), ("b.yaml", BAD)]);
    let run = place.run("lint a.yaml --select stream-unencrypted");
    assert!(run.code == 1 && run.out.contains("2 errors") && !run.out.contains("can be mended"), "{}", run.out);
    let run = place.run("lint b.yaml --select stream-unencrypted");
    assert!(run.out.contains("can be mended"), "{}", run.out);
    let run = place.run("lint a.yaml --select stream-unencrypted --fix");
    assert!(run.code == 1 && run.out.contains("2 errors") && !run.out.contains("can be mended"), "{}", run.out);
    assert_eq!(place.read("a.yaml"), repeated);
}

#[test]
fn a_spec_names_the_policies_beside_it() {
    let spec = "apiVersion: tidegate/v1\npipeline: demo\nregion: eu-west-1\nkeys: { data: {} }\niamPolicies: [iam/web.json]\nstreams: { clicks: { encryption: { key: data } } }\n";
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesis:PutRecord","kinesis:PutRecords"],"Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}]}"#;
    let place = Place::with(&[("specs/a.yaml", spec), ("specs/iam/web.json", policy)]);
    let json = |command: &str| -> serde_json::Value { serde_json::from_str(&place.run(command).out).unwrap() };
    let found = json("lint specs --select access --format json");
    let finding = &found["findings"][0];
    assert_eq!(
        (finding["rule"].as_str(), finding["file"].as_str()),
        (Some("iam-missing-kms"), Some("specs/iam/web.json")),
        "{found}"
    );
    // Named twice, judged once.
    let twice = place.run("lint specs/a.yaml specs/iam/web.json --select access --format json").rules();
    assert_eq!(twice, ["iam-missing-kms"]);
    place.write("specs/a.yaml", &spec.replace("iam/web.json", "iam/none.json, ../web.json, iam/web.txt"));
    let run = place.run("lint specs");
    assert_eq!(run.code, 2);
    for said in ["`../web.json` does not lie beside or below this file", "`iam/web.txt` is no JSON file", "a.yaml:5:15"]
    {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
    place.write("specs/a.yaml", &spec.replace("iam/web.json", "iam/none.json, iam/out.json"));
    place.write("out.json", policy);
    std::os::unix::fs::symlink("../../out.json", place.path().join("specs/iam/out.json")).unwrap();
    let run = place.run("lint specs");
    assert_eq!(run.code, 2);
    for said in ["cannot read specs/iam/none.json: No such file", "a link out of the folder"] {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
}

#[test]
fn values_of_variables_are_read_once_and_their_mistakes_told() {
    let spec = "apiVersion: tidegate/v1\npipeline: demo\nstreams: { clicks: { retention: \"${var:DAYS}d\" } }\n";
    let place = Place::with(&[("a.yaml", spec), ("good.yaml", "DAYS: 7\n"), ("bad.yaml", "DAYS: [7]\n")]);
    assert_ne!(place.run("lint a.yaml --var-file good.yaml").code, 2);
    let run = place.run("lint a.yaml --var-file bad.yaml --format github");
    assert_eq!(run.code, 2);
    let told = "::error file=bad.yaml,line=1,endLine=1,col=7,endColumn=10,title=wrong-type::";
    assert!(run.out.starts_with(told), "{}", run.out);
    assert_eq!(run.out.lines().count(), 1, "the spec is not blamed: {}", run.out);
    let run = place.run("lint a.yaml --var-file none.yaml");
    assert_eq!(run.code, 2);
    assert!(run.out.contains("cannot read none.yaml"), "{}", run.out);
}

#[test]
fn lint_says_all_that_is_wrong_with_a_spec_at_once() {
    let spec = "apiVersion: tidegate/v1\npipeline: demo\nstreams: { a: { retention: 25 } }\naccess: { web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: nowhere }] } }\ntags: { note: \"${env:HOME}\" }\n";
    let place = Place::with(&[("a.yaml", spec)]);
    let rules = place.run("lint a.yaml --format json").rules();
    assert_eq!(rules.len(), 3, "{rules:?}");
}

#[test]
fn a_fix_never_makes_a_mistake_of_the_spec() {
    // The AWS-managed key that would mend it cannot be used by the account that shares the stream.
    let shared = BAD.replace("key: none }", "key: none }\n    share: [{ account: \"210987654321\", can: read }]");
    let place = Place::with(&[("a.yaml", &shared)]);
    let run = place.run("lint a.yaml --fix --select stream-unencrypted");
    assert_eq!((run.code, place.read("a.yaml")), (1, shared), "{}", run.out);
    assert!(run.out.contains("the accounts that share the stream"), "{}", run.out);
}

/// What one file was mended of is not what another has now, though both describe the same pipeline.
#[test]
fn files_that_swap_their_findings_bring_new_ones() {
    let spec = |key: &str| BAD.replace("key: none", &format!("key: {key}"));
    let place = Place::with(&[("dev/shop.yaml", &spec("none")), ("prod/shop.yaml", &spec("aws"))]);
    place.git("init -q -b main");
    place.git("add -A");
    place.git("commit -q -m first");
    assert_eq!(place.run("lint . --select security --write-baseline base.json").code, 0);
    place.write("dev/shop.yaml", &spec("aws"));
    place.write("prod/shop.yaml", &spec("none"));
    for known in [". --since main", ". --baseline base.json", "prod --baseline base.json"] {
        let run = place.run(&format!("lint {known} --select security --format json"));
        assert_eq!((run.rules(), run.code), (vec!["stream-unencrypted".to_owned()], 1), "{known}");
    }
    place.git("checkout -q .");
    place.git("mv dev/shop.yaml dev/store.yaml");
    assert_eq!(place.run("lint . --select security --baseline base.json").code, 0, "a renamed file is known");
}

/// What a file is beside its words is nobody's to mend.
#[test]
fn fixes_keep_line_endings_and_byte_order_marks() {
    let place = Place::with(&[("a.yaml", &format!("\u{FEFF}{}", BAD.replace('\n', "\r\n")))]);
    place.run("lint a.yaml --fix=unsafe --persona auditor");
    let after = place.read("a.yaml");
    assert!(after.starts_with("\u{FEFF}apiVersion"), "{after:?}");
    assert!(!after.replace("\r\n", "").contains('\n') && after.contains("key: aws"), "{after:?}");
    assert!(after.lines().count() > BAD.lines().count(), "a line was added: {after:?}");
}

#[test]
fn many_fixes_are_made_at_once() {
    let streams: String = (0..300).map(|nth| format!("  s{nth:03}: {{ encryption: {{ key: none }} }}\n")).collect();
    let spec = format!("apiVersion: tidegate/v1\npipeline: demo\nregion: eu-west-1\nstreams:\n{streams}");
    let place = Place::with(&[("a.yaml", &spec)]);
    let begun = std::time::Instant::now();
    let run = place.run("lint a.yaml --fix --select stream-unencrypted");
    assert!(run.err.contains("mended 300 findings"), "{}", run.err);
    assert_eq!(place.read("a.yaml"), spec.replace("key: none", "key: aws"));
    println!("300 fixes took {:?}", begun.elapsed());
}

#[test]
fn dollars_are_those_of_the_prices_that_are_given() {
    let spec = "apiVersion: tidegate/v1\npipeline: demo\nstreams:\n  clicks: { capacity: { mode: provisioned, shards: { min: 2, max: 200 } } }\n";
    let prices = "kinesis.shardHour: 0.15\n";
    let place = Place::with(&[("a.yaml", spec), ("prices.yaml", prices), ("wrong.yaml", "kinesis.shardHuor: 1\n")]);
    let command = "lint a.yaml --select range-dear-at-max --persona auditor";
    assert!(!place.run(command).out.contains("range-dear-at-max"));
    let run = place.run(&format!("{command} --prices prices.yaml"));
    assert!(
        run.out.contains("at 200 shards stream `clicks` costs 21900 dollars a month, at 2 shards 219"),
        "{}",
        run.out
    );
    assert!(!run.err.contains("us-east-1"), "{}", run.err);
    place.write("a.yaml", &spec.replace("200", "2000"));
    let run = place.run(command);
    assert!(run.err.contains("dollars are at the prices of us-east-1"), "{}", run.err);
    let run = place.run(&format!("{command} --prices wrong.yaml"));
    assert_eq!((run.code, run.err.contains("nothing is priced by `kinesis.shardHuor`")), (2, true), "{}", run.err);
}

#[test]
fn arguments_that_cannot_both_be_meant_are_refused() {
    let place = Place::with(&[("a.yaml", BAD), ("tidegate.toml", "[lint]\nprotected = [\"secrity\"]\n")]);
    assert_eq!(place.run("lint a.yaml --diff --write-baseline base.json").code, 2);
    assert!(!place.path().join("base.json").exists());
    assert!(place.run("lint a.yaml").err.contains("did you mean `security`?"));
    place.write("tidegate.toml", "[lint]\n");
    std::fs::remove_file(place.path().join("a.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere.yaml", place.path().join("a.yaml")).unwrap();
    let run = place.run("lint .");
    assert!(run.out.contains("1 error in 1 file"), "{}", run.out);
}
