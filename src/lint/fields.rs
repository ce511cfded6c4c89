//! The fields that a spec can have, by which the paths of declared rules are checked: a rule that looks where nothing can
//! be would find nothing for ever, or always something.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::kinds::Pipeline;

/// The specification's JSON Schema.
static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Pipeline).to_value());

/// Types that refer to themselves would be followed for ever; none of the specification goes so deep.
const DEEPEST: usize = 16;

/// The first part of a path that no spec can have, and what may stand in its place. `*` is any name or index.
pub fn unknown<'a>(path: &[&'a str]) -> Option<(&'a str, BTreeSet<String>)> {
    let mut here = Vec::new();
    resolve(&SCHEMA, 0, &mut here);
    for part in path {
        let next = below(&here, part);
        if next.is_empty() {
            return Some((part, here.iter().flat_map(|schema| names(schema)).collect()));
        }
        here = next;
    }
    None
}

/// What an amount is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Number,
    Time,
    Data,
}

/// What amounts stand at a path; nothing where texts or blocks do.
pub fn units(path: &[&str]) -> BTreeSet<Unit> {
    let mut here = Vec::new();
    resolve(&SCHEMA, 0, &mut here);
    for part in path {
        here = below(&here, part);
    }
    let unit = |schema: &&Json| match (schema["type"].as_str(), schema["pattern"].as_str()) {
        (Some("integer" | "number"), _) => Some(Unit::Number),
        (_, Some(pattern)) if pattern.contains("(d|h|m|s)") || pattern.contains("[0-9]+d)") => Some(Unit::Time),
        (_, Some(pattern)) if pattern.contains("(GiB|MiB|KiB|B)") => Some(Unit::Data),
        _ => None,
    };
    here.iter().filter_map(unit).collect()
}

/// A spec as plain data with all that it does not say: what holds then stands there.
pub fn filled(document: &Json) -> Json {
    let mut filled = document.clone();
    let mut whole = Vec::new();
    resolve(&SCHEMA, 0, &mut whole);
    fill(&mut filled, &whole, 0);
    let key = filled["defaults"]["key"].clone();
    let fate = filled["defaults"]["onRemoval"].as_str().unwrap_or("retain").to_owned();
    for section in ["streams", "keys", "archives", "access"] {
        let blocks = filled.get_mut(section).and_then(Json::as_object_mut);
        for block in blocks.into_iter().flat_map(|blocks| blocks.values_mut()) {
            let block = if section == "archives" { block.get_mut("s3") } else { Some(block) };
            let Some(fields) = block.and_then(Json::as_object_mut) else { continue };
            fields.entry("onRemoval").or_insert_with(|| fate.as_str().into());
            if section == "streams" {
                let usual = if key.is_null() { "aws".into() } else { key.clone() };
                fields.entry("encryption").or_insert_with(|| serde_json::json!({ "key": usual }));
            } else if section == "archives" && !key.is_null() {
                fields.entry("key").or_insert_with(|| key.clone());
            }
        }
    }
    filled
}

fn fill(data: &mut Json, schemas: &[&'static Json], depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let has_fields = |schema: &&Json| schema["properties"].is_object();
    // A block without a value is the shortest one.
    if data.is_null() && schemas.iter().any(has_fields) {
        *data = Json::Object(serde_json::Map::new());
    }
    match data {
        Json::Object(fields) => {
            for (name, schema) in schemas.iter().filter_map(|schema| schema["properties"].as_object()).flatten() {
                let default = &schema["default"];
                if !default.is_null() && fields.get(name).is_none_or(Json::is_null) {
                    fields.insert(name.clone(), default.clone());
                }
            }
            fields.iter_mut().for_each(|(name, member)| fill(member, &below(schemas, name), depth + 1));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill(item, &below(schemas, "0"), depth + 1)),
        _ => {}
    }
}

fn below(schemas: &[&'static Json], part: &str) -> Vec<&'static Json> {
    let mut below = Vec::new();
    schemas.iter().for_each(|schema| step(schema, part, &mut below));
    below
}

/// What a schema stands for: itself, what it refers to, and each of its alternatives.
fn resolve(schema: &'static Json, depth: usize, found: &mut Vec<&'static Json>) {
    if depth > DEEPEST {
        return;
    }
    found.push(schema);
    let target = schema["$ref"].as_str().and_then(|name| SCHEMA.pointer(name.strip_prefix('#')?));
    let lists = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|list| schema[list].as_array());
    target.into_iter().chain(lists.flatten()).for_each(|schema| resolve(schema, depth + 1, found));
}

/// What may stand below under a name or index.
fn step(schema: &'static Json, part: &str, found: &mut Vec<&'static Json>) {
    let is_any = part == "*";
    let mut take = |schema: &'static Json| resolve(schema, 0, found);
    if let Some(properties) = schema["properties"].as_object() {
        properties.iter().filter(|(name, _)| is_any || *name == part).for_each(|(_, schema)| take(schema));
    }
    if let Some(patterns) = schema["patternProperties"].as_object() {
        let fits = |pattern: &str| is_any || regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(part));
        patterns.iter().filter(|(pattern, _)| fits(pattern)).for_each(|(_, schema)| take(schema));
    }
    match &schema["additionalProperties"] {
        Json::Null | Json::Bool(false) => {}
        any => take(any),
    }
    if (is_any || part.bytes().all(|byte| byte.is_ascii_digit())) && !schema["items"].is_null() {
        take(&schema["items"]);
    }
}

fn names(schema: &Json) -> Vec<String> {
    schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('.').collect();
        unknown(&parts).map(|(part, _)| part.to_owned())
    }

    #[test]
    fn every_field_of_the_specification_is_known() {
        for path in [
            "region",
            "tags.cost-centre",
            "streams.*",
            "streams.clicks.retention",
            "streams.*.encryption.key",
            "streams.*.capacity.shards",
            "streams.*.capacity.shards.max",
            "streams.*.fanOut.*",
            "streams.*.share.0.account",
            "streams.*.tags.*",
            "access.*.can.*.read",
            "access.*.trust.service",
            "archives.*.s3.bucket",
            "*.*.tags",
        ] {
            assert_eq!(told(path), None, "{path}");
        }
        let page = include_str!("../../docs/spec.md");
        let fields = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let fields: Vec<String> = fields.map(|field| field.replace("NAME", "*").replace("[]", ".*")).collect();
        assert!(fields.len() > 80, "{}", fields.len());
        let unknown: Vec<&String> = fields.iter().filter(|field| told(field).is_some()).collect();
        assert_eq!(unknown, Vec::<&String>::new());
    }

    #[test]
    fn what_is_not_said_is_filled_in() {
        let filled = filled(&serde_json::json!({
            "defaults": { "key": "mine" },
            "keys": { "mine": {} },
            "streams": { "a": null, "b": { "retention": "7d", "capacity": { "mode": "provisioned", "shards": 2 } } },
            "archives": { "raw": { "from": "a", "s3": { "bucket": "x" }, "buffer": { "size": "5MiB" } } },
        }));
        let at = |path: &str| filled.pointer(path).map(Json::to_string).unwrap_or_default();
        for (path, expected) in [
            ("/streams/a/retention", "\"24h\""),
            ("/streams/a/capacity/mode", "\"onDemand\""),
            ("/streams/a/maxRecordSize", "\"1MiB\""),
            ("/streams/a/encryption/key", "\"mine\""),
            ("/streams/a/onRemoval", "\"retain\""),
            ("/streams/b/retention", "\"7d\""),
            ("/streams/b/capacity/mode", "\"provisioned\""),
            ("/keys/mine/rotation", "\"365d\""),
            ("/archives/raw/buffer/size", "\"5MiB\""),
            ("/archives/raw/buffer/interval", "\"5m\""),
            ("/archives/raw/s3/key", "\"mine\""),
            ("/archives/raw/logRetention", "\"14d\""),
        ] {
            assert_eq!(at(path), expected, "{path}");
        }
    }

    /// What the schema says is left out is what is read where it is left out.
    #[test]
    fn defaults_of_the_schema_are_those_of_the_specification() {
        let bare = crate::spec::yaml::<Json>(crate::kinds::defaults::BARE).unwrap();
        let read =
            |data: &Json| serde_json::to_value(serde_json::from_value::<Pipeline>(data.clone()).unwrap()).unwrap();
        let mut said = bare.clone();
        let mut whole = Vec::new();
        resolve(&SCHEMA, 0, &mut whole);
        fill(&mut said, &whole, 0);
        assert_ne!(said, bare);
        assert_eq!(read(&said), read(&bare));
    }

    #[test]
    fn amounts_are_known_by_their_units() {
        let units = |path: &str| units(&path.split('.').collect::<Vec<_>>()).into_iter().collect::<Vec<_>>();
        assert_eq!(units("streams.*.retention"), [Unit::Time]);
        assert_eq!(units("archives.*.logRetention"), [Unit::Time]);
        assert_eq!(units("keys.*.rotation"), [Unit::Time]);
        assert_eq!(units("streams.*.maxRecordSize"), [Unit::Data]);
        assert_eq!(units("streams.*.capacity.shards"), [Unit::Number]);
        assert_eq!(units("region"), []);
    }

    #[test]
    fn what_no_spec_can_have_is_told_with_what_it_can() {
        for (path, part) in [
            ("stream.*.retention", "stream"),
            ("streams.*.retentoin", "retentoin"),
            ("streams.*.retention.days", "days"),
            ("streams.*.capacity.shards.0", "0"),
            ("access.*.can.first.read", "first"),
        ] {
            assert_eq!(told(path).as_deref(), Some(part), "{path}");
        }
        let (_, known) = unknown(&["streams", "*", "encyption"]).unwrap();
        assert!(known.contains("encryption") && known.contains("retention"), "{known:?}");
    }
}
