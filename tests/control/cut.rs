//! A ledger that somebody cuts short: under the running controller, and before it starts.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::program::{Shop, resizes};

fn cut(shop: &Shop) {
    let ledger = File::options().write(true).open(shop.path("tidegate-ledger")).expect("the ledger");
    ledger.set_len(100).expect("it can be cut");
}

#[test]
fn a_ledger_that_is_cut_short_is_written_anew_and_told() {
    let shop = Shop::new();
    let mut running = shop.command(&["run", "--json", "--speed", "600", "--traffic", "12", "--drift", "0s"]);
    let mut running = running.stderr(Stdio::null()).spawn().expect("it starts");
    let said = BufReader::new(running.stdout.take().expect("it is piped"));
    let mut events = said.lines().map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
    let resize = events.find(|event| event["verb"] == "resize").expect("it grows until it is killed");
    events.find(|event| event["verb"] == "settled").expect("the resize ends");
    cut(&shop);
    let is_told = |event: &Value| event["message"].as_str().is_some_and(|why| why.contains("was cut short under"));
    let trouble = events.find(is_told).expect("it is told");
    running.kill().and_then(|()| running.wait()).expect("it is killed");
    assert!(trouble["message"].as_str().is_some_and(|why| why.ends_with("and was written anew")), "{trouble}");
    let told: Value = serde_json::from_str(&shop.says(&["history", "--json"])).expect("JSON");
    let told = told["decisions"].as_array().expect("decisions").clone();
    assert!(resizes(&told).iter().any(|one| one["at"] == resize["at"]), "{resize} is not in {told:#?}");
}

#[test]
fn a_ledger_that_was_cut_in_its_first_lines_is_told_at_the_start() {
    let shop = Shop::new();
    shop.run(&["--for", "10m"]);
    let starts = || {
        let output = shop.command(&["run", "--speed", "max", "--ticks", "1"]).output().expect("it starts");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!starts().contains("warning"), "whole");
    cut(&shop);
    let wrong = starts();
    assert!(wrong.contains("warning: tidegate-ledger ends within its first lines"), "{wrong}");
    assert!(!starts().contains("warning"), "it is mended");
}
