//! Facts as policies read them.

use serde_json::{Map, Value as Json, json};

use crate::lint::plain::path;
use crate::model::Path;

use super::catalog::Catalog;
use super::fact::Fact;
use super::{file, pipeline};

/// What a policy of the package `tidegate` has as its input for a policy file.
pub fn of_file(name: &str, judged: &file::Judged, catalog: &Catalog) -> Json {
    let kind = judged.policy.as_ref().map(|policy| policy.kind.word());
    let facts: Vec<Json> = judged.facts.iter().map(|fact| one(fact, kind.unwrap_or_default(), None)).collect();
    json!({ "file": name, "policy": { "kind": kind }, "iam": facts, "iam_as_of": catalog.as_of })
}

/// The facts of the policies that a pipeline brings with it, at the places that ask for them.
pub fn of_pipeline(judged: &[pipeline::Judged]) -> Json {
    let facts = judged.iter().flat_map(|policy| {
        policy.facts.iter().map(|fact| one(fact, policy.kind.word(), Some((&policy.asked, policy))))
    });
    facts.collect()
}

fn one(fact: &Fact, kind: &str, derived: Option<(&Path, &pipeline::Judged)>) -> Json {
    let details: Map<String, Json> =
        fact.details.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut object = json!({ "code": fact.code, "policy": kind, "help": fact.help, "detail": details });
    match derived {
        None => {
            let also = fact.related.iter().map(|(at, label)| json!({ "path": path(at), "label": label }));
            object["message"] = json!(fact.message);
            object["path"] = path(&fact.path);
            object["also"] = also.collect();
        }
        // The derived document is nowhere to be seen, so the block that asks for it is shown.
        Some((asked, policy)) => {
            object["message"] = json!(format!("the {} of {}: {}", policy.attribute, policy.address, fact.message));
            object["path"] = path(asked);
            object["also"] = json!([]);
        }
    }
    object
}
