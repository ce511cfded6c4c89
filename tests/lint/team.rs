//! What a team agrees on: suppressions, baselines, revisions, settings, fixes.

use super::{BAD, Place};

const OLD: &str =
    "apiVersion: tidegate/v1\npipeline: demo\nkeys:\n  old: { rotation: none } # since 2019\nstreams: {}\n";

#[test]
fn suppressions_need_a_reason_and_protected_rules_stay() {
    let silenced =
        OLD.replace("# since 2019", "# tidegate: ignore[key-rotation-off, key-unused] reason=\"leaves in spring\"");
    let place = Place::with(&[("a.yaml", &silenced)]);
    assert_eq!(place.run("lint a.yaml --format json").rules(), [""; 0]);
    assert_eq!(place.run("lint a.yaml --format json --no-suppressions").rules(), ["key-unused", "key-rotation-off"]);
    assert_eq!(place.run("lint a.yaml --no-suppressions").code, 1);
    place.write(
        "a.yaml",
        &BAD.replace("    encryption", "    # tidegate: ignore[stream-unencrypted] reason=x\n    encryption"),
    );
    let rules = place.run("lint a.yaml --format json").rules();
    assert!(
        rules.contains(&"stream-unencrypted".to_owned()) && rules.contains(&"suppression-of-protected".to_owned()),
        "{rules:?}"
    );
}

#[test]
fn a_baseline_lets_only_new_findings_through() {
    let place = Place::with(&[("a.yaml", OLD)]);
    assert_eq!(place.run("lint a.yaml --write-baseline base.json").code, 0);
    assert_eq!(place.run("lint a.yaml --baseline base.json").code, 0);
    place.write("a.yaml", &OLD.replace("streams: {}", "# moved\n\nstreams: { clicks: { encryption: { key: none } } }"));
    let rules = place.run("lint a.yaml --baseline base.json --format json --fail-on error").rules();
    assert!(
        rules.contains(&"stream-unencrypted".to_owned()) && !rules.contains(&"key-rotation-off".to_owned()),
        "{rules:?}"
    );
    assert_eq!(place.run("lint a.yaml --baseline nothing.json").code, 2);
}

#[test]
fn since_a_revision_tells_what_the_change_brings() {
    let place = Place::with(&[("specs/a.yaml", OLD)]);
    place.git("init -q -b main");
    place.git("add -A");
    place.git("commit -q -m first");
    assert_eq!(place.run("lint specs --since main").code, 0);
    place.write("specs/b.yaml", BAD);
    let rules = place.run("lint specs --since main --format json --select security").rules();
    assert_eq!(rules, ["stream-unencrypted"]);
    let run = place.run("lint specs --since nonsense");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("git knows no revision `nonsense`"), "{}", run.err);
}

#[test]
fn settings_are_read_and_arguments_go_before_them() {
    let toml = "[lint]\npaths = [\"specs\"]\nignore = [\"key-unused\"]\nfail-on = \"error\"\nprotected = [\"key-rotation-off\"]\n[lint.severity]\nkey-rotation-off = \"error\"\n";
    let place = Place::with(&[("specs/a.yaml", OLD), ("tidegate.toml", toml)]);
    assert_eq!(place.run("lint --format json").rules(), ["key-rotation-off"]);
    assert_eq!(place.run("lint").code, 1);
    place.write("tidegate.toml", "[lint]\nignroe = []\n");
    let run = place.run("lint specs");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("line 2"), "{}", run.err);
}

#[test]
fn fixes_keep_everything_else() {
    let place = Place::with(&[("a.yaml", OLD)]);
    let shown = place.run("lint a.yaml --fix --diff").out;
    assert!(
        shown.contains("-  old: { rotation: none } # since 2019\n+  old: { rotation: 365d } # since 2019\n"),
        "{shown}"
    );
    assert_eq!(place.read("a.yaml"), OLD, "--diff writes nothing");
    place.run("lint a.yaml --fix");
    assert_eq!(place.read("a.yaml"), OLD.replace("rotation: none", "rotation: 365d"));
}
