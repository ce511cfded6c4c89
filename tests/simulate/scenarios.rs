//! Uneven keys, readers that stand still, late metrics and batches by the clock: what the page says is what the program finds.

use std::process::Command;

fn scenarios(names: &str, json: bool) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["bench", "scenarios", "--names", names]).args(json.then_some("--json"));
    let output = command.env_remove("CLICOLOR_FORCE").output().expect("tidegate starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The rows of the table that are about this scenario.
fn rows<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(&format!("| {name} |"))).collect()
}

#[test]
fn the_page_is_what_the_program_prints() {
    let page = include_str!("../../docs/scenarios.md");
    let printed = scenarios("hot-key,outage,lambda", false);
    for name in ["hot-key", "outage", "lambda"] {
        assert_eq!(rows(page, name), rows(&printed, name), "docs/benchmark.md says how docs/scenarios.md is made");
    }
    for name in ["plain", "zipf", "mixed", "delay-1", "delay-5", "daily-batch", "weekday-batch"] {
        assert!(rows(page, name).len() >= 3, "{name} is missing in docs/scenarios.md");
    }
}

#[test]
fn a_single_hot_key_is_told_and_no_shard_is_bought_for_it() {
    let told: serde_json::Value = serde_json::from_str(&scenarios("hot-key", true)).expect("JSON");
    let runs = told["runs"].as_array().expect("runs");
    let with_splits = runs.iter().find(|run| run["splitMerge"] == true).expect("ours with splits");
    assert_eq!((&with_splits["policy"], &with_splits["told"]), (&"tidegate".into(), &true.into()));
    // The splits that show the key are nearly all that it costs.
    let cost = |splits: bool| {
        let run = runs.iter().find(|run| run["policy"] == "tidegate" && run["splitMerge"] == splits);
        run.and_then(|run| run["costOverDemand"].as_f64()).expect("a cost")
    };
    assert!(cost(true) <= 1.2 * cost(false), "{told}");
    assert!(runs.iter().filter(|run| run["policy"] == "tidegate").all(|run| run["refused"] == 0), "{told}");
}

#[test]
fn a_slow_function_drains_by_its_factor_and_no_shard_is_bought_for_it() {
    let told: serde_json::Value = serde_json::from_str(&scenarios("plain,lambda", true)).expect("JSON");
    let runs = told["runs"].as_array().expect("runs");
    let ours = |scenario: &str, factor: bool, what: &str| {
        let is_it = |run: &&serde_json::Value| run["scenario"] == scenario && run["parallelization"] == factor;
        runs.iter().find(is_it).and_then(|run| run[what].as_f64()).expect("a figure of ours, which stand first")
    };
    assert!(ours("lambda", false, "ageMaxMinutes") > 300.0, "at factor 1 it does not keep up: {told}");
    assert!(ours("lambda", true, "ageMaxMinutes") < 10.0, "{told}");
    // As if the reader were as fast as the shards, but for some minutes in which nothing may shrink.
    assert!(ours("lambda", true, "costOverDemand") <= 1.01 * ours("plain", false, "costOverDemand"), "{told}");
    assert_eq!(ours("lambda", true, "operationsADay"), ours("plain", false, "operationsADay"), "{told}");
}

#[test]
fn an_unknown_name_is_refused_with_those_that_there_are() {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(["bench", "scenarios", "--names", "zip"]).output();
    let output = output.expect("tidegate starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no scenario `zip`") && said.contains("hot-key"), "{said}");
}
