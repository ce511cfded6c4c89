//! Examples of fields, out of the specification's own schema: the remedy for a value of the wrong shape.

use serde_json::Value as Json;

use crate::model::{Path, Problem, Segment};

/// Longer examples explain nothing.
const LONGEST: usize = 140;

/// Shows what belongs there to whoever wrote something of another shape, or nothing.
pub fn add(problems: &mut [Problem]) {
    let is_shape = |problem: &Problem| matches!(problem.code, "missing-field" | "wrong-type" | "unknown-field");
    if !problems.iter().any(is_shape) {
        return;
    }
    let schema: Json = serde_json::from_str(&super::schema_text()).unwrap_or_default();
    for problem in problems.iter_mut().filter(|problem| is_shape(problem)) {
        if problem.code == "unknown-field" {
            problem.help = deeper(&schema, &problem.path).or(problem.help.take());
            continue;
        }
        // Quotes alone do not help where only some words fit, and nobody means the word "true" by true.
        let quoted = problem.help.as_ref().is_some_and(|help| help.starts_with("write \""));
        let of_few =
            field(&schema, &problem.path).is_some_and(|forms| forms.iter().any(|form| form["enum"].is_array()));
        let weak = quoted && (of_few || ["`true`", "`false`"].iter().any(|word| problem.message.ends_with(word)));
        if problem.help.is_none() || problem.code == "missing-field" || weak {
            let verb = if problem.code == "missing-field" { "add" } else { "write" };
            let own = told(&schema, &problem.path);
            // A block without required fields is shown with what it lies in.
            let above = || told(&schema, &Path(problem.path.0.split_last()?.1.to_vec()));
            problem.help = own.or_else(above).map(|words| format!("{verb} {words}")).or(problem.help.take());
        }
    }
}

/// A field that is known one level deeper, where it was forgotten that it has a block of its own.
fn deeper(schema: &Json, path: &Path) -> Option<String> {
    let (Segment::Key(name), above) = path.0.split_last()? else { return None };
    let above = Path(above.to_vec());
    let fields = field(schema, &above)?.into_iter().filter_map(|form| form["properties"].as_object()).flatten();
    let holds = |block: &Json| forms(schema, block).iter().any(|form| form["properties"].get(name).is_some());
    let (block, _) = fields.into_iter().find(|(_, block)| holds(block))?;
    let shown = told(schema, &above.key(block)).map(|shown| format!(", for example {shown}")).unwrap_or_default();
    Some(format!("it belongs into `{block}`{shown}"))
}

/// A field with its example, as somebody writes it.
fn told(schema: &Json, path: &Path) -> Option<String> {
    match path.0.last() {
        Some(Segment::Key(name)) => Some(format!("`{name}: {}`", of(schema, path)?)),
        Some(Segment::Index(_)) => Some(format!("`- {}`", of(schema, path)?)),
        None => Some("`apiVersion: tidegate/v1` and `pipeline: NAME`, as `tidegate init` does".to_owned()),
    }
}

/// The forms of the field at a path.
fn field<'a>(schema: &'a Json, path: &Path) -> Option<Vec<&'a Json>> {
    let mut at = schema;
    for segment in &path.0 {
        at = forms(schema, at).into_iter().find_map(|form| match segment {
            Segment::Key(name) => {
                let named = || form["patternProperties"].as_object()?.values().next();
                let any = || form.get("additionalProperties").filter(|any| any.is_object());
                form["properties"].get(name).or_else(named).or_else(any)
            }
            Segment::Index(_) => form.get("items"),
        })?;
    }
    Some(forms(schema, at))
}

/// The example of the field at a path, as one line of YAML.
fn of(schema: &Json, path: &Path) -> Option<String> {
    let forms = field(schema, path)?;
    let shown = forms.iter().find_map(|form| {
        form["examples"].get(0).or_else(|| form["enum"].get(0)).or_else(|| form.get("const")).map(flow)
    });
    // What has no example of its own is a block, whose required fields have some.
    let block = || {
        let form = forms.iter().find(|form| form["properties"].is_object())?;
        let required = form["required"].as_array()?.iter().filter_map(Json::as_str);
        let fields = required.map(|name| Some(format!("{name}: {}", of(schema, &path.key(name))?)));
        Some(format!("{{ {} }}", fields.collect::<Option<Vec<_>>>()?.join(", ")))
    };
    shown.or_else(block).filter(|text| text.len() <= LONGEST)
}

/// What a schema may stand for: itself, what it refers to, its alternatives.
fn forms<'a>(schema: &'a Json, at: &'a Json) -> Vec<&'a Json> {
    let mut found = vec![at];
    let mut next = 0;
    // References in a circle would be found again for ever.
    while next < found.len() && found.len() < 32 {
        let one = found[next];
        found.extend(one["$ref"].as_str().and_then(|to| schema.pointer(to.trim_start_matches('#'))));
        for word in ["anyOf", "oneOf", "allOf"] {
            found.extend(one[word].as_array().into_iter().flatten());
        }
        next += 1;
    }
    found
}

/// JSON as somebody writes it in YAML, in one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(map) if map.is_empty() => "{}".to_owned(),
        Json::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Json::String(text) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            let is_number = text.parse::<f64>().is_ok();
            let plain = !is_number && !text.is_empty() && text.chars().all(plain);
            if plain { text.clone() } else { value.to_string() }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_found_through_maps_lists_and_references() {
        let schema: Json = serde_json::from_str(&super::super::schema_text()).unwrap();
        let of = |path: &[&str]| of(&schema, &Path::of(path.iter().copied())).unwrap();
        assert_eq!(of(&["apiVersion"]), "tidegate/v1");
        assert_eq!(of(&["streams", "clicks", "encryption"]), "{ key: clicks }");
        assert_eq!(of(&["archives", "raw", "s3"]), "{ bucket: acme-clicks-archive, create: true }");
        assert_eq!(of(&["alarms", "iteratorAge"]), "{ over: 60s }");
        assert_eq!(of(&["tags"]), "{ cost-centre: \"4711\", team: web }");
        assert_eq!(super::of(&schema, &Path::of(["nonsense", "deeper"])), None);
    }
}
