//! Policies that would take all memory, each by another way.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{BAD, Place, Run};

/// Bytes that no policy brings the program to: it has 256 MiB for each file, and what grows within a look of the watch.
const BOUND: u64 = 1 << 30;

/// Runs a command and looks, as long as it runs, at the most memory that it has had. The kernel keeps that, so that no
/// peak between two looks is missed but the very last.
fn measured(place: &Place, command: &str) -> (Run, u64) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    program.env_clear().current_dir(place.path()).args(command.split_whitespace());
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(1));
    }
    (Run::of(child.wait_with_output().unwrap()), peak)
}

/// `x0` and then, each from the one before, `x1` to `x40`.
fn grown(first: &str, next: &str) -> String {
    let mut body = format!("  x0 := {first}\n");
    for nth in 1..=40 {
        body += &format!("  x{nth} := {}\n", next.replace('@', &format!("x{}", nth - 1)));
    }
    format!("package a\n\ndeny contains x40 if {{\n{body}}}\n")
}

/// How a run ends that takes too much. Whether time or memory is up first is the machine's choice, the bound is not.
const ENDS: &[&str] = &[
    "the rule takes too much memory; policies have 256 MiB for each file",
    "the rule takes too long; a rule has 2 s for each file",
    "a function that the rule calls does not come back",
];

fn taken(rego: &str) {
    let place = Place::with(&[("a.yaml", BAD), ("policies/big.rego", rego)]);
    let (run, peak) = measured(&place, "lint a.yaml --select custom");
    assert_eq!(run.code, 3, "{rego}\n{}", run.err);
    assert!(run.err.contains("a policy failed: policies/big.rego:3:1: "), "{}", run.err);
    assert!(ENDS.iter().any(|end| run.err.contains(end)) && run.err.contains("while judging a.yaml"), "{}", run.err);
    if cfg!(target_os = "linux") {
        assert!(peak > 0 && peak < BOUND, "{} MiB for {rego}", peak >> 20);
    }
}

#[test]
fn all_paths_of_a_dense_graph() {
    let rego = "package a

deny contains \"x\" if {
  nodes := numbers.range(1, 40)
  graph := {node: nodes | some node in nodes}
  count(graph.reachable_paths(graph, [1])) > 1
}
";
    taken(rego);
}

#[test]
fn lists_that_double() {
    taken(&grown("numbers.range(1, 1000)", "array.concat(@, @)"));
}

#[test]
fn texts_that_double() {
    let place = Place::with(&[
        ("a.yaml", BAD),
        ("policies/big.rego", &grown("\"0123456789abcdef\"", "sprintf(\"%v%v\", [@, @])")),
    ]);
    let (run, peak) = measured(&place, "lint a.yaml --select custom");
    assert!(run.code == 3 && run.err.contains("sprintf makes a text of at most 4 MiB"), "{}", run.err);
    assert!(peak < BOUND, "{} MiB", peak >> 20);
    taken(&grown("\"aaaaaaaaaaaaaaaa\"", "replace(@, \"a\", \"aaaaaaaaaaaaaaaa\")"));
}

#[test]
fn one_text_of_many() {
    let doubled: String = (1..=20).map(|nth| format!("  x{nth} := concat(\"\", [x{0}, x{0}])\n", nth - 1)).collect();
    let (format, given) = ("%s".repeat(120), vec!["x20"; 120].join(", "));
    let body = format!("  x0 := \"0123456789abcdef\"\n{doubled}  sprintf(\"{format}\", [{given}]) == \"\"\n");
    taken(&format!("package a\n\ndeny contains \"x\" if {{\n{body}}}\n"));
}

#[test]
fn results_that_are_large_only_when_written_out() {
    taken(&grown("[1, 2]", "[@, @]"));
}

#[test]
fn comprehensions_within_comprehensions() {
    let rego = "package a

deny contains \"x\" if {
  many := numbers.range(1, 900000)
  texts := [[sprintf(\"%d of a list that is long\", [b]) | some b in many] | some a in many]
  count(texts) == 0
}
";
    taken(rego);
}

#[test]
fn a_text_of_a_delimiter_between_many() {
    let rego = grown("\"0123456789abcdef\"", "concat(@, [\"\", \"\", \"\"])");
    let place = Place::with(&[("a.yaml", BAD), ("policies/big.rego", &rego)]);
    let (run, peak) = measured(&place, "lint a.yaml --select custom");
    let refused = run.err.contains("concat makes a text of at most 32 MiB");
    assert!(run.code == 3 && (refused || ENDS.iter().any(|end| run.err.contains(end))), "{}", run.err);
    assert!(peak < BOUND, "{} MiB", peak >> 20);
}

#[test]
fn tests_of_policies_have_the_same_bound() {
    let rego = grown("numbers.range(1, 1000)", "array.concat(@, @)").replace("deny contains x40", "test_all");
    let place = Place::with(&[("policies/big.rego", &rego)]);
    let (run, peak) = measured(&place, "policy test");
    assert!(run.code == 3 && run.err.contains("a policy failed: policies/big.rego:1:1: "), "{}", run.err);
    assert!(ENDS.iter().any(|end| run.err.contains(end)), "{}", run.err);
    assert!(peak < BOUND, "{} MiB", peak >> 20);
}
