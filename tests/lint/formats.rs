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
