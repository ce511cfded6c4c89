//! Laws: what must hold for every kind, every example and every generated text.

mod bench;
mod crashes;
mod election;
mod fields;
mod listed;
mod planning;
mod quotas;
mod regions;
mod sizing;
mod together;

use tidegate::cli;
use tidegate::kinds::{self, KINDS, Pipeline, SCHEMAS};
use tidegate::model::{Change, Scope};
use tidegate::report::reference;

fn scope(spec: &Pipeline) -> Scope {
    Scope {
        pipeline: spec.pipeline.as_str().into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
    }
}

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples, by file name.
fn examples() -> Vec<(String, String)> {
    let files = std::fs::read_dir(root().join("specs")).expect("specs can be read");
    let mut examples: Vec<(String, String)> = files
        .map(|file| file.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("an example can be read")))
        .collect();
    examples.sort();
    examples
}

/// A generated file equals what the code makes; `UPDATE=1` writes it.
fn generated(file: &str, text: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("the generated file can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{file} is not what the code makes: UPDATE=1 cargo test laws");
}

#[test]
fn generated_pages_are_up_to_date() {
    let schema = cli::schema_text();
    generated("specs/schema.json", &schema);
    let schema = serde_json::from_str(&schema).expect("the schema is JSON");
    generated("docs/spec.md", &reference::specification(&schema));
    generated("docs/resources.md", &reference::resources(SCHEMAS));
    generated("docs/defaults.md", &kinds::defaults::page());
}

#[test]
fn every_default_is_what_the_page_says() {
    let spec: Pipeline = serde_yaml::from_str(kinds::defaults::BARE).expect("a pipeline");
    let wishes = kinds::wish(&spec, &scope(&spec));
    assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
    let kinds_told: std::collections::BTreeSet<&str> =
        kinds::defaults::DEFAULTS.iter().filter_map(|chosen| chosen.address.split('/').next()).collect();
    for chosen in kinds::defaults::DEFAULTS {
        let address = chosen.address.parse().expect("an address");
        let desired = wishes.graph.get(&address).unwrap_or_else(|| panic!("no {address}"));
        let value = desired.attrs.get(chosen.field).unwrap_or_else(|| panic!("no {} of {address}", chosen.field));
        let told = value.to_json().to_string();
        assert!(told.contains(chosen.value), "{address} {}: {told} is not {}", chosen.field, chosen.value);
    }
    assert!(kinds_told.len() >= 9, "{kinds_told:?}");
}

#[test]
fn there_are_at_least_six_examples_and_the_schema_takes_each() {
    let schema: serde_json::Value = serde_json::from_str(&cli::schema_text()).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a JSON Schema");
    assert!(examples().len() >= 6);
    for (name, text) in examples() {
        let json: serde_json::Value = serde_yaml::from_str(&text).expect("an example is YAML");
        let mistakes: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{name}: {mistakes:?}");
        let mut misspelt = json.clone();
        misspelt["streems"] = serde_json::json!({});
        assert!(!validator.is_valid(&misspelt), "{name}: a misspelt section is refused");
    }
}

/// Every field of the schema with its place, also those of the definitions.
fn fields<'a>(schema: &'a serde_json::Value) -> Vec<(String, &'a serde_json::Value)> {
    let definitions = schema["$defs"].as_object().expect("definitions").iter();
    let all = definitions.map(|(name, definition)| (name.as_str(), definition)).chain([("", schema)]);
    let of = |(name, definition): (&'a str, &'a serde_json::Value)| {
        let properties = definition["properties"].as_object().into_iter().flatten();
        properties.map(move |(field, schema)| (format!("{name}.{field}"), schema))
    };
    all.flat_map(of).collect()
}

/// The examples of a field, or of the type that it refers to.
fn shown(field: &serde_json::Value, schema: &serde_json::Value) -> Vec<serde_json::Value> {
    if let Some(examples) = field["examples"].as_array() {
        return examples.clone();
    }
    let refers = field["$ref"].as_str().and_then(|reference| schema.pointer(reference.trim_start_matches('#')));
    let choices = ["anyOf", "oneOf"].iter().flat_map(|choice| field[*choice].as_array().into_iter().flatten());
    refers.into_iter().chain(choices).flat_map(|choice| shown(choice, schema)).collect()
}

#[test]
fn every_field_is_described_with_an_example_that_the_schema_takes() {
    let schema: serde_json::Value = serde_json::from_str(&cli::schema_text()).expect("the schema is JSON");
    let mut wrong = Vec::new();
    for (place, field) in fields(&schema) {
        let examples = shown(field, &schema);
        if !field["description"].is_string() || examples.is_empty() {
            wrong.push(format!("{place} has no description or no example"));
        }
        let mut alone = field.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::validator_for(&alone).expect("a JSON Schema");
        let refused = examples.into_iter().filter(|example| !validator.is_valid(example));
        wrong.extend(refused.map(|example| format!("{place}: the schema refuses {example}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_spec_keeps_its_meaning_through_yaml() {
    for (name, text) in examples() {
        let spec: Pipeline = serde_yaml::from_str(&text).expect("an example is a pipeline");
        let again: Pipeline = serde_yaml::from_str(&serde_yaml::to_string(&spec).expect("it can be written"))
            .expect("what was written can be read");
        let (one, two) = (kinds::wish(&spec, &scope(&spec)), kinds::wish(&again, &scope(&again)));
        assert!(one.problems.is_empty(), "{name}: {:?}", one.problems);
        let attrs = |wishes: &kinds::Wishes| {
            wishes.graph.iter().map(|desired| (desired.address.clone(), desired.attrs.clone())).collect::<Vec<_>>()
        };
        assert_eq!(attrs(&one), attrs(&two), "{name}");
    }
}

#[test]
fn every_kind_is_documented_and_permitted() {
    for (kind, schema) in KINDS.iter().zip(SCHEMAS) {
        assert_eq!(kind.schema().kind, schema.kind);
        assert!(!schema.title.is_empty() && !schema.permits.is_empty(), "{}", schema.kind);
        for field in schema.fields {
            assert!(field.doc.ends_with('.'), "{}.{} has a sentence that says what it is", schema.kind, field.name);
            if let Change::InPlace(operation) = field.change {
                assert!(operation.contains(':'), "{}.{}: {operation}", schema.kind, field.name);
            }
        }
        for permit in schema.permits {
            for action in permit.actions {
                assert!(action.contains(':') && !action.contains('*'), "{}: {action}", schema.kind);
            }
        }
    }
}
