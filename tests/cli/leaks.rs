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

/// What a controller says, writes and serves while it resizes, with secrets all around it.
#[test]
fn a_controller_tells_no_secret_in_its_log_ledger_or_page() {
    use crate::serve::running::ask;
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = "apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\nstreams:\n  clicks: { capacity: { mode: provisioned, shards: { min: 1, max: 64 } } }\n";
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("a file");
    let surroundings = [
        ("AWS_SECRET_ACCESS_KEY", "hunter2/secret+key"),
        ("AWS_SESSION_TOKEN", "hunter2-session-token"),
        ("TIDEGATE_TOKEN", "hunter2-token-of-the-port"),
        // Nobody listens there, so that the failure is told, too.
        ("TIDEGATE_NOTIFY", "http://127.0.0.1:1/services/hunter2"),
        ("TIDEGATE_LOG", "trace"),
    ];
    traces(folder.path(), "apply -y", &surroundings);
    let words = "run -vv --json --traffic 12 --speed 1200 --listen 127.0.0.1:0";
    let mut command = program(folder.path());
    command.env("TIDEGATE_CLOUD", "local:cloud.json").envs(surroundings).args(words.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let errors = child.stderr.take().expect("a pipe");
    let errors = std::thread::spawn(move || {
        let mut said = String::new();
        let _ = BufReader::new(errors).read_to_string(&mut said);
        said
    });
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut all = String::new();
    lines.read_line(&mut all).expect("it has started");
    let started: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    let address = started["listen"].as_str().expect("an address").to_owned();
    while !all.contains("\"settled\"") {
        assert!(lines.read_line(&mut all).expect("it goes on") > 0, "it ended: {all}");
    }
    for path in
        ["/", "/healthz", "/readyz", "/metrics", "/api/report", "/api/streams", "/api/streams/shop/clicks", "/nowhere"]
    {
        for headers in [&["Authorization: Bearer hunter2-token-of-the-port"][..], &["Authorization: Bearer wrong"], &[]]
        {
            let answer = ask(&address, "GET", path, headers);
            all += &(answer.head + &answer.body);
        }
    }
    child.kill().expect("it can be ended");
    let _ = lines.read_to_string(&mut all);
    child.wait().expect("it ends");
    all += &errors.join().expect("no panic");
    for words in ["status --json", "explain clicks", "history --json", "status"] {
        all += &traces(folder.path(), words, &surroundings);
    }
    assert!(all.contains("tidegate_") && all.contains("\"is\":\"calling\""), "metrics and ledger are among the traces");
    assert!(
        !all.contains(SONG),
        "{}",
        all.lines().filter(|line| line.contains(SONG)).take(5).collect::<Vec<_>>().join("\n")
    );
}
