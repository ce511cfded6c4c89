//! What programs read.

use serde_json::Value;

use super::{BAD, Place};

#[test]
fn sarif_fits_the_official_schema() {
    // The published pattern of languages is no regular expression: its `]` closes what nothing has opened.
    let text = include_str!("../support/sarif-2.1.0.schema.json")
        .replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let silenced = BAD.replace("streams:", "# tidegate: ignore[untagged] reason=\"a test\"\nstreams:");
    let place = Place::with(&[
        ("specs/a file.yaml", &silenced),
        ("specs/b.yaml", "apiVersion: tidegate/v1\npipeline: b\nstreams: { a: { nonsense: 1 } }\n"),
        ("policies/broken.rego", "package a\np := [\n"),
    ]);
    let run = place.run("lint specs --persona auditor --format sarif --no-suppressions");
    assert_eq!(run.code, 3);
    let sarif: Value = serde_json::from_str(&run.out).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&sarif).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0]);
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    let finding = results.iter().find(|result| result["ruleId"] == "stream-unencrypted").unwrap();
    let place = &finding["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "specs/a%20file.yaml");
    assert_eq!(place["region"].to_string(), r#"{"endColumn":28,"endLine":6,"startColumn":24,"startLine":6}"#);
    let rule = &run["tool"]["driver"]["rules"][finding["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(
        (rule["id"].as_str(), rule["properties"]["security-severity"].as_str()),
        (Some("stream-unencrypted"), Some("8.0"))
    );
    assert!(results.iter().any(|result| result["suppressions"][0]["justification"] == "a test"));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn fingerprints_survive_a_hundred_lines() {
    let moved = format!("{}{BAD}", "# more\n".repeat(100));
    let place = Place::with(&[("a.yaml", BAD), ("moved/a.yaml", &moved)]);
    let prints = |command: &str| -> Vec<String> {
        let json: Value = serde_json::from_str(&place.run(command).out).unwrap();
        json["findings"].as_array().unwrap().iter().map(|one| one["fingerprint"].to_string()).collect()
    };
    let before = prints("lint a.yaml --persona auditor --format json");
    assert!(before.len() > 3);
    assert_eq!(before, prints("lint moved/a.yaml --persona auditor --format json"));
}

/// Code scanning takes results with one fingerprint for one alert.
#[test]
fn equal_findings_of_a_file_are_told_apart() {
    let topic = |name: &str| format!("\"arn:aws:sns:eu-west-1:123456789012:{name}\"");
    let spec = |topics: &str| {
        format!("apiVersion: tidegate/v1\npipeline: demo\nstreams: {{}}\ndefaults:\n  notify:\n{topics}\n")
    };
    let two = format!("    - {}\n    - {}", topic("a"), topic("b"));
    let place = Place::with(&[("a.yaml", &spec(&two))]);
    let prints = |form: &str| -> Vec<String> {
        let run = place.run(&format!("lint a.yaml --select hard-coded-account --format {form}"));
        let json: Value = serde_json::from_str(&run.out).unwrap();
        let (all, at) = match form {
            "sarif" => (&json["runs"][0]["results"], "/partialFingerprints/primaryLocationLineHash"),
            _ => (&json["findings"], "/fingerprint"),
        };
        all.as_array().unwrap().iter().map(|one| one.pointer(at).unwrap().as_str().unwrap().to_owned()).collect()
    };
    let before = prints("sarif");
    assert_eq!(before.len(), 2);
    assert_eq!(before[1], format!("{}:2", before[0]));
    assert_eq!(prints("json"), before);
    let first = format!("    - {} # tidegate: ignore[hard-coded-account] reason=x\n    - {}", topic("a"), topic("b"));
    place.write("a.yaml", &spec(&first));
    assert_eq!(prints("sarif"), before[1..], "a comment changes nobody else's");
}

#[test]
fn several_forms_in_one_run() {
    let place = Place::with(&[("a.yaml", BAD)]);
    let run = place.run("lint a.yaml --format github --format sarif=out.sarif --format junit=out.xml --format markdown=out.md --format json=out.json");
    let line = run.out.lines().find(|line| line.contains("stream-unencrypted")).unwrap();
    assert!(
        line.starts_with("::error file=a.yaml,line=5,endLine=5,col=24,endColumn=28,title=stream-unencrypted::"),
        "{line}"
    );
    assert!(place.read("out.sarif").contains("\"2.1.0\""));
    assert!(place.read("out.xml").contains("<testsuite name=\"a.yaml\""));
    assert!(place.read("out.md").contains("| 🔴 | `a.yaml:5` |"));
    assert!(place.read("out.json").contains("\"format_version\":1"));
}

/// Of many findings those are shown that matter most.
#[test]
fn what_is_cut_is_the_least_severe() {
    let streams: String = (0..40).map(|nth| format!("  s{nth:03}: {{}}\n")).collect();
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: demo\nregion: eu-west-1\nstreams:\n{streams}  worst: {{ encryption: {{ key: none }} }}\n"
    );
    let place = Place::with(&[("a.yaml", &spec)]);
    let run =
        place.run("lint a.yaml --persona auditor --format human --format markdown=out.md --format github=out.txt");
    assert!(run.out.contains("more, none of them worse"), "{}", run.out);
    assert!(run.out.starts_with("error[stream-unencrypted]"), "{}", run.out);
    assert!(place.read("out.md").contains("(`stream-unencrypted`)"));
    assert!(place.read("out.txt").starts_with("::error file=a.yaml"), "GitHub shows the first ten");
}

/// What cannot be read has a name in every form, and a position where it is no text.
#[test]
fn files_that_cannot_be_read_are_told_with_their_names() {
    let place = Place::with(&[("specs/good.yaml", BAD)]);
    std::os::unix::fs::symlink("nowhere.yaml", place.path().join("specs/gone.yaml")).unwrap();
    std::fs::write(place.path().join("specs/latin.yaml"), b"apiVersion: tidegate/v1\npipeline: caf\xE9\n").unwrap();
    std::fs::write(place.path().join("specs/nul.yaml"), b"apiVersion: tidegate/v1\n\npipe\0line: x\n").unwrap();
    let run = place.run("lint specs --select stream-unencrypted --format json --format github=out.txt");
    assert_eq!(run.code, 2);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let told: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["concern"] == "spec")
        .map(|one| format!("{} {}:{}:{}", one["rule"], one["file"], one["line"], one["column"]).replace('"', ""))
        .collect();
    let expected =
        ["unreadable specs/gone.yaml:null:null", "not-utf8 specs/latin.yaml:2:14", "nul-character specs/nul.yaml:3:5"];
    assert_eq!(told, expected);
    let lines = place.read("out.txt");
    for wanted in ["file=specs/gone.yaml,", "file=specs/latin.yaml,line=2", "file=specs/nul.yaml,line=3"] {
        assert!(lines.contains(wanted), "{wanted}: {lines}");
    }
}

/// What a rule calls a secret is not shown, whatever its form.
#[test]
fn found_secrets_are_not_shown() {
    // Put together here, so that nobody takes this file for one that holds them.
    let (id, rest) = (format!("AKIA{}", "IOSFODNN7EXAMPLE"), format!("wJalrXUtnFEMI/K7MDENG/{}", "bPxRfiCYEXAMPLEKEY"));
    for value in [format!("{id} {rest}"), format!("key {id} and {rest}"), "pwd: hunter2hunter2".to_owned()] {
        let spec = format!("{BAD}tags:\n  note: \"{value}\"\n");
        let place = Place::with(&[("a.yaml", &spec)]);
        let run = place.run("lint a.yaml --select secret-in-spec");
        assert_eq!(run.code, 1, "{}", run.out);
        assert!(run.out.contains("secret-in-spec") && run.out.contains("****"), "{}", run.out);
        for secret in [id.as_str(), rest.as_str(), "hunter2"] {
            assert!(!run.out.contains(secret), "{}", run.out);
        }
    }
}
