//! What the README shows of sizing is what the program prints.

use std::process::Command;

const COMMAND: &str = "$ tidegate simulate --synthetic flash-crowd --days 3 --level 8\n";

#[test]
fn the_readme_shows_real_output() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (before, after) = readme.split_once(COMMAND).expect("the README shows a simulated run");
    let (shown, rest) = after.split_once("```").expect("the block ends");
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(COMMAND.trim().split(' ').skip(2))
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("tidegate starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{before}{COMMAND}{printed}```{rest}")).expect("the README can be written");
        return;
    }
    assert_eq!(shown, printed, "run it with UPDATE=1 to take the new output over");
}

#[test]
fn the_benchmark_page_has_every_policy() {
    let page = include_str!("../../docs/scaling.md");
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(["simulate", "--policy", "list"]).output();
    let list = String::from_utf8(output.expect("tidegate starts").stdout).expect("text");
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert!(names.len() > 15, "{list}");
    let missing: Vec<&&str> =
        names.iter().filter(|name| !page.contains(&format!("| {name} | spec bounds |"))).collect();
    assert!(missing.is_empty(), "docs/scaling.md is old: docs/benchmark.md says how it is made; missing: {missing:?}");
}
