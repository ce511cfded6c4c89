//! Two at once: two applies, a hand that deletes, a resize that is under way. Nothing is doubled, and who loses says what happened.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::proxy::{Deed, Proxy};
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
    let mut child = program(folder.path(), account, url, &["apply", "-y"]).spawn().expect("the program starts");
    let hand = Hand::new(&|_: &str| emulators::ministack().url.clone(), account);
    let mut erased = 0;
    while erased == 0 && child.try_wait().expect("it can be asked for").is_none() {
        // What is not there yet cannot be deleted: then a moment later.
        erased += usize::from(hand.does(&["stream", "clicks", "delete"]).is_ok());
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ends");
    let said = told(&output);
    assert_eq!(erased, 1, "the hand was never quick enough: {said}");
    assert!(!said.contains("panicked"), "{said}");
    // By when it is noticed: a call finds nothing, or a look finds that somebody was there.
    let advice = ["Run the same command again", "Plan again before you run this again"];
    assert!(output.status.success() || advice.iter().any(|words| said.contains(words)), "{said}");
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

/// A pipeline whose two parts say whose spec it is.
fn owned_by(team: &str, may: &str) -> String {
    format!(
        "apiVersion: tidegate/v1\npipeline: upd\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         tags: {{ team: {team} }}\nstreams: {{ a: {{ capacity: {{ mode: provisioned, shards: 2 }} }} }}\n\
         access: {{ w: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ {may}: a }}] }} }}\n"
    )
}

/// Two with different specs, begun at the same moment: the end is one of the two, or whoever does not see its own there says so.
#[test]
fn two_applies_of_different_specs_never_mix_in_silence() {
    const ROUNDS: usize = 8;
    let (mut overlaps, mut losers) = (0, 0);
    for round in 0..ROUNDS {
        let folder = folder_with(&owned_by("x", "write"));
        let at = folder.path();
        let applied = local(at, &["apply", "-y"]).output().expect("it starts");
        assert!(applied.status.success(), "{}", told(&applied));
        for (name, team, may) in [("b.yaml", "y", "read"), ("c.yaml", "z", "write")] {
            std::fs::write(at.join(name), owned_by(team, may)).expect("written");
        }
        let runs = ["b.yaml", "c.yaml"].map(|spec| local(at, &["apply", "-y", "-f", spec]).spawn().expect("it starts"));
        let outputs = runs.map(|run| run.wait_with_output().expect("it ends"));
        let said = outputs.each_ref().map(told);
        let is_there = ["b.yaml", "c.yaml"].map(|spec| {
            let plan = local(at, &["plan", "-f", spec, "--detailed-exitcode"]).output().expect("it starts");
            plan.status.code() == Some(0)
        });
        let when = format!("round {round}, {is_there:?}: {said:#?}");
        let well = outputs.each_ref().map(|output| output.status.success());
        // Both planned from what was there at first.
        let overlap = said.iter().all(|said| said.contains("team=x →"));
        overlaps += usize::from(overlap);
        for end in 0..2 {
            if well[end] {
                continue;
            }
            losers += 1;
            assert!(said[end].contains("somebody else changed") && said[end].contains("plan again"), "{when}");
        }
        assert!(is_there != [true, true], "{when}");
        assert!(is_there != [false, false] || well != [true, true], "a mixture, and nobody says so: {when}");
        if overlap {
            // One of them may have come to its end before the other one's first look.
            assert!(well != [true, true] || is_there.contains(&true), "{when}");
        }
    }
    println!("{overlaps} of {ROUNDS} pairs overlapped, {losers} runs were overtaken");
    assert!(overlaps > 0 && losers > 0, "{overlaps} overlapped, {losers} were overtaken");
}

/// AWS creates five streams at once. What a killed run has begun takes the places of the next one, which waits for them.
#[test]
fn a_run_waits_for_the_streams_that_a_killed_one_has_begun() {
    let streams: String = ('a'..='j').map(|name| format!("  {name}: {{ capacity: {{ mode: onDemand }} }}\n")).collect();
    let text = format!(
        "apiVersion: tidegate/v1\npipeline: ten\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\nstreams:\n{streams}"
    );
    let creating = |at: &Path| {
        let bytes = std::fs::read(at.join("c.json")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).matches("\"CREATING\"").count()
    };
    let mut full = 0;
    for _ in 0..20 {
        let folder = folder_with(&text);
        let at = folder.path();
        let mut run = local(at, &["apply", "-y"]).spawn().expect("it starts");
        while creating(at) < 5 && run.try_wait().expect("it can be asked").is_none() {}
        // If it has ended by itself there is nothing to kill.
        let _ = run.kill();
        run.wait().expect("it ends");
        let begun = creating(at);
        let again = local(at, &["apply", "-y"]).output().expect("it starts");
        let said = told(&again);
        assert!(again.status.success(), "{begun} were begun: {said}");
        // Time passes between the kill and the first call: where the five have come to their end meanwhile, there is nothing to wait for.
        full += usize::from(begun == 5 && said.contains("waiting: 5 others are being created"));
        if full == 3 {
            return;
        }
    }
    assert!(full > 0, "no run that met five streams in creation said that it waits for them");
}

/// Two pipelines of more streams than AWS creates at once, at the same moment: each waits for the other one's.
#[test]
fn two_pipelines_of_many_streams_do_not_starve_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let runs = ["one", "other"].map(|name| {
        let streams: String =
            ('a'..='l').map(|letter| format!("  {letter}: {{ name: {name}-{letter}, capacity: {{ mode: onDemand }} }}\n")).collect();
        let text = format!(
            "apiVersion: tidegate/v1\npipeline: {name}\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\nstreams:\n{streams}"
        );
        std::fs::write(at.join(format!("{name}.yaml")), text).expect("written");
        local(at, &["apply", "-y", "-f", &format!("{name}.yaml")]).spawn().expect("it starts")
    });
    for output in runs.map(|run| run.wait_with_output().expect("it ends")) {
        assert!(output.status.success(), "{}", told(&output));
    }
}

/// On AWS the call is refused while five others are being created: that is no rate, and is neither repeated at once nor given up.
#[test]
fn a_full_house_of_streams_is_waited_for() {
    let (name, account) = ("full", "700000008036");
    let folder = folder_with(&spec(name));
    let refused = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::with(&emulators::ministack().url, 1, 0, {
        let refused = Arc::clone(&refused);
        move |request| {
            let is_full = request.operation() == "CreateStream" && refused.fetch_add(1, Ordering::SeqCst) < 12;
            let message = "This request would have exceed the limit on the number  of streams that can simultaneously be in CREATING \
                           or DELETING for the account 1. Limit: 5.";
            let body = format!(r#"{{"__type":"LimitExceededException","message":"{message}"}}"#);
            Some(if is_full {
                Deed::Answer { status: 400, kind: "application/x-amz-json-1.1", body }
            } else {
                Deed::Pass
            })
        }
    });
    let began = Instant::now();
    let (code, said) = run(folder.path(), account, &proxy.url, &["apply", "-y"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(words(&said).matches("waiting: 5 others are being created").count(), 1, "{said}");
    assert!(refused.load(Ordering::SeqCst) > 12, "given up too early");
    println!("twelve refusals took {:?}", began.elapsed());
    gone(folder.path(), account, name);
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
