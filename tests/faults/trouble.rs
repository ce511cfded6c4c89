//! The whole program behind a bad network: it comes through, or says at which step it stopped and comes through later.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::inventory::inventory;
use super::proxy::{Deed, Proxy};
use super::{adoptions, destroy, in_the_network, is_as_described, run, whole, words};
use crate::support::emulators;

/// More runs than this are no convergence.
const MOST_RUNS: usize = 16;

/// Runs until it succeeds; every failure says at which step, or what could not be read, and none is laid at another's door. This emulator drops the tags of a creating call:
/// where the answer is lost as well, a stream stands there as a stranger's, and the plan says how its owner takes it over by name.
fn until_done(folder: &std::path::Path, account: &str, url: &str, args: &[&str]) -> usize {
    let mut adopted = BTreeSet::new();
    for runs in 1..=MOST_RUNS {
        let all = args.iter().copied().chain(adopted.iter().flat_map(|words: &String| words.split(' ')));
        let (code, said) = run(folder, account, url, &all.collect::<Vec<_>>());
        if code == Some(0) {
            return runs;
        }
        assert!(!words(&said).contains("meanwhile"), "nobody else is here: {said}");
        let before = adopted.len();
        adopted.extend(if args[0] == "apply" { adoptions(&said) } else { BTreeSet::new() });
        if adopted.len() > before {
            continue;
        }
        assert!(matches!(code, Some(1 | 4 | 5)), "{code:?}: {said}");
        let named = ["  FAIL ", "(not checked)", "error: asking AWS who we are"];
        assert!(named.iter().any(|words| said.contains(words)), "it does not say where it stopped: {said}");
        if said.contains("  FAIL ") {
            assert!(said.contains("Run the same command again"), "{said}");
        }
    }
    panic!("{args:?} does not come to an end in {MOST_RUNS} runs");
}

/// Every kind but fan-out: this emulator registers a consumer twice where AWS refuses the second, so a lost answer doubles it.
fn plain(pipeline: &str, account: &str) -> String {
    whole(pipeline, account).replace("    fanOut: [fraud]\n", "").replace(", via: fraud", "")
}

/// Further seeds beside the usual one, in a long run: `TIDEGATE_SEEDS=20`. Then up to three answers of each run come too late.
fn more_seeds() -> u64 {
    std::env::var("TIDEGATE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// With the usual seed, and with as many more as are asked for, each in an account of its own.
fn with_every_seed(pipeline: &str, account: u64, seed: u64, percent: u64, lates: usize) {
    let mut troubles = come_through(pipeline, &account.to_string(), seed, percent, lates);
    for more in 1..=more_seeds() {
        troubles += come_through(pipeline, &(account + 1_000_000 * more).to_string(), seed + 1_000 * more, percent, 3);
    }
    // A single run may meet none at one in a hundred.
    assert!(troubles > 0, "no trouble at all");
}

/// The pipeline with something else about some kinds.
fn changed(plain: &str) -> String {
    let changed = plain.replace("retention: 7d", "retention: 2d").replace("shards: 2", "shards: 3");
    changed.replace("expireAfter: 30d", "expireAfter: 60d").replace("[10.0.0.0/16]", "[10.1.0.0/16]")
}

fn destruction(pipeline: &str) -> Vec<String> {
    let mut words = destroy(pipeline);
    words.push("--allow-data-loss=stream/audit".to_owned());
    words
}

/// What stands in an account of its own after a creation, an update and a destruction that nothing disturbs.
fn undisturbed(pipeline: &str, account: &str) -> [Vec<String>; 3] {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let plain = plain(pipeline, account);
    let stages = [Some(plain.clone()), Some(changed(&plain)), None];
    stages.map(|text| {
        let words = match text {
            Some(text) => {
                std::fs::write(at.join("tidegate.yaml"), text).expect("the spec can be written");
                vec!["apply".to_owned(), "-y".to_owned()]
            }
            None => destruction(pipeline),
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (code, said) = run(at, account, &emulators::ministack().url, &words);
        assert_eq!(code, Some(0), "{said}");
        inventory(account)
    })
}

/// Creates, updates and destroys; answers how much trouble there was. What stands there after each is what the AWS CLI lists after an
/// undisturbed run.
fn come_through(pipeline: &str, account: &str, seed: u64, percent: u64, lates: usize) -> usize {
    let proxy = Proxy::with(&emulators::ministack().url, seed, percent, in_the_network);
    proxy.be_late(lates);
    let when = format!("seed {seed}, {percent} %");
    println!("{when}");
    let runs = live_through(pipeline, account, &proxy, &when);
    let (requests, troubles) = proxy.counts();
    let late = lates - proxy.lates_left();
    println!("{when}: {troubles} troubles in {requests} requests, {late} answers too late; {runs}");
    troubles
}

/// Creates, updates and destroys behind a proxy; answers how many runs each took.
fn live_through(pipeline: &str, account: &str, proxy: &Proxy, when: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let quiet: u64 = account.parse().expect("a number");
    let ends = undisturbed(pipeline, &(quiet + 500_000_000).to_string());
    let plain = plain(pipeline, account);
    std::fs::write(at.join("tidegate.yaml"), &plain).expect("the spec can be written");
    let made = until_done(at, account, &proxy.url, &["apply", "-y"]);
    is_as_described(at, account, when);
    assert_eq!(inventory(account), ends[0], "{when}: made");
    std::fs::write(at.join("tidegate.yaml"), changed(&plain)).expect("the spec can be written");
    let updated = until_done(at, account, &proxy.url, &["apply", "-y"]);
    is_as_described(at, account, when);
    assert_eq!(inventory(account), ends[1], "{when}: updated");
    let words = destruction(pipeline);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let gone = until_done(at, account, &proxy.url, &words);
    let (_, said) = run(at, account, &emulators::ministack().url, &["destroy", "-y"]);
    assert!(said.contains("Nothing is left to destroy"), "{when}: {said}");
    assert_eq!(super::living_keys(account), 0, "{when}: keys");
    assert_eq!(inventory(account), ends[2], "{when}: destroyed");
    format!("runs: {made} apply, {updated} update, {gone} destroy")
}

#[test]
fn one_call_in_a_hundred() {
    with_every_seed("hundred", 700_000_008_001, 11, 1, 0);
}

#[test]
fn one_call_in_ten() {
    with_every_seed("ten", 700_000_008_002, 12, 10, 1);
}

#[test]
fn three_calls_in_ten() {
    with_every_seed("three", 700_000_008_003, 13, 30, 0);
}

/// Beside the dice: each call that changes something is done, and its answer lost, once. What then stands there half made is the run's own.
#[test]
fn each_call_that_changes_something_loses_its_answer_once() {
    let routed = Proxy::with(&emulators::ministack().url, 1, 0, in_the_network);
    let (seen, lost) = (Mutex::new(BTreeSet::new()), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&lost);
    let proxy = Proxy::with(&routed.url, 1, 0, move |request| {
        let reads = ["Describe", "Get", "List", "GET ", "HEAD ", "AssumeRole"];
        let operation = request.operation();
        let is_first = || seen.lock().unwrap().insert(request.whole());
        if reads.iter().any(|read| operation.starts_with(read)) || !is_first() {
            return Some(Deed::Pass);
        }
        count.fetch_add(1, Ordering::SeqCst);
        Some(Deed::Swallow)
    });
    let runs = live_through("swallowed", "700000008004", &proxy, "each answer lost once");
    let lost = lost.load(Ordering::SeqCst);
    println!("{lost} answers lost; {runs}");
    assert!(lost > 60, "{lost}");
}
