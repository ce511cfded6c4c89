//! `tidegate simulate --stream`: bounds, objective and hours from the spec.

use std::path::Path;
use std::process::{Command, Output};

const SPEC: &str = "
apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 64 } }
    scaling:
      objective: thrifty
      schedule: [{ at: 'Mon-Fri 07:45', for: 3h, min: 16 }]
      noShrink: [{ at: '10:00', for: 2h }]
  orders: {}
";

fn simulate(folder: &Path, spec: &str, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("tidegate.yaml"), spec).expect("the spec can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).args(["simulate", "--days", "7"]);
    if !arguments.contains(&"--synthetic") {
        command.args(["--synthetic", "constant"]);
    }
    if !arguments.contains(&"--level") {
        command.args(["--level", "3"]);
    }
    command.args(arguments).output().expect("the program starts")
}

/// Open shards by minute from Monday, 00:00.
fn shards(folder: &Path, arguments: &[&str]) -> Vec<u32> {
    let output = simulate(folder, SPEC, &[arguments, &["--minutes", "minutes.csv"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.join("minutes.csv")).expect("the minutes were written");
    let count = |line: &str| line.split(',').nth(3).and_then(|count| count.parse().ok());
    text.lines().skip(1).map(|line| count(line).expect("a count")).collect()
}

#[test]
fn a_floor_is_open_when_its_hours_begin_and_goes_after_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let counts = shards(folder.path(), &["--stream", "clicks"]);
    for day in 0..7 {
        let of = |from: usize, to: usize| &counts[day * 1440 + from..day * 1440 + to];
        let least = |of: &[u32]| of.iter().copied().min().unwrap_or_default();
        if day < 5 {
            assert!(least(of(465, 720)) >= 16, "day {day}: nothing shrinks before 12:00");
            assert!(of(440, 450).iter().all(|count| *count < 16), "day {day}: not long before");
            assert!(least(of(720, 1440)) < 16, "day {day}: it goes when it may");
        } else {
            assert!(of(0, 1440).iter().all(|count| *count < 16), "day {day}");
        }
    }
    assert!(shards(folder.path(), &[]).iter().all(|count| *count < 16), "without the spec there is no floor");
}

#[test]
fn the_objective_of_the_spec_holds_unless_another_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let price = |arguments: &[&str]| {
        let output = simulate(folder.path(), SPEC, &[arguments, &["--json"]].concat());
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        told["plant"]["price"].as_f64().unwrap_or_else(|| panic!("no price in {told}"))
    };
    assert_eq!(price(&["--stream", "clicks"]).to_bits(), 10f64.to_bits());
    assert_eq!(price(&["--stream", "clicks", "--objective", "strict"]).to_bits(), 1000f64.to_bits());
    assert_eq!(price(&[]).to_bits(), 100f64.to_bits());
}

#[test]
fn what_cannot_be_sized_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |spec: &str, name: &str| {
        let output = simulate(folder.path(), spec, &["--stream", name]);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let missing = said(SPEC, "click");
    assert!(
        missing.contains("the spec has no stream `click`") && missing.contains("its streams: clicks, orders"),
        "{missing}"
    );
    let on_demand = said(SPEC, "orders");
    assert!(on_demand.contains("streams.orders has no count of shards to change"), "{on_demand}");
    let high = said(&SPEC.replace("min: 16", "min: 65"), "clicks");
    assert!(high.contains("65") && high.contains("tidegate.yaml"), "{high}");
}

#[test]
fn the_budget_of_the_spec_ends_growth() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = SPEC.replace("objective: thrifty", "objective: thrifty\n      budget: 40").replace("min: 16", "min: 2");
    std::fs::write(folder.path().join("tidegate.yaml"), &spec).expect("the spec can be written");
    let shard_minutes = |spec: &str| {
        let crowds = ["--stream", "clicks", "--synthetic", "flash-crowd", "--level", "8", "--minutes", "minutes.csv"];
        let output = simulate(folder.path(), spec, &crowds);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(folder.path().join("minutes.csv")).expect("the minutes were written");
        let count = |line: &str| line.split(',').nth(3)?.parse::<u32>().ok();
        text.lines().filter_map(count).sum::<u32>()
    };
    let (bound, free) = (shard_minutes(&spec), shard_minutes(&spec.replace("      budget: 40\n", "")));
    // Crowds that the month's money does not pay for get fewer shards.
    assert!(bound < free, "{bound} with a budget, {free} without");
}

/// What a day's wave costs and how late its reader is, with this range of the function's parallelization factor, or without a function.
fn with_function(folder: &Path, range: Option<&str>) -> serde_json::Value {
    let scaling = range.map_or(String::new(), |range| {
        format!("\n      lambda: [{{ function: enrich, parallelization: {range} }}, {{ function: other, parallelization: {{ max: 10 }} }}]")
    });
    let spec = SPEC.replace("objective: thrifty", &format!("objective: balanced{scaling}"));
    let spec = spec.replace("      schedule: [{ at: 'Mon-Fri 07:45', for: 3h, min: 16 }]\n", "");
    let output = simulate(folder, &spec, &["--stream", "clicks", "--synthetic", "diurnal", "--level", "8", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_function_that_the_spec_names_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |range: Option<&str>| with_function(folder.path(), range);
    let (without, fixed, ranged) = (of(None), of(Some("{ max: 1 }")), of(Some("{ max: 10 }")));
    assert!(without["lambda"].is_null(), "{}", without["lambda"]);
    let changes = |run: &serde_json::Value| run["lambda"]["changes"].as_array().expect("changes").len();
    assert_eq!((changes(&fixed), fixed["lambda"]["max"].as_u64()), (0, Some(1)), "of two the one that can do less");
    assert!(changes(&ranged) > 0, "{}", ranged["lambda"]);
    let cost = |run: &serde_json::Value| run["usd"]["capacity"].as_f64().expect("dollars");
    println!("{} without, {} at factor 1, {} with a range", cost(&without), cost(&fixed), cost(&ranged));
    assert!(cost(&ranged) < 0.9 * cost(&fixed), "shards are bought for its lag where the factor stays at 1");
    let output = simulate(folder.path(), SPEC, &["--stream", "clicks", "--lambda-pace", "100"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(5) && said.contains("names no Lambda function"), "{said}");
}
