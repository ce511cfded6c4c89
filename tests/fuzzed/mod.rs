//! What is fuzzed still compiles, and its first inputs still pass: [the long run](../../fuzz/README.md) needs nightly Rust, so a change that
//! breaks a target would be seen months later.

use std::process::Command;

/// Of the first inputs of a target, which may be hundreds, so many are read, spread over all…
const READ: usize = 12;
/// …and of answers more, so that each question is asked: they come in groups of at least five.
const ANSWERS_READ: usize = 60;
/// As much as the program gives the threads that judge.
const STACK: usize = 64 << 20;

/// Each target as a module, and all of them in a list.
macro_rules! targets {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(#[path = $path]
        mod $name;)*
        const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::read)),*];
    };
}

targets! {
    answers = "../../fuzz/targets/answers.rs",
    arguments = "../../fuzz/targets/arguments.rs",
    comments = "../../fuzz/targets/comments.rs",
    iam = "../../fuzz/targets/iam.rs",
    local = "../../fuzz/targets/local.rs",
    plans = "../../fuzz/targets/plans.rs",
    rego = "../../fuzz/targets/rego.rs",
    settings = "../../fuzz/targets/settings.rs",
    spec = "../../fuzz/targets/spec.rs",
    traces = "../../fuzz/targets/traces.rs",
}

/// Stands where libFuzzer's macro stands in a build for fuzzing: the body becomes a function. Behind the targets, so that they
/// find it by the crate's name alone.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub fn read($bytes: &[u8]) $body
    };
}

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let done = Command::new("python3").arg(root.join("fuzz/seeds")).arg(target).arg(folder.path()).output();
    let done = done.expect("Python writes the first inputs");
    assert!(done.status.success(), "{target}: {}", String::from_utf8_lossy(&done.stderr));
    let entries = std::fs::read_dir(folder.path()).expect("the folder can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = if target == "answers" { ANSWERS_READ } else { READ };
    let step = paths.len().div_ceil(read).max(1);
    paths.iter().step_by(step).map(|path| std::fs::read(path).expect("an input can be read")).collect()
}

#[test]
fn every_target_reads_its_first_inputs() {
    for (name, read) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no first inputs");
        let work = move || inputs.iter().for_each(|bytes| read(bytes));
        let thread = std::thread::Builder::new().name((*name).to_owned()).stack_size(STACK).spawn(work);
        assert!(thread.expect("a thread").join().is_ok(), "{name}");
    }
}

#[test]
fn every_target_is_here_and_in_the_workspace_of_fuzzing() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("the manifest can be read");
    let entries = std::fs::read_dir(root.join("fuzz/targets")).expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "{name} is not tested");
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
    }
}
