//! The README's day: its very commands, at full speed and on a free port.

use super::running::command;

#[test]
fn the_day_of_the_readme_passes_with_resizes() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    let (_, after) = readme.split_once("### See a day pass").expect("the section");
    let block = after.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let lines: Vec<&str> = block.lines().map(|line| line.strip_prefix("$ tidegate ").expect("a command")).collect();
    let [init, apply, run] = lines[..] else { panic!("three commands are expected: {lines:?}") };
    assert!(run.contains("--speed 600") && run.contains("--listen 127.0.0.1:9464"), "{run}");
    // Two of them: the clock is the real one, and a day that begins in the small hours ends before its night's shrink.
    let day = run.replace("--speed 600", "--speed max --for 48h").replace(":9464", ":0");
    let folder = tempfile::tempdir().expect("a folder");
    let mut said = String::new();
    for line in [init, apply, day.as_str()] {
        let words: Vec<&str> = line.split(' ').collect();
        let output = command(folder.path(), &words).output().expect("it starts");
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !wrong.contains("warning"), "{line}: {wrong}");
        said = String::from_utf8(output.stdout).expect("text");
    }
    let resizes = |why: &str| said.lines().filter(|line| line.contains("  resize ") && line.contains(why)).count();
    assert!(resizes("grow: ") >= 2 && resizes("shrink: ") >= 1, "{said}");
}
