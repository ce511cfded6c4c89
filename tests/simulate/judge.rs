//! Our plant and the public judge of shard timelines must agree to the last digit.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::python::python;

/// The judge and the real traces, beside the clone unless `TIDEGATE_SHARED` says otherwise.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("TIDEGATE_SHARED").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    folder.join("tools/replay/plant.py").is_file().then_some(folder)
}

/// Asks the judge for the figures of a timeline, each as Python writes it: with all its digits.
const ASK: &str = r#"
import sys
sys.dont_write_bytecode = True
tools, kind, source, n99, timeline = sys.argv[1:]
sys.path.insert(0, tools)
import numpy as np, plant, replay
if kind == "trace":
    x = plant.demand(source, float(n99))
else:
    with open(source) as f:
        x = np.array([int(line.split(",")[2]) for line in f.readlines()[1:]]) / 60000.0
m = plant.score_timeline(x, timeline)
for name in ("thr_frac", "shard_min", "lost_frac", "thr_min_day", "age_p99", "age_max", "calls_day", "calls_max24", "ops_day"):
    print(name, repr(float(m[name])))
print("broken", m["step_violations"] + m["budget_violation"] + replay.too_fast(timeline, len(x)))
"#;

/// The plant's rules stated once more, for a machine without the judge: written from the description alone.
const RESTATED: &str = r#"
import sys
_, kind, source, n99, timeline = sys.argv[1:]
import numpy as np
x = np.array([int(line.split(",")[2]) for line in open(source).readlines()[1:]]) / 60000.0
rows = {}
for line in open(timeline).readlines()[1:]:
    minute, shards, calls = map(int, line.split(","))
    rows[minute] = (shards, calls)
thr, opn, calls, waiting, lost, n = [], [], [], [0.0] * 5, 0.0, None
for t, fresh in enumerate(x):
    made = 0
    if t in rows:
        n, made = rows[t]
    offered = fresh + (((((0.0 + waiting[0]) + waiting[1]) + waiting[2]) + waiting[3]) + waiting[4])
    accepted = 0.5 * min(offered, n) + 0.5 * min(offered, n)
    part = 0.0 if offered - accepted <= 1e-9 else 1.0 - accepted / offered
    lost += waiting[4] * part
    waiting = [w * part for w in [fresh] + waiting[:4]]
    thr.append(fresh * part)
    opn.append(n)
    calls.append(made)
thr, total, days = np.array(thr), x.sum(), len(x) / 1440
print("thr_frac", repr(float(thr.sum() / total)))
print("shard_min", repr(float(sum(opn))))
print("lost_frac", repr(float(lost / total)))
print("thr_min_day", repr(float((thr > 1e-9).sum() / days)))
print("calls_day", repr(sum(calls) / days))
steps = [b for a, b in zip(opn, opn[1:]) if b > 2 * a or 2 * b < a]
window = max(sum(calls[at : at + 1440]) for at in range(len(calls)))
print("broken", len(steps) + max(0, window - 10))
"#;

fn simulate(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("simulate").args(arguments).output();
    let output = output.expect("tidegate starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs a policy and compares every figure with what the program in Python says of its timeline.
fn compare(script: &str, tools: &Path, kind: &str, source: &Path, n99: &str, policy: &str, profile: &str) {
    compare_within(0.0, (script, tools), kind, source, n99, (policy, profile));
}

/// The same within a relative tolerance; none is none.
fn compare_within(
    tolerance: f64,
    (script, tools): (&str, &Path),
    kind: &str,
    source: &Path,
    n99: &str,
    (policy, profile): (&str, &str),
) {
    let folder = tempfile::tempdir().expect("a folder");
    let timeline = folder.path().join("timeline.csv");
    let text = |path: &Path| path.display().to_string();
    let (source, timeline) = (text(source), text(&timeline));
    let flag = format!("--{kind}");
    let mut arguments = vec![flag.as_str(), &source, "--policy", policy, "--profile", profile];
    if kind == "trace" {
        arguments.extend(["--n99", n99]);
    }
    arguments.extend(["--timeline", &timeline, "--json"]);
    let ours = &simulate(&arguments)["totals"];
    let tools = text(tools);
    let asked = Command::new(python()).args(["-c", script, &tools, kind, &source, n99, &timeline]).output();
    let asked = asked.expect("Python starts");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let said = String::from_utf8(asked.stdout).expect("text");
    let names = [
        ("thr_frac", "throttled"),
        ("shard_min", "shard_minutes"),
        ("lost_frac", "lost"),
        ("thr_min_day", "throttled_minutes_a_day"),
        ("age_p99", "age_p99"),
        ("age_max", "age_max"),
        ("calls_day", "calls_a_day"),
        ("calls_max24", "calls_max_in_24_h"),
        ("ops_day", "operations_a_day"),
    ];
    let mut compared = 0;
    for (name, value) in said.lines().filter_map(|line| line.split_once(' ')) {
        if name == "broken" {
            assert_eq!(value, "0", "{source} {policy} {profile}: AWS's rules are kept");
        }
        let Some((_, our)) = names.iter().find(|(theirs, _)| *theirs == name) else { continue };
        let value: f64 = value.parse().expect("a number");
        let same = ours[*our].as_f64().expect("a number");
        let close = value.to_bits() == same.to_bits() || (value - same).abs() <= tolerance * same.abs();
        assert!(close, "{source} {policy} {profile}: {name} is {value} there, {same} here");
        compared += 1;
    }
    assert!(compared >= 5, "{said}");
    assert!(ours["calls_a_day"].as_f64().is_some_and(|calls| calls > 0.0), "the policy did something");
}

/// Real traces. Those of one-minute values agree in every bit; coarser ones get a random spread whose last bits depend on
/// how a machine computes logarithms.
#[test]
fn plant_and_judge_agree_to_the_last_digit() {
    let Some(shared) = shared() else {
        eprintln!("there is no judge beside this clone; the restated rules are checked by the other test");
        return restated();
    };
    let tools = shared.join("tools/replay");
    for (trace, n99, policy, profile) in [
        ("wc98_group", "40", "hpa", "fast"),
        ("wc98_may", "40", "substation", "slow"),
        ("nasa_jul95", "4", "ds2", "slow"),
        ("nasa_jul95", "40", "epsagon", "fast"),
    ] {
        let source = shared.join("traces").join(trace).with_extension("csv");
        compare(ASK, &tools, "trace", &source, n99, policy, profile);
    }
    for (trace, n99, policy, profile) in
        [("elb_requests", "40", "substation", "fast"), ("tweets_ups", "4", "hpa", "slow")]
    {
        let source = shared.join("traces").join(trace).with_extension("csv");
        compare_within(1e-9, (ASK, &tools), "trace", &source, n99, (policy, profile));
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (seed, policy) in [(1, "hpa"), (2, "adaptavist")] {
        let source = demand(folder.path(), seed);
        compare(ASK, &tools, "demand", &source, "0", policy, "fast");
    }
}

#[test]
fn plant_and_restated_rules_agree_to_the_last_digit() {
    restated();
}

fn restated() {
    let folder = tempfile::tempdir().expect("a folder");
    for (seed, policy, profile) in [(1, "hpa", "fast"), (2, "ds2", "slow"), (3, "substation", "fast")] {
        let source = demand(folder.path(), seed);
        compare(RESTATED, folder.path(), "demand", &source, "0", policy, profile);
    }
}

/// Five days of a daily wave with bursts, in whole records, from a seed.
fn demand(folder: &Path, seed: u64) -> PathBuf {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::from("minute,timestamp,records,bytes\n");
    let mut burst = 0;
    for minute in 0..7200u32 {
        burst = if random.u32(0..400) == 0 { random.u32(5..60) } else { burst.saturating_sub(1) };
        let wave = 1.0 - 0.8 * (f64::from(minute) / 1440.0 * std::f64::consts::TAU).cos();
        let level = 12.0 * wave * (0.9 + 0.2 * random.f64()) * if burst > 0 { 3.0 } else { 1.0 };
        let records = (level * 60_000.0).round();
        let at = jiff::Timestamp::from_second(i64::from(minute) * 60).expect("a time");
        text.push_str(&format!("{minute},{at},{records},{}\n", records * 1024.0));
    }
    let path = folder.join(format!("demand-{seed}.csv"));
    std::fs::write(&path, text).expect("the folder can be written");
    path
}
