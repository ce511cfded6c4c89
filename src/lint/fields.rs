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
        let mut below = Vec::new();
        here.iter().for_each(|schema| step(schema, part, &mut below));
        if below.is_empty() {
            return Some((part, here.iter().flat_map(|schema| names(schema)).collect()));
        }
        here = below;
    }
    None
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
