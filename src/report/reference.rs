//! Reference pages made from the code: the specification's fields from their JSON Schema, the kinds from their tables.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::model::{Change, Compare, Schema, When};
use crate::plan::{PRICES_DATE, PRICES_SOURCE, price_table};

/// Nesting of fields; deeper is a circle.
const DEEPEST: usize = 8;

/// Every field of the specification with its type, default, meaning and example, as Markdown.
pub fn specification(schema: &Json) -> String {
    let mut text = String::from(
        "# The specification, field by field\n\nGenerated from the code (`UPDATE=1 cargo test laws`); do not edit. \
         `tidegate schema` prints the same as JSON Schema.\n\n\
         Durations are whole numbers with a unit (`d`, `h`, `m`, `s`), sizes too (`GiB`, `MiB`, `KiB`, `B`).\n\
         `${env:NAME}` and `${var:NAME}` are replaced inside values; an unset one is a mistake. Where a value is one\n\
         variable and nothing else, in quotes or not, a field takes it as the text, number or truth value that it wants.\n\n\
         Nothing here is a place for a secret: names (also of KCL applications), tags, descriptions, ARNs, ids of accounts,\n\
         VPCs, subnets and security groups, address ranges and prefixes of objects are sent to AWS, where they are plain to\n\
         read, and stand in plans and plan files. What is wrong with the value of a variable is said without the value, and\n\
         no message tells what `${env:NAME}` holds. The environment often holds secrets, so it is a mistake in tags and\n\
         descriptions; what may be seen is passed on by `--var NAME=VALUE` or `--var-file FILE` as `${var:NAME}`.\n\n\
         | field | type | default | meaning |\n|---|---|---|---|\n",
    );
    rows(schema, schema, "", 0, &mut text);
    text
}

fn rows(root: &Json, at: &Json, prefix: &str, depth: usize, text: &mut String) {
    let at = follow(root, at);
    let required: Vec<&str> = at["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for (name, field) in at["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let default = match field.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            Some(Json::Null) | None => String::new(),
            Some(Json::Object(map)) if map.is_empty() => String::new(),
            Some(Json::Array(list)) if list.is_empty() => String::new(),
            Some(default) => format!("`{}`", shown(default)),
        };
        let meaning = cell(&described(root, field));
        let example = field.get("examples").or_else(|| follow(root, field).get("examples"));
        let example = example.and_then(|examples| examples.get(0));
        let example = example.map(|example| format!(" For example `{}`.", shown(example))).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{path}` | {} | {default} | {meaning}{example} |", kind(root, field));
        if depth < DEEPEST {
            inside(root, field, &path, depth, text);
        }
    }
}

/// The fields of whatever a field holds: a map's values, a list's items, one of several forms.
fn inside(root: &Json, field: &Json, path: &str, depth: usize, text: &mut String) {
    let target = follow(root, field);
    if target["properties"].is_object() {
        rows(root, target, path, depth + 1, text);
    }
    if target["additionalProperties"].is_object() {
        rows(root, &target["additionalProperties"], &format!("{path}.NAME"), depth + 1, text);
    }
    for entries in target["patternProperties"].as_object().into_iter().flatten() {
        rows(root, entries.1, &format!("{path}.NAME"), depth + 1, text);
    }
    if target["items"].is_object() {
        rows(root, &target["items"], &format!("{path}[]"), depth + 1, text);
    }
    for form in target["anyOf"].as_array().into_iter().flatten() {
        if follow(root, form)["properties"].is_object() {
            rows(root, form, path, depth + 1, text);
        }
    }
}

fn follow<'a>(root: &'a Json, at: &'a Json) -> &'a Json {
    let reference = at["$ref"].as_str().or_else(|| at["allOf"][0]["$ref"].as_str());
    match reference.and_then(|reference| reference.strip_prefix('#')).and_then(|pointer| root.pointer(pointer)) {
        Some(target) => target,
        // An optional value is itself or null.
        None => match at["anyOf"].as_array().map(Vec::as_slice) {
            Some([form, null]) if null["type"] == "null" => follow(root, form),
            _ => at,
        },
    }
}

fn described(root: &Json, field: &Json) -> String {
    let own = field["description"].as_str();
    own.or_else(|| follow(root, field)["description"].as_str()).unwrap_or_default().to_owned()
}

fn kind(root: &Json, field: &Json) -> String {
    let target = follow(root, field);
    let list = |values: &Json| values.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>().join("`, `");
    if target["enum"].is_array() {
        return format!("`{}`", list(&target["enum"]));
    }
    if let Some(forms) = target["oneOf"].as_array() {
        let words: Vec<String> =
            forms.iter().filter(|form| !form["const"].is_null()).map(|form| shown(&form["const"])).collect();
        if !words.is_empty() {
            return format!("`{}`", words.join("`, `"));
        }
    }
    let word = match &target["type"] {
        Json::String(word) => word.clone(),
        Json::Array(words) => {
            words.iter().filter_map(Json::as_str).find(|word| *word != "null").unwrap_or("any").to_owned()
        }
        _ if !target["const"].is_null() => return format!("`{}`", shown(&target["const"])),
        _ => "one of several".to_owned(),
    };
    match word.as_str() {
        "object" if target["properties"].is_object() => "block".into(),
        "object" => "map".into(),
        "array" => format!("list of {}", kind(root, &target["items"])),
        "string" => "text".into(),
        "boolean" => "yes or no".into(),
        _ => word,
    }
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What each kind of resource is made of, what a change costs, and which permissions it takes, as Markdown.
pub fn resources(schemas: &[&Schema]) -> String {
    let mut text = String::from(
        "# The resources, field by field\n\nGenerated from the code (`UPDATE=1 cargo test laws`); do not edit.\n\
         In order of creation; deletion goes backwards.\n",
    );
    for schema in schemas {
        let data = schema.holds_data.map_or_else(
            || "holds nothing that cannot be made again".to_owned(),
            |data| format!("holds data: with it goes {data}"),
        );
        let _ = write!(
            text,
            "\n## {}: {}\n\nCreated by `{}`, deleted by `{}`; {data}.\n\n",
            schema.kind, schema.title, schema.create, schema.delete
        );
        text.push_str("| field | a change | AWS's default | meaning |\n|---|---|---|---|\n");
        for field in schema.fields {
            let change = match field.change {
                Change::InPlace(operation) => format!("in place, `{operation}`"),
                Change::Replace(why) => format!("**replaces it**: {why}"),
                Change::Fixed => "makes another resource".into(),
                Change::Delegated => "is not compared".into(),
            };
            let owner = if field.compare == Compare::Within {
                "; what the spec leaves open belongs to the autoscaler"
            } else {
                ""
            };
            let default = field.default.map(|default| format!("`{}`", shown(&default().to_json()))).unwrap_or_default();
            let _ = writeln!(text, "| `{}` | {change}{owner} | {default} | {} |", field.name, cell(field.doc));
        }
        text.push('\n');
        for (when, words) in [
            (When::Read, "to plan"),
            (When::Create, "to create"),
            (When::Update, "to change"),
            (When::Delete, "to delete"),
        ] {
            let permits = schema.permits.iter().filter(|permit| permit.when == when);
            let mut actions: Vec<String> = Vec::new();
            for action in permits.flat_map(|permit| permit.actions).map(|action| format!("`{action}`")) {
                if !actions.contains(&action) {
                    actions.push(action);
                }
            }
            if !actions.is_empty() {
                let _ = writeln!(text, "- Permissions {words}: {}.", actions.join(", "));
            }
        }
    }
    let _ = write!(
        text,
        "\n## Prices\n\nUS dollars of {PRICES_DATE}, from {PRICES_SOURCE}.\n\n| name | dollars |\n|---|---|\n"
    );
    for (name, dollars) in price_table().0 {
        let _ = writeln!(text, "| `{name}` | {dollars} |");
    }
    text
}
