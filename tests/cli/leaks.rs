//! Canaries in every field and in the environment: nothing that the program writes may sing.

use std::path::Path;

use super::program;

/// A value that fits no field, so that every one of them has something to say of it.
const CANARY: &str = "hunter2 canary! $ecret~";
/// What a search finds also where quotes or escapes stand around it.
const SONG: &str = "hunter2";
/// Every kind of resource with every sort of field, and the full example.
const SPECS: [&str; 2] = [include_str!("../laws/every_kind.yaml"), include_str!("../../specs/clickstream.yaml")];
const COMMANDS: [&str; 4] = [
    "plan -vv --out saved.plan",
    "plan --format json",
    "apply -y -vv --json",
    "lint -vv --persona auditor --format human --format json=l.json --format sarif=l.sarif --format junit=l.xml \
     --format github=l.txt --format markdown=l.md --write-baseline base.json",
];

/// The texts of a spec with each of its values in turn taken from a variable.
fn planted(spec: &str, variable: &str) -> Vec<String> {
    let tree: serde_json::Value = serde_yaml::from_str(spec).expect("a spec is YAML");
    let mut leaves = Vec::new();
    walk(&tree, "", &mut leaves);
    let plant = |pointer: &String| {
        let mut tree = tree.clone();
        *tree.pointer_mut(pointer).expect("the pointer is one of its own") = variable.into();
        // JSON is YAML.
        tree.to_string()
    };
    leaves.iter().filter(|pointer| *pointer != "/apiVersion").map(plant).collect()
}

fn walk(tree: &serde_json::Value, at: &str, leaves: &mut Vec<String>) {
    match tree {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| walk(value, &format!("{at}/{key}"), leaves))
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| walk(value, &format!("{at}/{index}"), leaves));
        }
        _ => leaves.push(at.to_owned()),
    }
}

/// Everything that a command says, and every file that it leaves behind.
fn traces(folder: &Path, words: &str, surroundings: &[(&str, &str)]) -> String {
    let output = program(folder)
        .env("TIDEGATE_CLOUD", "local:cloud.json")
        .envs(surroundings.iter().copied())
        .args(words.split_whitespace())
        .output()
        .expect("the program starts");
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains("panicked"), "{words}: {all}");
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        all += &std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
    }
    all
}

#[test]
fn no_field_tells_what_a_variable_holds() {
    let mut count = 0;
    for spec in SPECS {
        let texts = planted(spec, "${env:TOK}");
        count += texts.len();
        let check = |text: &String| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            std::fs::write(folder.path().join("tidegate.yaml"), text).expect("a file");
            for words in COMMANDS {
                let all = traces(folder.path(), words, &[("TOK", CANARY)]);
                assert!(!all.contains(SONG), "{words} of {text}:\n{all}");
                assert!(all.contains("${env:TOK}"), "the spec itself is among the traces");
            }
        };
        std::thread::scope(|scope| {
            for half in texts.chunks(texts.len().div_ceil(2)) {
                scope.spawn(move || half.iter().for_each(check));
            }
        });
    }
    assert!(count > 60, "{count} fields");
    println!("{count} fields, {} commands each", COMMANDS.len());
}

#[test]
fn credentials_of_the_environment_are_in_no_log_error_or_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPECS[0]).expect("a file");
    let surroundings = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2/secret+key"),
        ("AWS_SESSION_TOKEN", "hunter2-session-token"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("SPLUNK_TOKEN", "hunter2-splunk"),
        ("WEBHOOK_URL", "https://hooks.example.com/hunter2"),
        ("TIDEGATE_LOG", "trace"),
    ];
    // Nobody listens there, so that the errors of the SDK are told as well.
    let nowhere = "--cloud aws --region eu-west-1 --endpoint-url http://127.0.0.1:1";
    for words in COMMANDS.into_iter().map(str::to_owned).chain([
        format!("plan -vv {nowhere}"),
        format!("apply -y -vv --json {nowhere}"),
        format!("drift -vv {nowhere}"),
        format!("import -vv --stream clicks {nowhere}"),
        // The SDK tells addresses in its logs.
        format!("plan -vv {}", nowhere.replace("http://", "http://user:hunter2@")),
    ]) {
        let all = traces(folder.path(), &words, &surroundings);
        assert!(!all.contains(SONG), "{words}:\n{all}");
    }
}
