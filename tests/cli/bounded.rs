//! Files without an end: a clear error, in little memory, wherever a file can be named.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Kilobytes of address space: the largest file that may be read whole, a trace of 400 MB, has room in it while it grows.
const ROOM: u32 = 4_000_000;
const SPEC: &str = "apiVersion: tidegate/v1\npipeline: p\nstreams: { s: { capacity: { mode: provisioned, shards: { min: 1, max: 4 } } } }\n";

/// Arguments, variables, the exit code, and what is said.
type Case = (String, &'static [(&'static str, &'static str)], i32, &'static str);

fn bounded(folder: &Path, words: &str, surroundings: &[(&str, &str)]) -> Output {
    let mut command = Command::new("sh");
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.envs(surroundings.iter().copied());
    command.args(["-c", &format!("ulimit -v {ROOM}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tidegate")]);
    command.args(words.split(' ')).stdin(Stdio::null()).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_file_without_end_is_refused_wherever_one_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::write(at.join("tidegate.yaml"), SPEC).expect("a file");
    symlink("/dev/zero", at.join("zero")).expect("a link");
    for (name, head, gib) in [("hole.json", "", 20), ("hole.ledger", "", 20), ("torn.ledger", "tidegate-ledger 1\n", 2)]
    {
        let mut file = std::fs::File::create(at.join(name)).expect("a file");
        file.write_all(head.as_bytes()).expect("a head");
        file.set_len(gib << 30).expect("a sparse file");
    }
    let local = "--cloud local:c.json";
    let applied = bounded(at, &format!("apply -y {local}"), &[]);
    assert!(applied.status.success(), "{}", said(&applied));
    let cases: [Case; 16] = [
        (format!("apply -y {local} zero"), &[], 5, "more than 256 MiB, so it is no plan"),
        (format!("apply -y {local} hole.json"), &[], 5, "more than 256 MiB, so it is no plan"),
        (format!("plan {local} -f zero"), &[], 1, "too-large"),
        (format!("plan {local} --var-file zero"), &[], 1, "too-large"),
        (format!("plan {local} --prices zero"), &[], 1, "more than 1 MiB"),
        ("plan --cloud local:hole.json".into(), &[], 1, "more than 2048 MiB"),
        ("plan --region eu-west-1".into(), &[("AWS_CA_BUNDLE", "zero")], 1, "more than 16 MiB"),
        ("lint --config zero".into(), &[], 2, "more than 1 MiB"),
        ("lint --baseline zero".into(), &[], 2, "more than 64 MiB"),
        ("simulate --trace zero".into(), &[], 1, "more than 400 MiB"),
        ("simulate --demand hole.json".into(), &[], 1, "more than 400 MiB"),
        (format!("run --ticks 1 --speed max {local} --ledger zero"), &[], 1, "no file that could be written"),
        (format!("run --ticks 1 --speed max {local} --ledger hole.ledger"), &[], 1, "does not begin as a ledger"),
        (format!("status {local} --ledger zero"), &[], 0, "does not begin as a ledger"),
        (format!("history {local} --ledger zero"), &[], 1, "does not begin as a ledger"),
        (format!("history {local} --ledger hole.ledger"), &[], 1, "does not begin as a ledger"),
    ];
    for (words, surroundings, code, bound) in cases {
        let output = bounded(at, &words, surroundings);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words}: {said}");
        assert!(said.contains(bound), "{words}: `{bound}` is not said in {said}");
    }
    // A profile is looked for in files that may have no end either.
    let surroundings = [("AWS_CONFIG_FILE", "hole.json"), ("AWS_PROFILE", "web")];
    let output = bounded(at, "plan --region eu-west-1", &surroundings);
    assert!(said(&output).contains("there is no profile `web`"), "{}", said(&output));
    // The end of this ledger was never written: it is cut off, as any torn line.
    let output = bounded(at, &format!("run --ticks 1 --speed max {local} --ledger torn.ledger"), &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(std::fs::metadata(at.join("torn.ledger")).expect("the ledger").len() < 1 << 20);
    assert!(!at.join("zero.lock").exists(), "nothing is left beside a device");
}

#[test]
fn a_pipe_is_read_and_one_that_nobody_writes_to_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let made = Command::new("mkfifo").arg(at.join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    for words in ["plan --cloud local:d.json -f pipe", "apply -y --cloud local:c.json pipe", "history --ledger pipe"] {
        let output = bounded(at, words, &[]);
        assert!(!output.status.success(), "{words}: {}", said(&output));
        assert!(said(&output).contains("nobody writes to it"), "{words}: {}", said(&output));
    }
    // As `plan -f <(make-a-spec)` of a shell: by a name of its own, and as an open file.
    let pipe = at.join("pipe");
    let writer = std::thread::spawn(move || std::fs::write(pipe, SPEC));
    let output = bounded(at, "plan --cloud local:d.json -f pipe", &[]);
    writer.join().expect("the writer").expect("somebody reads");
    assert!(output.status.success() && said(&output).contains("create stream/s"), "{}", said(&output));
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(SPEC.as_bytes()).expect("room for a spec");
    drop(writer);
    let mut command = super::program(at);
    let output = command.args(["plan", "--cloud", "local:d.json", "-f", "/dev/fd/0"]).stdin(reader).output();
    let output = output.expect("the program starts");
    assert!(output.status.success() && said(&output).contains("create stream/s"), "{}", said(&output));
}
