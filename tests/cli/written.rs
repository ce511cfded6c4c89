//! Files that the program writes: nothing of the user's is written over, and nothing is left lying about.

use std::path::Path;
use std::process::Output;

const SPEC: &str = "apiVersion: tidegate/v1\npipeline: p\nstreams: { s: { capacity: { mode: provisioned, shards: { min: 1, max: 4 } } } }\n";
const RULE: &str = "# METADATA\n# title: t\npackage own\ndeny contains \"x\" if input.nothing\n";

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(folder: &Path, words: &str) -> Output {
    super::program(folder).env("TIDEGATE_CLOUD", "local:c.json").args(words.split(' ')).output().expect("a run")
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).expect("a file");
    for folder in ["specs", "policies"] {
        std::fs::create_dir(at.join(folder)).expect("a folder");
    }
    let trace = "timestamp,value\n2026-01-05T00:00:00Z,1\n2026-01-05T00:01:00Z,2\n";
    for (name, text) in [
        ("tidegate.yaml", SPEC),
        ("specs/one.yaml", SPEC),
        ("values.yaml", "A: b\n"),
        ("prices.yaml", "kinesis.shardHour: 0.018\n"),
        ("tidegate.toml", ""),
        ("policies/own.rego", RULE),
        ("trace.csv", trace),
        ("known.json", "{}"),
    ] {
        write(name, text);
    }
    assert!(run(at, "apply -y").status.success());
    std::os::unix::fs::symlink("tidegate.yaml", at.join("link.yaml")).expect("a link");
    std::fs::hard_link(at.join("tidegate.yaml"), at.join("hard.yaml")).expect("a second name");
    let before = files(at);
    for (words, code) in [
        ("plan --out tidegate.yaml", 1),
        ("plan --out ./tidegate.yaml", 1),
        ("plan --out link.yaml", 1),
        ("plan --out hard.yaml", 1),
        ("plan -f specs --out specs/one.yaml", 1),
        ("plan --out c.json", 1),
        ("plan --cloud local:new.json --out ./new.json", 1),
        ("plan --var-file values.yaml --out values.yaml", 1),
        ("plan --prices prices.yaml --out prices.yaml", 1),
        ("lint tidegate.yaml --write-baseline tidegate.yaml", 2),
        ("lint tidegate.yaml --format json=tidegate.yaml", 2),
        ("lint specs --format sarif=specs/one.yaml", 2),
        ("lint --var-file values.yaml --format json=values.yaml", 2),
        ("lint --format json=tidegate.toml", 2),
        ("lint --format json=policies/own.rego", 2),
        ("lint --baseline known.json --format json=known.json", 2),
        ("lint --format json=out --format sarif=out", 2),
        ("lint --format json=out --write-baseline ./out", 2),
        ("simulate --trace trace.csv --report trace.csv", 1),
        ("simulate --trace trace.csv --timeline tidegate.yaml", 1),
        ("simulate --trace trace.csv --timeline out --minutes out", 1),
    ] {
        let output = run(at, words);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        assert!(
            said(&output).contains("written over") && said(&output).contains("name another file"),
            "{words}: {}",
            said(&output)
        );
        assert_eq!(files(at), before, "{words}");
    }
    // What is an output alone may be there, and a baseline is renewed in its place.
    for words in [
        "plan --out p.plan",
        "plan --out p.plan",
        "lint --exit-zero --ignore own --write-baseline base.json",
        "lint --exit-zero --ignore own --baseline base.json --write-baseline base.json",
        "lint --exit-zero --ignore own --format json=/dev/null --format sarif=/dev/null",
    ] {
        let output = run(at, words);
        assert!(!said(&output).contains("written over"), "{words}: {}", said(&output));
    }
    assert!(at.join("p.plan").exists() && at.join("base.json").exists());
}

/// The names of files below a folder, and what they hold.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
        }
    }
    found.sort();
    found
}

#[test]
fn what_killed_runs_left_is_removed_by_the_next() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::write(at.join("tidegate.yaml"), SPEC).expect("a file");
    for (words, target) in [
        ("apply -y", "c.json"),
        ("plan --out p.plan", "p.plan"),
        ("lint --exit-zero --format json=l.json", "l.json"),
        ("run --ticks 1 --speed max --ledger ledger", "ledger"),
    ] {
        let left = at.join(format!(".{target}.AbCdEf.new"));
        std::fs::write(&left, "half of it").expect("a file");
        let output = run(at, words);
        assert!(output.status.success(), "{words}: {}", said(&output));
        assert!(!left.exists(), "{words} leaves {}", left.display());
    }
    let hidden =
        files(at).into_iter().filter(|(name, _)| name.rsplit('/').next().is_some_and(|name| name.starts_with('.')));
    assert_eq!(hidden.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new());
}
