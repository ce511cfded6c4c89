//! Documentation that follows from the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tidegate::lint::builtin;
use tidegate::lint::cases::Cases;
use tidegate::lint::engine::{Engine, RULE_LIMIT};
use tidegate::lint::facts::facts;
use tidegate::lint::functions;
use tidegate::lint::reading::Reading;
use tidegate::lint::rule::About;
use tidegate::report::lint::rules;
use tidegate::spec::Source;

fn abouts() -> Vec<Arc<About>> {
    let thread = std::thread::Builder::new().stack_size(32 << 20);
    let load = || {
        Engine::load(&builtin::files(), RULE_LIMIT).0.policies.iter().map(|policy| Arc::clone(&policy.about)).collect()
    };
    thread.spawn(load).unwrap().join().unwrap()
}

#[test]
fn the_rules_page_is_what_the_policies_say() {
    let abouts = abouts();
    let with_cases: Vec<(&About, Cases)> =
        abouts.iter().zip(builtin::RULES).map(|(about, rule)| (&**about, Cases::read(rule.cases).unwrap())).collect();
    let text = rules::page(&with_cases);
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "docs/rules.md is not what the policies say: UPDATE=1 cargo test rules_page");
}

#[test]
fn there_are_many_rules_of_every_concern() {
    let abouts = abouts();
    assert!(abouts.len() >= 60, "{}", abouts.len());
    for concern in ["security", "reliability", "scaling", "cost", "hygiene"] {
        assert!(abouts.iter().filter(|about| about.concern.word() == concern).count() >= 10, "{concern}");
    }
}

/// Where the keys of an object are names of the spec.
const NAMED: [&str; 10] =
    ["streams", "archives", "buckets", "keys", "access", "endpoints", "tags", "own_tags", "stream_tags", "names"];

/// Adds each field of some facts, with the sorts of values that it has.
fn shape(path: &str, facts: &Value, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let sort = match facts {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    found.entry(path.to_owned()).or_default().insert(sort);
    // As written by the user, and of many forms.
    if ["input.document", "input.iam"].contains(&path) || path.ends_with("path") {
        return;
    }
    match facts {
        Value::Array(items) => items.iter().for_each(|item| shape(&format!("{path}[]"), item, found)),
        Value::Object(fields) => {
            let last = path.rsplit('.').next().unwrap_or_default();
            let named = NAMED.contains(&last);
            for (name, field) in fields {
                shape(&format!("{path}.{}", if named { "NAME" } else { name }), field, found);
            }
        }
        _ => {}
    }
}

/// The page with what is generated between two marks.
fn between(page: &str, mark: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = page.split_once(&begin).expect(mark);
    let (_, after) = rest.split_once(&end).expect(mark);
    format!("{before}{begin}{text}{end}{after}")
}

#[test]
fn the_policies_page_is_what_facts_and_functions_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let specs = std::fs::read_dir(root.join("specs")).unwrap().map(|entry| entry.unwrap().path());
    let specs = specs.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let mut found = BTreeMap::new();
    for path in specs.chain([root.join("tests/laws/every_kind.yaml")]) {
        let source = Source::new("a.yaml", &std::fs::read_to_string(&path).unwrap()).unwrap();
        let reading = Reading::of(&source, &|_, _| Some("123456789012".to_owned()));
        let known = reading.known().unwrap_or_else(|| panic!("{}: {:?}", path.display(), reading.problems));
        shape("input", &facts(&known), &mut found);
    }
    found.remove("input");
    let sorts = |sorts: &BTreeSet<&str>| sorts.iter().copied().collect::<Vec<_>>().join(" or ");
    let rows: String = found.iter().map(|(path, kinds)| format!("| `{path}` | {} |\n", sorts(kinds))).collect();
    let listed = |names: &[&str]| {
        let names =
            names.iter().map(|name| if name.ends_with('.') { format!("`{name}*`") } else { format!("`{name}`") });
        names.collect::<Vec<_>>().join(", ") + "\n"
    };
    let file = root.join("docs/policies.md");
    let there = std::fs::read_to_string(&file).unwrap();
    let page = between(&there, "fields", &format!("| field | value |\n|---|---|\n{rows}"));
    let page = between(&page, "functions", &listed(functions::BUILT_IN));
    let page = between(&page, "missing", &listed(functions::MISSING));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert!(there == page, "docs/policies.md is not what there is: UPDATE=1 cargo test policies_page");
}
