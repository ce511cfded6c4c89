//! Two at once: two applies, a hand that deletes, a resize that is under way. Nothing is doubled, and who loses says what happened.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{continued, folder_with, gone, is_as_described, program, run, spec, words};
use crate::support::emulators;
use crate::support::hand::Hand;

fn told(output: &Output) -> String {
    words(&(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)))
}

/// Both want to make everything, at the same moment.
#[test]
fn two_applies_at_the_same_moment_make_one_pipeline() {
    let (name, account, url) = ("both", "700000008031", &emulators::ministack().url);
    let folder = folder_with(&spec(name));
    let start = || program(folder.path(), account, url, &["apply", "-y"]).spawn().expect("the program starts");
    let (one, other) = (start(), start());
    let outputs = [one, other].map(|child| child.wait_with_output().expect("it ends"));
    for output in &outputs {
        let said = told(output);
        assert!(!said.contains("panicked"), "{said}");
        match output.status.code() {
            Some(0) => {}
            // The loser names the step and the way on.
            Some(1 | 4) => assert!(said.contains("FAIL ") && said.contains("Run the same command again"), "{said}"),
            other => panic!("{other:?}: {said}"),
        }
    }
    // What both have made must be one again after a third, which may have to tidy up behind the loser.
    continued(folder.path(), account, "after two at once");
    gone(folder.path(), account, name);
}

/// A saved plan whose ground somebody changed in between is refused, and says so.
#[test]
fn a_plan_that_another_apply_overtook_is_stale() {
    let (name, account, url) = ("overtaken", "700000008032", &emulators::ministack().url);
    let folder = folder_with(&spec(name));
    let (code, said) = run(folder.path(), account, url, &["plan", "--out", "plan.json"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder.path(), account, url, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder.path(), account, url, &["apply", "-y", "plan.json"]);
    assert_eq!(code, Some(5), "{said}");
    assert!(words(&said).contains("is stale: what it was computed from has changed since"), "{said}");
    is_as_described(folder.path(), account, "after a stale plan");
    gone(folder.path(), account, name);
}

/// Somebody deletes the stream by hand while the rest is being made: the run ends in words, and the next one makes it again.
#[test]
fn a_hand_that_deletes_in_between_is_noticed() {
    let (name, account, url) = ("erased", "700000008033", &emulators::ministack().url);
    let folder = folder_with(&spec(name));
    let child = program(folder.path(), account, url, &["apply", "-y"]).spawn().expect("the program starts");
    let hand = Hand::new(&|_: &str| emulators::ministack().url.clone(), account);
    let mut erased = 0;
    for _ in 0..200 {
        // What is not there yet cannot be deleted: then a moment later.
        erased += usize::from(hand.does(&["stream", "clicks", "delete"]).is_ok());
        if erased > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ends");
    let said = told(&output);
    assert_eq!(erased, 1, "the hand was never quick enough: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.status.success() || said.contains("Run the same command again"), "{said}");
    continued(folder.path(), account, "after a hand");
    gone(folder.path(), account, name);
}

/// Somebody resizes while an apply changes something else of the stream: the apply waits until it has settled, and leaves
/// the count alone.
#[test]
fn an_apply_during_a_resize_waits_for_it() {
    let account = "700000008034";
    let stream = format!("moving-{}", std::process::id());
    let text = format!(
        "apiVersion: tidegate/v1\npipeline: moving\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }}, retention: 1d }}\n"
    );
    let folder = folder_with(&text);
    let says = |args: &[&str]| emulators::says(&mut emulators::program_with_streams(folder.path(), account), args);
    says(&["apply", "-y", "-q"]);
    std::fs::write(folder.path().join("tidegate.yaml"), text.replace("retention: 1d", "retention: 2d"))
        .expect("written");
    let hand = Hand::new(
        &|service: &str| {
            let one = if service == "KINESIS" { emulators::kinesis_local() } else { emulators::ministack() };
            one.url.clone()
        },
        account,
    );
    hand.does(&["stream", &stream, "begins", "shards", "4"]).expect("a resize by hand");
    let said = says(&["apply", "-y"]);
    assert!(said.contains("retention"), "{said}");
    assert!(words(&says(&["plan"])).contains("No changes. moving is as described"), "it is not as described");
    let plan = says(&["plan"]);
    assert!(plan.contains("shards 4, owned by the autoscaler (2..8)"), "the count was left alone: {plan}");
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}

const GOVERNED: &str = "apiVersion: tidegate/v1
pipeline: governed
region: eu-west-1
alarms: { off: true }
defaults: { key: none }
streams:
  clicks: { capacity: { mode: provisioned, shards: { min: 2, max: 32 } }, retention: 1d }
";

/// The program on a local cloud in this folder.
fn local(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(at).env_clear().env("HOME", at).env("NO_COLOR", "1").env("TIDEGATE_CLOUD", "local:c.json");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Calls that the plant accepted, and those that the controller's ledger holds.
fn reshards(at: &Path) -> (usize, usize) {
    let cloud: Value = serde_json::from_slice(&std::fs::read(at.join("c.json")).expect("the cloud")).expect("JSON");
    let spent = &cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["stream"]["spent"]["reshards"];
    let ledger = std::fs::read_to_string(at.join("tidegate-ledger")).expect("the ledger");
    let calling = ledger.lines().filter(|line| line.contains(r#""is":"calling""#)).count();
    (spent.as_array().map_or(0, Vec::len), calling)
}

/// A controller at work, and an apply that raises the lower bound and the retention in the middle of a resize: both go on, whoever is overtaken says
/// so, nothing that the controller made is taken back, and every call is in the books.
#[test]
fn an_apply_beside_a_controller_takes_nothing_back() {
    let folder = folder_with(GOVERNED);
    let at = folder.path();
    let run = |args: &[&str]| {
        let output = local(at, args).output().expect("the program starts");
        (output.status.code(), told(&output))
    };
    assert_eq!(run(&["apply", "-y"]).0, Some(0));
    let mut child = local(at, &["run", "--json", "--speed", "600", "--traffic", "12", "--for", "2h"]);
    let mut child = child.stderr(Stdio::inherit()).spawn().expect("the controller starts");
    let events = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut events = events.map(|line| serde_json::from_str::<Value>(&line.expect("UTF-8")).expect("JSON"));
    let accepted = |event: &Value| event["verb"] == "resize" && event["outcome"] == "accepted";
    let mut seen: Vec<Value> = Vec::new();
    while !seen.last().is_some_and(accepted) {
        seen.push(events.next().expect("it resizes before it ends"));
    }
    let raised = GOVERNED.replace("min: 2", "min: 5").replace("retention: 1d", "retention: 2d");
    std::fs::write(at.join("tidegate.yaml"), raised).expect("the spec can be written");
    let (code, said) = run(&["apply", "-y"]);
    match code {
        Some(0) => {}
        Some(4) => assert!(said.contains("somebody else changed shards") && said.contains("plan again"), "{said}"),
        other => panic!("{other:?}: {said}"),
    }
    seen.extend(events);
    assert!(child.wait().expect("it ends").success(), "{seen:#?}");
    assert_eq!(seen.last().map(|event| &event["event"]), Some(&Value::from("stopped")), "{seen:#?}");
    // What the controller noticed of the apply: at most its one way up to the new bound.
    let foreign: Vec<&Value> = seen.iter().filter(|event| event["verb"] == "foreign").collect();
    let upwards = |event: &&Value| event["to"].as_u64() >= event["from"].as_u64();
    assert!(foreign.iter().all(upwards), "the apply took shards away: {foreign:#?}\n{said}");
    let (taken, written) = reshards(at);
    let resizes = seen.iter().filter(|event| accepted(event)).count();
    assert!(resizes >= 2 && written == resizes, "{written} calls in the ledger, {resizes} told: {seen:#?}");
    // From two shards to five are two calls.
    assert!(taken >= written && taken - written <= 2, "{taken} calls, of which {written} are in the ledger");
    let (code, said) = run(&["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["plan", "--detailed-exitcode"]);
    assert!(code == Some(0) && said.contains("owned by the autoscaler (5..32)"), "{said}");
}
