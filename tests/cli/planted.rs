//! The page of all fields, field by field: a value of each that comes from a variable is told nowhere, whether or not any example has the
//! field.

use serde_json::{Value, json};

use super::leaks::{CANARY, COMMANDS, SONG, public, traces};

/// The full example, in which each field has its place.
const SPEC: &str = include_str!("../../specs/clickstream.yaml");
/// What a page of all fields says of each: its path and its type.
const PAGE: &str = include_str!("../../docs/spec.md");
/// Plan, apply, run and lint: a spec with a mistake ends all others in the same way.
const SAID: [usize; 4] = [0, 2, 4, 7];
/// Not a field that a variable may fill: it says how the rest is read.
const VERSION: &str = "apiVersion";

/// The paths of all fields that hold values: `streams.NAME.scaling.schedule[].min`.
fn paths() -> Vec<(&'static str, bool)> {
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (path, kind) = (cells.next()?.strip_suffix('`')?, cells.next()?);
        let holds = !["block", "map", "list of block"].contains(&kind) && path != VERSION;
        holds.then_some((path, kind.starts_with("list of")))
    };
    PAGE.lines().filter_map(row).collect()
}

/// Puts the value at the path: into the first of the names or items that there are, or a new one.
fn put(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    for step in path.split('.') {
        let (name, item) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        if !at.is_object() {
            *at = json!({});
        }
        let map = at.as_object_mut().expect("it is one now");
        let first = map.keys().next().cloned().unwrap_or_else(|| "one".into());
        let key = if name == "NAME" { first } else { name.to_owned() };
        at = map.entry(key).or_insert(Value::Null);
        if item {
            if !at.is_array() {
                *at = json!([{}]);
            }
            at = at.get_mut(0).expect("the first");
        }
    }
    *at = value;
}

#[test]
fn no_documented_field_tells_what_a_variable_holds() {
    let paths = paths();
    assert!(paths.len() > 100, "{} fields on the page", paths.len());
    let check = |(path, is_list): &(&str, bool)| {
        let mut tree: Value = serde_yaml::from_str(SPEC).expect("the example is YAML");
        let value = json!("${env:TOK}");
        put(&mut tree, path, if *is_list { json!([value]) } else { value });
        let folder = tempfile::tempdir().expect("a temporary folder");
        // JSON is YAML.
        std::fs::write(folder.path().join("tidegate.yaml"), tree.to_string()).expect("a file");
        // Where the value fits, what is public may be seen.
        let place = format!("/{}", path.replace("[]", ".*").replace("NAME", "*").replace('.', "/"));
        for words in SAID {
            let all = traces(folder.path(), COMMANDS[words], &[("TOK", CANARY)]);
            let may_tell = public(&place).is_some() && folder.path().join("saved.plan").exists();
            assert!(may_tell || !all.contains(SONG), "{} with {path}:\n{all}", COMMANDS[words]);
            assert!(all.contains("${env:TOK}"), "the spec itself is among the traces");
        }
    };
    std::thread::scope(|scope| {
        for half in paths.chunks(paths.len().div_ceil(2)) {
            scope.spawn(move || half.iter().for_each(check));
        }
    });
}
