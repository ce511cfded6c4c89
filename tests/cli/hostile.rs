//! Whatever it is given to read: a clear error, soon, in little memory, and never a panic.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// No text takes longer than this, in a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// Kilobytes of address space. A program that read a file of 1 GB into memory would not come through.
const ROOM: u32 = 800_000;

fn plan(folder: &Path, more: &[&str]) -> Output {
    let start = Instant::now();
    let mut command = Command::new("sh");
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.args(["-c", &format!("ulimit -v {ROOM}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tidegate")]);
    command.args(["plan", "--cloud", "local:cloud.json"]).args(more);
    let output = command.output().expect("the program starts");
    assert!(start.elapsed() < SOON, "{more:?} took {:?}", start.elapsed());
    output
}

/// The error says `code`, and names `what`.
fn refused(folder: &Path, more: &[&str], code: &str, what: &str) {
    let output = plan(folder, more);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{more:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.contains(&format!("error[{code}]")), "{more:?}: {code} is not said in {said}");
    assert!(said.contains(what), "{more:?}: {what} is not said in {said}");
    assert!(said.len() < 100_000, "{more:?}: {} bytes of errors", said.len());
}

#[test]
fn hostile_files_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let head = "apiVersion: tidegate/v1\npipeline: p\n";
    let write = |name: &str, bytes: &[u8]| std::fs::write(at.join(name), bytes).expect("the file can be written");
    let sparse = std::fs::File::create(at.join("huge.yaml")).expect("a file");
    sparse.set_len(1 << 30).expect("a sparse file of 1 GiB");
    refused(at, &["-f", "huge.yaml"], "too-large", "huge.yaml");
    write("deep.yaml", "[".repeat(100_000).as_bytes());
    refused(at, &["-f", "deep.yaml"], "too-deep", "deep.yaml");
    write("nested.yaml", format!("{head}streams: {}{}", "{a: ".repeat(100_000), "}".repeat(100_000)).as_bytes());
    refused(at, &["-f", "nested.yaml"], "too-deep", "nested.yaml");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
    }
    write("bomb.yaml", bomb.as_bytes());
    refused(at, &["-f", "bomb.yaml"], "too-large", "bomb.yaml");
    write("tab.yaml", format!("{head}streams:\n\tclicks: {{}}\n").as_bytes());
    refused(at, &["-f", "tab.yaml"], "tab-indentation", "tab.yaml:4");
    write("latin.yaml", b"apiVersion: tidegate/v1\npipeline: caf\xe9\n");
    refused(at, &["-f", "latin.yaml"], "not-utf8", "(line 2, column 14)");
    write("twice.yaml", format!("{head}streams: {{}}\nstreams: {{}}\n").as_bytes());
    refused(at, &["-f", "twice.yaml"], "duplicate-key", "twice.yaml:4");
    write("one.yaml", head.as_bytes());
    write("two.yaml", head.as_bytes());
    refused(at, &["-f", "one.yaml", "-f", "two.yaml"], "duplicate-pipeline", "two.yaml:2");
    refused(at, &["-f", "nowhere.yaml"], "unreadable", "nowhere.yaml");
    // The kernel lets it be opened and not be read.
    refused(at, &["-f", "/proc/self/mem"], "unreadable", "/proc/self/mem");
}

#[test]
fn folders_that_lead_in_circles_come_to_an_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::create_dir_all(at.join("specs/deeper")).expect("a folder");
    symlink("..", at.join("specs/deeper/up")).expect("a link");
    symlink("loop.yaml", at.join("specs/loop.yaml")).expect("a link to itself");
    refused(at, &["-f", "specs"], "unreadable", "specs/loop.yaml");
    refused(at, &["-f", "specs/loop.yaml"], "unreadable", "specs/loop.yaml");
    std::fs::remove_file(at.join("specs/loop.yaml")).expect("it can be removed");
    refused(at, &["-f", "specs"], "unreadable", "there is no .yaml or .yml file");
    std::fs::write(at.join("specs/p.yaml"), "apiVersion: tidegate/v1\npipeline: p\nstreams: { s: {} }\n")
        .expect("a file");
    let output = plan(at, &["-f", "specs"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("create stream/s"));
}

#[test]
fn files_of_other_systems_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "\u{feff}apiVersion: tidegate/v1\r\npipeline: p\r\nstreams:\r\n  clicks: {}\r\n";
    std::fs::write(folder.path().join("dos.yaml"), text).expect("a file");
    let output = plan(folder.path(), &["-f", "dos.yaml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("create stream/clicks"));
}

const SPEC: &str = "apiVersion: tidegate/v1\npipeline: p\nstreams: { s: {} }\n";

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Always through a link in a folder of the test's own: a program that is wrong replaces the link and not the device.
#[test]
fn a_full_disk_is_told_and_devices_stay_devices() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::write(at.join("tidegate.yaml"), SPEC).expect("a file");
    for device in ["full", "null", "stdout"] {
        symlink(Path::new("/dev").join(device), at.join(device)).expect("a link");
    }
    let run = |words: &str| super::program(at).args(words.split(' ')).output().expect("a run");
    // A 1 of lint means that something was found.
    for (words, code) in [("plan --cloud local:c.json --out full", 1), ("lint --format json=full", 2)] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains("writing full: No space left on device"), "{}", said(&output));
    }
    let output = run("plan -q --cloud local:c.json --out stdout");
    assert!(output.status.success() && said(&output).contains("{\"plan\":"), "{}", said(&output));
    let output = run("apply -y --cloud local:null");
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(said(&output).contains("null is no file"), "{}", said(&output));
    for device in ["full", "null"] {
        let kind = std::fs::metadata(at.join(device)).expect(device).file_type();
        assert!(at.join(device).is_symlink() && kind.is_char_device(), "{device} is still what it was");
    }
}

#[test]
fn a_plan_is_written_through_a_link_and_an_old_one_stays_where_it_cannot_be() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::write(at.join("tidegate.yaml"), SPEC).expect("a file");
    std::fs::create_dir(at.join("deeper")).expect("a folder");
    std::fs::write(at.join("deeper/real.json"), r#"{"plan":{"#).expect("a file");
    symlink("deeper/real.json", at.join("p.json")).expect("a link");
    assert!(plan(at, &["--out", "p.json"]).status.success());
    assert!(at.join("p.json").is_symlink(), "the link stays one");
    assert!(std::fs::read_to_string(at.join("deeper/real.json")).expect("a plan").starts_with("{\"plan\""));
    for (target, why) in [("nowhere/p.json", "No such file or directory"), ("deeper", "Is a directory")] {
        let output = plan(at, &["--out", target]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(&format!("writing {target}: {why}")), "{}", said(&output));
    }
}

#[test]
fn surroundings_that_lack_everything_change_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("a file");
    let run = |surroundings: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(folder.path()).env_clear().envs(surroundings.iter().copied());
        command.args(["plan", "--cloud", "local:c.json"]).output().expect("the program starts")
    };
    let usual = run(&[("HOME", "/"), ("LANG", "en_US.UTF-8")]);
    assert!(usual.status.success(), "{}", said(&usual));
    // No home, no path, no terminal; locales that are not there, write other capitals, or are no words at all.
    for strange in [
        &[][..],
        &[("HOME", "")],
        &[("HOME", "/nowhere"), ("LANG", "tr_TR.UTF-8")],
        &[("LC_ALL", "C")],
        &[("LC_ALL", "POSIX"), ("TERM", "dumb")],
        &[("LANG", "ja_JP.SJIS"), ("TERM", "nonsense")],
        &[("LC_ALL", "\u{1F30A}"), ("COLUMNS", "many"), ("TZ", "Nowhere/None")],
    ] {
        let output = run(strange);
        assert_eq!(said(&output), said(&usual), "{strange:?}");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("a file");
    for words in ["plan", "lint", "lint --list-rules", "schema", "man", "--help", "demo"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = super::program(folder.path());
        command.env("TIDEGATE_CLOUD", "local:c.json").args(words.split(' ')).stdout(writer);
        let output = command.output().expect("a run");
        assert_eq!(output.status.code(), Some(0), "{words}: {}", said(&output));
        assert!(!said(&output).contains("error"), "{words}: {}", said(&output));
    }
}
