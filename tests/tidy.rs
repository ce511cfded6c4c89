//! The fences of the architecture. What is absent is written down here and enforced; `src/README.md` gives the reasons.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

struct File {
    /// Relative to the project's root, such as `src/plan/diff.rs`.
    name: String,
    /// Without tests.
    code: String,
    lines: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The sources without their tests: neither inline ones nor modules that exist for tests alone.
fn sources() -> Vec<File> {
    let mut test_modules = BTreeSet::new();
    let mut files = Vec::new();
    for path in rust_files("src") {
        let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
        let mut code = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("#[cfg(test)]") {
            code.push_str(&rest[..at]);
            let after = &rest[at + "#[cfg(test)]".len()..];
            let item = after.trim_start();
            let declared = item.trim_start_matches("pub ").strip_prefix("mod ").and_then(|item| {
                let end = item.find([';', ' ', '{'])?;
                item[end..].starts_with(';').then(|| item[..end].to_owned())
            });
            match declared {
                Some(module) => {
                    let folder = path.with_extension("");
                    let folder =
                        if path.ends_with("mod.rs") { path.parent().expect("a parent").to_owned() } else { folder };
                    test_modules.insert(folder.join(format!("{module}.rs")));
                    rest = &after[after.find(';').expect("a declaration ends") + 1..];
                }
                // Inline test modules stand last in a file.
                None if item.starts_with("mod ") => {
                    rest = "";
                }
                None => rest = after,
            }
        }
        code.push_str(rest);
        let name = path.strip_prefix(root()).expect("inside the project").display().to_string();
        files.push((path, File { name, code, lines: text.lines().count() }));
    }
    files.into_iter().filter(|(path, _)| !test_modules.contains(path)).map(|(_, file)| file).collect()
}

/// Fails with the rule's sentence and every place that breaks it.
fn forbid(rule: &str, places: Vec<String>) {
    assert!(places.is_empty(), "{rule}\n  {}", places.join("\n  "));
}

fn lines_with<'a>(file: &'a File, words: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    let code = file.code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(move |(_, line)| words.iter().any(|word| line.contains(word)))
        .map(move |(at, line)| format!("{}:{}: {}", file.name, at + 1, line.trim()))
}

const PURE: &[&str] = &[
    "src/model/",
    "src/spec/",
    "src/plan/",
    "src/report/",
    "src/scale/",
    "src/simulate/",
    "src/lint/",
    "src/control/",
];

#[test]
fn pure_folders_know_no_world() {
    let world = &[
        "tokio",
        "aws_",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant",
        "Timestamp::now",
        "fastrand",
        "tracing",
        "reqwest",
        "std::io",
    ];
    let pure = sources().into_iter().filter(|file| PURE.iter().any(|folder| file.name.starts_with(folder)));
    let places = pure.collect::<Vec<_>>();
    forbid(
        "pure folders know no runtime, SDK, file system, network, environment, process, clock, randomness or tracing",
        places.iter().flat_map(|file| lines_with(file, world)).collect(),
    );
}

#[test]
fn modules_import_only_what_they_may() {
    let may: &[(&str, &[&str])] = &[
        ("src/model/", &["model"]),
        ("src/spec/", &["model", "spec"]),
        ("src/plan/", &["model", "plan"]),
        ("src/scale/", &["model", "scale"]),
        ("src/control/", &["model", "scale", "control"]),
        ("src/simulate/", &["model", "plan", "scale", "local", "simulate"]),
        ("src/report/", &["model", "plan", "spec", "scale", "control", "simulate", "lint", "report"]),
        ("src/lint/", &["model", "plan", "spec", "kinds", "lint"]),
        ("src/local/", &["model", "cloud", "disk", "local"]),
        ("src/apply/", &["model", "cloud", "plan", "apply"]),
        ("src/run/", &["model", "cloud", "disk", "aws", "control", "plan", "scale", "kinds", "apply", "run"]),
        ("src/serve/", &["cloud", "control", "apply", "report", "serve"]),
        ("src/aws/", &["model", "cloud", "disk", "kinds", "aws"]),
        ("src/kinds/", &["model", "cloud", "aws", "kinds"]),
        ("src/cloud.rs", &["model"]),
        ("src/disk.rs", &[]),
    ];
    let mut places = Vec::new();
    for file in sources() {
        let Some((_, allowed)) = may.iter().find(|(folder, _)| file.name.starts_with(folder)) else { continue };
        for (at, line) in file.code.lines().enumerate() {
            for rest in line.split("crate::").skip(1) {
                let module = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if !allowed.contains(&module) && !module.is_empty() {
                    places.push(format!("{}:{}: {}", file.name, at + 1, line.trim()));
                }
            }
        }
    }
    forbid("each folder imports only what stands in the table of this test", places);
}

#[test]
fn sdk_types_stay_in_aws_and_kinds() {
    let outside =
        sources().into_iter().filter(|file| !file.name.starts_with("src/aws/") && !file.name.starts_with("src/kinds/"));
    let places = outside.collect::<Vec<_>>();
    forbid(
        "SDK types never leave aws/ and kinds/",
        places.iter().flat_map(|file| lines_with(file, &["aws_sdk", "aws_smithy", "aws_config"])).collect(),
    );
}

#[test]
fn spec_files_are_read_in_one_place() {
    let cli = sources().into_iter().filter(|file| file.name.starts_with("src/cli/"));
    let places = cli.filter(|file| file.code.contains("Source::from_bytes") && file.name != "src/cli/files.rs");
    forbid("only cli/files.rs reads spec files", places.map(|file| file.name).collect());
}

#[test]
fn files_and_functions_are_short() {
    let files = sources();
    let long = files.iter().filter(|file| file.lines > 500);
    forbid("a file has at most 500 lines", long.map(|file| format!("{} has {}", file.name, file.lines)).collect());
    let mut places = Vec::new();
    for file in &files {
        let lines: Vec<&str> = file.code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            let starts = [
                "fn ",
                "pub fn ",
                "pub(super) fn ",
                "pub(crate) fn ",
                "async fn ",
                "pub async fn ",
                "pub(super) async fn ",
                "const fn ",
                "pub const fn ",
            ];
            if !starts.iter().any(|start| trimmed.starts_with(start)) {
                continue;
            }
            let indent = line.len() - trimmed.len();
            let end = lines[at..].iter().position(|later| {
                later.len() > indent && later[..indent].trim().is_empty() && later[indent..].starts_with('}')
            });
            if let Some(length) = end.filter(|length| *length > 70) {
                places.push(format!("{}:{}: {length} lines: {}", file.name, at + 1, trimmed));
            }
        }
    }
    forbid("a function has at most 70 lines", places);
}

#[test]
fn nothing_is_called_utils() {
    let vague = ["utils", "util", "common", "helpers", "helper", "types", "manager", "misc"];
    let named = rust_files("src")
        .into_iter()
        .chain(rust_files("tests"))
        .filter(|path| path.iter().any(|part| vague.contains(&part.to_string_lossy().trim_end_matches(".rs"))));
    forbid("a module's name says what is in it", named.map(|path| path.display().to_string()).collect());
}

#[test]
fn nothing_is_left_unfinished_or_swallowed() {
    let words = &["todo!", "unimplemented!", "dbg!", ".unwrap()", "#[ignore", "allow(dead_code", "allow(clippy"];
    let places = sources();
    forbid(
        "no unfinished work, no unwrap and no silenced lint outside tests",
        places.iter().flat_map(|file| lines_with(file, words)).collect(),
    );
}

#[test]
fn every_dependency_says_why() {
    let cargo = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml can be read");
    let mut section = "";
    let mut places = Vec::new();
    for line in cargo.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies")
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains(" # ")
        {
            places.push(line.to_owned());
        }
    }
    forbid("each dependency says in its line why it is there", places);
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let texts = rust_files("src").into_iter().chain(rust_files("tests")).filter(|path| !path.ends_with("tidy.rs"));
    let mut places = Vec::new();
    for path in texts {
        let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
        if text.contains("/work/") || text.contains("/root/") {
            places.push(path.display().to_string());
        }
    }
    forbid("no path of somebody's machine in the code", places);
}
