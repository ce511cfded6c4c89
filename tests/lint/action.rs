//! The GitHub Action and the pre-commit hooks, run as their runners run them.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_yaml::Value;

use super::{BAD, Place, from_readme};
use crate::support::python;

pub const CLEAN: &str =
    "apiVersion: tidegate/v1\npipeline: demo\ntags: { team: web }\nalarms: { off: true }\nstreams: {}\n";

/// Runs the steps of `action.yml` that have a `run`, in a workspace, with the environment that GitHub gives.
struct Runner {
    place: Place,
    action: Value,
    inputs: BTreeMap<String, String>,
}

impl Runner {
    /// `installed`: the program is on the PATH; otherwise a `cargo` is that has it in store.
    fn new(files: &[(&str, &str)], inputs: &[(&str, &str)], installed: bool) -> Self {
        let place = Place::with(&[("home/.keep", ""), ("bin/.keep", "")]);
        files.iter().for_each(|(name, text)| place.write(&format!("workspace/{name}"), text));
        if installed {
            symlink(env!("CARGO_BIN_EXE_tidegate"), place.path().join("bin/tidegate")).unwrap();
        } else {
            let cargo = format!(
                "#!/bin/sh\n[ \"$1 $2 $3\" = 'install --locked --path' ] && [ -f \"$4/Cargo.toml\" ] && [ \"$5\" = --root ] || exit 9\nmkdir -p \"$6/bin\" && ln -s {} \"$6/bin/tidegate\"\n",
                env!("CARGO_BIN_EXE_tidegate")
            );
            place.write("bin/cargo", &cargo);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(place.path().join("bin/cargo"), mode).unwrap();
        }
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap();
        let action: Value = serde_yaml::from_str(&text).unwrap();
        let declared = action["inputs"].as_mapping().unwrap();
        let mut all: BTreeMap<String, String> = declared
            .iter()
            .map(|(name, input)| (name.as_str().unwrap().into(), input["default"].as_str().unwrap().into()))
            .collect();
        for (name, value) in inputs {
            assert!(all.insert((*name).into(), (*value).into()).is_some(), "{name} is no input");
        }
        Self { place, action, inputs: all }
    }

    fn workspace(&self) -> PathBuf {
        self.place.path().join("workspace")
    }

    /// `${{ inputs.NAME }}`, the only expression that stands in an environment.
    fn filled(&self, text: &str) -> String {
        let Some(name) = text.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")) else {
            assert!(!text.contains("${{"), "{text}");
            return text.to_owned();
        };
        self.inputs[name].clone()
    }

    /// The output of the last step, or of the first one that fails.
    fn run(&self) -> Output {
        let mut last = None;
        for step in self.action["runs"]["steps"].as_sequence().unwrap() {
            let Some(script) = step["run"].as_str() else {
                assert!(step["uses"].as_str().unwrap().starts_with("actions/cache@"), "only the cache is another's");
                continue;
            };
            assert!(!script.contains("${{"), "an expression in a script lets text of a workflow become code");
            assert_eq!(step["shell"], "bash", "a composite action must say its shell");
            let path = format!("{}:/usr/bin:/bin", self.place.path().join("bin").display());
            let mut bash = Command::new("bash");
            // What GitHub's runner makes of `shell: bash`.
            bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(self.workspace());
            bash.env_clear().env("PATH", path).env("HOME", self.place.path().join("home")).env("CI", "true");
            bash.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", self.workspace());
            bash.env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"));
            bash.env("GITHUB_STEP_SUMMARY", self.place.path().join("summary.md"));
            bash.env("GITHUB_OUTPUT", self.place.path().join("output"));
            for (name, value) in step["env"].as_mapping().into_iter().flatten() {
                bash.env(name.as_str().unwrap(), self.filled(value.as_str().unwrap()));
            }
            let output = bash.output().unwrap();
            let failed = !output.status.success();
            last = Some(output);
            if failed {
                break;
            }
        }
        last.expect("the action has a step")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_action_annotates_and_fails_where_something_is_found() {
    for installed in [true, false] {
        let runner = Runner::new(&[("specs/a.yaml", BAD)], &[], installed);
        let output = runner.run();
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
        assert!(said.lines().any(|line| line.starts_with("::error file=specs/a.yaml,line=5,")), "{said}");
        let sarif: serde_json::Value = serde_json::from_str(&runner.place.read("workspace/tidegate.sarif")).unwrap();
        assert_eq!(
            sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "specs/a.yaml"
        );
        assert!(runner.place.read("summary.md").contains("stream-unencrypted"));
    }
    let runner = Runner::new(&[("specs/a.yaml", CLEAN)], &[("paths", "specs"), ("sarif", "")], true);
    let output = runner.run();
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!runner.workspace().join("tidegate.sarif").exists());
}

/// A branch moves, and the program that was built from it before must not be taken for today's.
#[test]
fn the_cache_is_kept_by_what_the_program_is_built_from() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap();
    let action: Value = serde_yaml::from_str(&text).unwrap();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let asks = steps.iter().position(|step| step["id"] == "revision").unwrap();
    let cache = steps.iter().position(|step| step["id"] == "cache").unwrap();
    assert!(asks < cache, "the key is known before it is asked for");
    let key = steps[cache]["with"]["key"].as_str().unwrap();
    assert!(key.ends_with("-${{ steps.revision.outputs.hash }}") && !key.contains("github."), "{key}");
    let files = ["Cargo.toml", "Cargo.lock", "src/a b.rs", "policies/c.rego", "specs/d.yaml"];
    let place = Place::with(&files.map(|name| (name, "1\n")));
    let hash = || {
        let mut bash = Command::new("bash");
        let script = steps[asks]["run"].as_str().unwrap();
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        bash.env_clear().env("PATH", "/usr/bin:/bin").env("GITHUB_ACTION_PATH", place.path());
        let output = bash.env("GITHUB_OUTPUT", place.path().join("output")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = place.read("output");
        std::fs::remove_file(place.path().join("output")).unwrap();
        told.strip_prefix("hash=").expect("an output of the step").trim().to_owned()
    };
    let before = hash();
    assert_eq!((before.len(), hash()), (40, before.clone()), "the same files have one key");
    for name in files {
        place.write(name, "2\n");
        assert_ne!(hash(), before, "{name}");
        place.write(name, "1\n");
    }
    place.write("src/more.rs", "1\n");
    assert_ne!(hash(), before);
}

#[test]
fn inputs_of_the_action_are_words_and_never_code() {
    let inputs =
        [("paths", "specs $(touch one) `touch two` ; touch three"), ("args", "--fail-on error * && touch four")];
    let runner = Runner::new(&[("specs/a.yaml", BAD)], &inputs, true);
    assert_eq!(runner.run().status.code(), Some(2), "there are no such files");
    let left: Vec<String> = std::fs::read_dir(runner.workspace())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["specs"]);
    let runner = Runner::new(&[("specs/a.yaml", BAD)], &[("since", "--upload-pack=touch five")], true);
    assert_eq!(runner.run().status.code(), Some(2), "no such revision");
}

#[test]
fn the_action_tells_only_what_a_change_brings() {
    let inputs = [("paths", "specs"), ("since", "main"), ("args", "--select security --fail-on error")];
    let runner = Runner::new(&[("specs/a.yaml", BAD)], &inputs, true);
    runner.place.git("-C workspace init -q -b main");
    runner.place.git("-C workspace add -A");
    runner.place.git("-C workspace commit -q -m first");
    assert_eq!(runner.run().status.code(), Some(0));
    runner.place.write("workspace/specs/b.yaml", &BAD.replace("demo", "other"));
    let output = runner.run();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("::error file=specs/b.yaml,line=5,"), "{}", text(&output.stdout));
}

/// The hooks as pre-commit installs them, but for the compiling: the program under test is taken from the PATH.
fn hooks() -> Place {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.pre-commit-hooks.yaml")).unwrap();
    assert_eq!(file.matches("language: rust").count(), 2, "{file}");
    let place = Place::with(&[
        ("hooks/.pre-commit-hooks.yaml", &file.replace("language: rust", "language: system")),
        ("repo/.pre-commit-config.yaml", &from_readme("pre-commit, with the program")),
        ("repo/specs/a.yaml", &BAD.replace("streams:", "keys:\n  old: { rotation: none }\nstreams:")),
        ("repo/notes.txt", "nothing\n"),
    ]);
    for repository in ["hooks", "repo"] {
        place.git(&format!("-C {repository} init -q -b main"));
        place.git(&format!("-C {repository} add -A"));
        place.git(&format!("-C {repository} commit -q -m first"));
    }
    place
}

/// Runs pre-commit in the repository: whether all passed, and what was said.
fn pre_commit(place: &Place, command: &[&str], more: &[&str]) -> (bool, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tidegate"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut run = Command::new(python::pre_commit());
    run.current_dir(place.path().join("repo")).env("PATH", path).env("HOME", place.path());
    run.args(command).args(["--verbose", "--color", "never"]).args(more);
    let output = run.output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn hook(place: &Place, id: &str, more: &[&str]) -> (bool, String) {
    pre_commit(place, &["try-repo", "../hooks", id], more)
}

#[test]
fn the_hooks_of_pre_commit_find_and_mend() {
    let place = hooks();
    let (passed, said) = hook(&place, "tidegate-lint", &["--all-files"]);
    assert!(!passed && said.contains("stream-unencrypted") && said.contains("specs/a.yaml:7:"), "{said}");
    let (passed, said) = hook(&place, "tidegate-lint", &["--files", "notes.txt"]);
    assert!(passed && said.contains("no files to check"), "only YAML wakes it: {said}");
    let (passed, said) = hook(&place, "tidegate-fix", &["--all-files"]);
    assert!(!passed && said.contains("files were modified by this hook"), "{said}");
    assert!(place.read("repo/specs/a.yaml").contains("rotation: 365d"), "{said}");
}

#[test]
fn the_hook_of_the_readme_takes_the_program_that_is_there() {
    let place = hooks();
    let (passed, said) = pre_commit(&place, &["run"], &["--all-files"]);
    assert!(!passed && said.contains("stream-unencrypted") && said.contains("specs/a.yaml:7:"), "{said}");
    place.write("repo/specs/a.yaml", CLEAN);
    let (passed, said) = pre_commit(&place, &["run"], &["--all-files"]);
    assert!(passed && said.contains("Passed"), "{said}");
}
