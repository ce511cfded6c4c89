//! Ctrl-C and SIGTERM: once finishes the steps in flight and says what is left, twice drops them; applying again continues.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::program;
use crate::support::emulators;

/// Streams are created five at a time, as AWS allows, so that some are left when the first are under way.
const STREAMS: usize = 12;

struct Run {
    folder: tempfile::TempDir,
    account: &'static str,
}

impl Run {
    fn new(account: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut spec = "apiVersion: tidegate/v1\npipeline: many\nregion: eu-west-1\nalarms: { off: true }\n".to_owned();
        spec += "defaults: { key: none, onRemoval: delete }\nstreams:\n";
        for number in 0..STREAMS {
            spec += &format!("  s{number:02}: {{ capacity: {{ mode: provisioned, shards: 1 }}, retention: 48h }}\n");
        }
        std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
        Self { folder, account }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.envs(emulators::ministack().env()).env("AWS_ENDPOINT_URL_KINESIS", &emulators::kinesis_local().url);
        command.env("AWS_ACCESS_KEY_ID", self.account).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Applies and sends it a signal `times` once the first streams are under way; answers the exit code and all it said.
    fn stopped(&self, signal: &str, args: &[&str], times: usize) -> (Option<i32>, String) {
        let mut child = self.command(args).spawn().expect("the program starts");
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        while !said.contains("  …    create stream/") && !said.contains("\"calling\"") {
            assert!(out.read_line(&mut said).expect("it can be read") > 0, "it ended too early: {said}");
        }
        let mut errors = BufReader::new(child.stderr.take().expect("a pipe"));
        for _ in 0..times {
            send(signal, &child);
            // Two signals that wait at the same time are one.
            errors.read_line(&mut said).expect("it can be read");
        }
        out.read_to_string(&mut said).expect("it can be read");
        errors.read_to_string(&mut said).expect("it can be read");
        let status = child.wait().expect("it ends");
        (status.code(), said)
    }

    fn quiet(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.command(args).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    }

    /// Applying again does the rest, and nothing twice.
    fn continues(&self) {
        let (code, said) = self.quiet(&["apply", "-y"]);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = self.quiet(&["plan", "--detailed-exitcode"]);
        assert_eq!(code, Some(0), "{said}");
        let all: Vec<String> = (0..STREAMS).map(|number| format!("--allow-data-loss=s{number:02}")).collect();
        let mut destroy = vec!["destroy", "-y"];
        destroy.extend(all.iter().map(String::as_str));
        let (code, said) = self.quiet(&destroy);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("many: {STREAMS} done.")), "{said}");
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// What one signal of this kind leads to.
fn finishes_what_is_in_flight(signal: &str, account: &'static str) {
    let run = Run::new(account);
    // The emulator counts what all create at the same time: where other tests have all the places, nothing is in flight.
    let done = (0..5).any(|_| {
        let (code, said) = run.stopped(signal, &["apply", "-y"], 1);
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("Stopping: the steps in flight are finished."), "{said}");
        assert!(!said.contains("FAIL"), "{said}");
        let count = |what: &str| said.lines().filter(|line| line.starts_with(what)).count();
        let (done, left) = (count("  ok   created stream/"), count("  left create stream/"));
        assert!(left > 0, "{said}");
        assert_eq!(done + left, STREAMS, "{said}");
        assert!(said.contains(&format!("many: {done} done, {left} not done.")), "{said}");
        done > 0
    });
    assert!(done, "five times nothing was in flight");
    run.continues();
}

#[test]
fn once_finishes_what_is_in_flight_and_says_what_is_left() {
    finishes_what_is_in_flight("-INT", "700000009001");
}

#[test]
fn sigterm_does_the_same() {
    finishes_what_is_in_flight("-TERM", "700000009004");
}

#[test]
fn twice_drops_what_is_in_flight() {
    let run = Run::new("700000009002");
    let (code, said) = run.stopped("-INT", &["apply", "-y"], 2);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains(" done."), "it did not wait for an end: {said}");
    run.continues();
}

#[test]
fn events_say_what_is_left() {
    let run = Run::new("700000009003");
    let (code, said) = run.stopped("-INT", &["apply", "-y", "--json"], 1);
    assert_eq!(code, Some(130), "{said}");
    let events: Vec<serde_json::Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary = events.iter().find(|event| event["event"] == "summary").expect("a summary");
    let left = summary["left"].as_array().expect("a list");
    assert_eq!(Some(left.len() as u64), summary["not_done"].as_u64(), "{summary}");
    assert!(!left.is_empty() && left.iter().all(|left| left.as_str().is_some_and(|left| left.starts_with("stream/"))));
    run.continues();
}
