//! The page for GitLab in the README, run as a runner runs it.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

use serde_yaml::Value;

use super::action::CLEAN;
use super::{BAD, Place, from_readme};
use crate::support::python;

fn page() -> String {
    from_readme("GitLab (")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A clone of a merge request whose branch adds a spec, and the commit that it began at. `depth`: as of `GIT_DEPTH`.
fn clone(added: &str, depth: &str) -> (Place, String) {
    let place = Place::with(&[("origin/specs/a.yaml", BAD), ("bin/.keep", ""), ("home/.keep", "")]);
    let git = |command: &str| place.git(command);
    git("-C origin init -q -b main");
    git("-C origin add -A");
    git("-C origin commit -q -m first");
    place.write("origin/specs/b.yaml", added);
    git("-C origin add -A");
    git("-C origin commit -q -m second");
    let depth = if depth == "0" { String::new() } else { format!("--depth {depth} ") };
    git(&format!("clone -q {depth}file://{}/origin clone", place.path().display()));
    let base = Command::new("git").args(["rev-parse", "HEAD^"]).current_dir(place.path().join("origin")).output();
    let base = text(&base.unwrap().stdout).trim().to_owned();
    (place, base)
}

/// Runs the job's scripts as GitLab's runner does: one shell that ends at the first command that fails.
fn run(place: &Place, base: &str) -> Output {
    let page: BTreeMap<String, Value> = serde_yaml::from_str(&page()).unwrap();
    let lines = ["before_script", "script"].into_iter().flat_map(|part| page["lint"][part].as_sequence().unwrap());
    let script: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
    let clone = place.path().join("clone");
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script.join("\n")]).current_dir(&clone);
    bash.env_clear().env("PATH", format!("{}:/usr/bin:/bin", place.path().join("bin").display()));
    bash.env("HOME", place.path().join("home")).env("CI", "true").env("GITLAB_CI", "true");
    bash.env("CI_PROJECT_DIR", &clone).env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
    bash.output().unwrap()
}

#[test]
fn the_page_is_one_that_gitlab_accepts() {
    let place = Place::with(&[(".gitlab-ci.yml", &page())]);
    let check = |file: &str| {
        let mut check = Command::new(python::check_jsonschema());
        check.args(["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", file]);
        check.current_dir(place.path()).output().unwrap()
    };
    let output = check(".gitlab-ci.yml");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    place.write("wrong.yml", &page().replace("when: always", "when: ever"));
    assert!(!check("wrong.yml").status.success(), "the schema refuses nothing");
}

#[test]
fn the_job_tells_what_a_merge_request_brings_whether_the_program_is_there_or_not() {
    let page: BTreeMap<String, Value> = serde_yaml::from_str(&page()).unwrap();
    let depth = page["lint"]["variables"]["GIT_DEPTH"].as_str().unwrap();
    assert_eq!(page["lint"]["cache"]["paths"][0], ".tidegate", "where the program is installed");
    for installed in [true, false] {
        let (place, base) = clone(&BAD.replace("demo", "other"), depth);
        let program = env!("CARGO_BIN_EXE_tidegate");
        if installed {
            symlink(program, place.path().join("bin/tidegate")).unwrap();
        } else {
            let cargo = format!(
                "#!/bin/sh\n[ \"$1 $2 $3\" = 'install --locked --git' ] && [ \"$5\" = --root ] || exit 9\nmkdir -p \"$6/bin\" && ln -s {program} \"$6/bin/tidegate\"\n"
            );
            place.write("bin/cargo", &cargo);
            std::fs::set_permissions(place.path().join("bin/cargo"), PermissionsExt::from_mode(0o755)).unwrap();
        }
        let output = run(&place, &base);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("specs/b.yaml:5:") && !said.contains("specs/a.yaml"), "{said}");
        let report = place.read("clone/lint.xml");
        assert!(report.contains("stream-unencrypted") && report.contains("specs/b.yaml"), "{report}");
    }
    let (place, base) = clone(&CLEAN.replace("demo", "other"), depth);
    symlink(env!("CARGO_BIN_EXE_tidegate"), place.path().join("bin/tidegate")).unwrap();
    let output = run(&place, &base);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_clone_that_lacks_the_base_is_no_clean_one() {
    let (place, base) = clone(CLEAN, "1");
    symlink(env!("CARGO_BIN_EXE_tidegate"), place.path().join("bin/tidegate")).unwrap();
    let output = run(&place, &base);
    assert_eq!(output.status.code(), Some(2), "{}{}", text(&output.stdout), text(&output.stderr));
}
