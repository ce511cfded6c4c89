//! What `deploy/` holds is judged by the programs and schemas of those who will read it.

mod ecs;
mod image;
mod kubernetes;
mod prometheus;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a judge says about this.
fn judged(command: &mut Command, about: &str) -> String {
    let mut judge =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    judge.stdin.take().expect("a pipe").write_all(about.as_bytes()).expect("it reads");
    let output = judge.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy").join(name)
}

/// Whether the program takes these arguments: with `--help` behind them it does nothing, and still refuses what it does not know.
fn takes(arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--help"]).collect();
    let output = crate::serve::running::command(folder.path(), &arguments).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
