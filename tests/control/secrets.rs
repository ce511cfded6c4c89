//! Canaries around a controller: in its environment, its token and its webhooks. Nothing that it writes, logs at
//! its loudest or answers over HTTP may sing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::serve::ask;
use crate::support::emulators;

/// In every secret, and where nothing else has it.
const SONG: &str = "hunter2";
const TOKEN: &str = "hunter2-token-of-32-characters-or-more";
/// Nobody listens there, so that what goes wrong with a message is told as well.
const WEBHOOK: &str = "http://127.0.0.1:1/services/hunter2?key=hunter2";
const PATIENCE: Duration = Duration::from_secs(60);

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: hushed
region: eu-west-1
alarms: { off: true }
defaults: { key: none, onRemoval: delete }
streams:
  hushed: { capacity: { mode: provisioned, shards: { min: 2, max: 64 } } }
";

/// The program with secrets all around it.
fn program(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("TIDEGATE_LOG", "trace");
    command.env("AWS_SECRET_ACCESS_KEY", "hunter2/secret+key").env("AWS_SESSION_TOKEN", "hunter2-session");
    command.env("TIDEGATE_TOKEN", TOKEN).env("TIDEGATE_NOTIFY", WEBHOOK);
    command.env("SPLUNK_TOKEN", "hunter2-splunk").env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_MAX_ATTEMPTS", "1");
    command.args(words.split_whitespace());
    command
}

/// Starts it with its output in a file of its folder; `name` is the file's.
fn start(folder: &Path, name: &str, command: &mut Command) -> Child {
    let file = File::create(folder.join(name)).expect("a file");
    command.stdout(file.try_clone().expect("the same file")).stderr(file).spawn().expect("it starts")
}

fn wait(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("the spec can be written");
    folder
}

/// Every file of the folder.
fn written(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = std::fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
    files.map(|path| (path.clone(), String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into())).collect()
}

fn is_silent(what: &str, text: &str) {
    let line = text.lines().find(|line| line.contains(SONG));
    assert!(line.is_none(), "{what}: {line:?}");
    assert!(!text.contains("panicked"), "{what}: {text}");
}

#[test]
fn a_running_controller_tells_no_secret() {
    let folder = folder();
    let at = folder.path();
    let made = program(at, "apply -y --cloud local:cloud.json").output().expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let words = "run -vv --json --speed 600 --traffic 12 --tick 1m --drift 5m --heal --apply --prune \
                 --listen 127.0.0.1:0 --cloud local:cloud.json";
    let mut child = start(at, "log", &mut program(at, words));
    let log = || std::fs::read_to_string(at.join("log")).unwrap_or_default();
    let listen = || log().split("\"listen\":\"").nth(1).and_then(|rest| Some(rest.split_once('"')?.0.to_owned()));
    wait("it listens", || listen().is_some());
    let address = listen().expect("an address");
    wait("a message fails", || log().contains("a notification is sent again"));
    for header in [&format!("Authorization: Bearer {TOKEN}"), "Authorization: Bearer hunter2-of-somebody-else"] {
        for path in
            ["/", "/metrics", "/api/report", "/api/streams", "/api/streams/hushed/hushed", "/healthz", "/readyz"]
        {
            let answer = ask(&address, "GET", path, &[header]);
            assert!(!answer.body.is_empty(), "{path}: {}", answer.head);
            is_silent(path, &(answer.head + &answer.body));
        }
    }
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(asked.expect("kill starts").success());
    assert!(child.wait().expect("it ends").success(), "{}", log());
    for words in
        ["status --json", "history --json", "explain hushed", "drift --json", "plan --out saved.plan", "status -vv"]
    {
        let name = words.replace([' ', '-'], "");
        let mut command = program(at, &format!("{words} --cloud local:cloud.json"));
        start(at, &name, &mut command).wait().expect("it ends");
    }
    let written = written(at);
    let named = |name: &str| written.iter().any(|(path, text)| path.ends_with(name) && !text.is_empty());
    assert!(named("tidegate-ledger") && named("saved.plan") && named("log") && named("explainhushed"), "{written:?}");
    written.iter().for_each(|(path, text)| is_silent(&path.to_string_lossy(), text));
}

#[test]
fn a_controller_of_an_account_tells_no_secret() {
    let folder = folder();
    let at = folder.path();
    let aws = format!("--cloud aws --region eu-west-1 --endpoint-url {}", emulators::ministack().url);
    let run = |name: &str, words: &str, more: &[(&str, &str)]| {
        let mut command = program(at, words);
        command.env("AWS_ACCESS_KEY_ID", "510000000061").envs(more.iter().copied());
        start(at, name, &mut command).wait().expect("it ends").code()
    };
    let text = |name: &str| std::fs::read_to_string(at.join(name)).expect("what it said");
    assert_eq!(run("apply", &format!("apply -y -vv {aws}"), &[]), Some(0), "{}", text("apply"));
    assert_eq!(run("run", &format!("run -vv --ticks 1 {aws}"), &[]), Some(0), "{}", text("run"));
    let nowhere = "run -vv --ticks 1 --cloud aws --region eu-west-1 --endpoint-url http://127.0.0.1:1";
    assert_ne!(run("nowhere", nowhere, &[]), Some(0));
    assert_ne!(run("password", &nowhere.replace("http://", "http://user:hunter2@"), &[]), Some(0));
    let table = format!("run -vv --ticks 1 --ledger dynamodb:no-such-table-of-ours {aws}");
    assert_ne!(run("table", &table, &[]), Some(0), "{}", text("table"));
    // The way through a proxy of the house, which asks for a password.
    let proxies =
        [("HTTP_PROXY", "http://user:hunter2@127.0.0.1:1"), ("HTTPS_PROXY", "http://user:hunter2@127.0.0.1:1")];
    run("proxy", &format!("run -vv --ticks 1 {aws}"), &proxies);
    let given = "run -vv --ticks 1 --cloud local:cloud.json --notify ftp://hooks.example.com/hunter2";
    assert_ne!(run("address", given, &[("TIDEGATE_NOTIFY", "")]), Some(0));
    let destroy = format!("destroy -y -vv --allow-data-loss=stream/hushed {aws}");
    assert_eq!(run("destroy", &destroy, &[]), Some(0), "{}", text("destroy"));
    let written = written(at);
    assert!(written.len() >= 9 && text("run").contains("hushed") && text("nowhere").contains("error: "));
    written.iter().for_each(|(path, text)| is_silent(&path.to_string_lossy(), text));
}
