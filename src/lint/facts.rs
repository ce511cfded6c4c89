//! Facts about a pipeline, computed here so that policies need only judge: who reads and writes what, with which key,
//! at which capacity and for how much. [`facts`] is what a policy of the package `tidegate` has as its input.

mod access;
mod archives;
mod limits;
mod scaling;
mod streams;
mod texts;

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use super::iam::catalog::Catalog;
use super::plain::{path, plain};
use super::{iam, reading};
use crate::kinds::Pipeline;
use crate::kinds::key::KeyUse;
use crate::kinds::{Name, key};
use crate::model::{Graph, Path, Prices};
use crate::spec::{Document, Node, NodeValue};

/// The account of ARNs in facts: lint knows no credentials, so none is ever real.
pub use crate::model::NO_ACCOUNT;

/// One pipeline, as far as it can be known without a cloud.
pub struct Known<'a> {
    pub document: &'a Document,
    pub spec: &'a Pipeline,
    pub graph: &'a Graph,
    pub prices: Prices,
}

/// The input of policies.
pub fn facts(known: &Known) -> Json {
    let Known { document, spec, graph, .. } = *known;
    let signs = Signs::of(graph);
    // `input.resources` is large and most policies do not ask for it: see `resources`.
    json!({
        "file": &*document.source.name,
        "pipeline": spec.pipeline.as_str(),
        "region": spec.region,
        "tags": spec.tags,
        "document": plain(&document.root),
        "variables": variables(document),
        "texts": texts::all(document),
        "letters": texts::letters(document),
        "arns": texts::arns(document),
        "tagged": texts::tagged(spec),
        "notify": { "path": ["defaults", "notify"], "arns": spec.defaults.notify },
        "streams": streams::all(known, &signs),
        "archives": archives::all(known, &signs),
        "buckets": archives::buckets(known),
        "keys": keys(spec),
        "access": access::all(spec),
        "iam": iam::input::of_pipeline(&iam::pipeline::judge(spec, graph, &reading::scope(spec), Catalog::builtin())),
        "endpoints": access::endpoints(spec),
        "alarms": alarms(graph),
        "totals": streams::totals(spec),
        "limits": limits::limits(spec.region.as_deref()),
    })
}

/// The paths of texts that came from variables, and so are not written in the file.
fn variables(document: &Document) -> Vec<Json> {
    fn walk(node: &Node, at: &Path, found: &mut Vec<Json>) {
        if node.from_variable {
            found.push(path(at));
        }
        match &node.value {
            NodeValue::Seq(items) => {
                items.iter().enumerate().for_each(|(index, item)| walk(item, &at.index(index), found));
            }
            NodeValue::Map(entries) => {
                entries.iter().for_each(|entry| walk(&entry.value, &at.key(&entry.key), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&document.root, &Path::root(), &mut found);
    found
}

/// A key that is used, and where the spec says so.
fn key_use(own: Option<(&KeyUse, Path)>, spec: &Pipeline, otherwise: &KeyUse, at: &Path) -> Json {
    let default = spec.defaults.key.as_ref().map(|key| (key, Path::of(["defaults", "key"])));
    let said = own.is_some();
    let (used, place) = own.or(default).unwrap_or((otherwise, at.clone()));
    let (kind, name) = match used {
        KeyUse::Named(name) => ("own", name.as_str()),
        KeyUse::Alias(alias) => ("alias", alias.as_str()),
        KeyUse::Arn(arn) => ("arn", arn.as_str()),
        KeyUse::Aws => ("aws", ""),
        KeyUse::None => ("none", ""),
    };
    json!({ "kind": kind, "name": name, "path": path(&place), "said": said })
}

/// Whether a stream or an archive is encrypted with a key.
fn is_used(spec: &Pipeline, key: &Name) -> bool {
    let is =
        |own: Option<&KeyUse>| matches!(own.or(spec.defaults.key.as_ref()), Some(KeyUse::Named(name)) if name == key);
    spec.streams.values().any(|stream| is(stream.encryption.as_ref().map(|encryption| &encryption.key)))
        || spec.archives.values().any(|archive| is(archive.s3.key.as_ref()))
}

fn keys(spec: &Pipeline) -> Json {
    let one = |(name, described): (&Name, &key::KeySpec)| {
        let days = match described.rotation {
            key::Rotation::None => Json::Null,
            key::Rotation::Every(span) => (span.seconds() / 86_400).into(),
        };
        let facts = json!({
            "path": ["keys", name.as_str()],
            "used": is_used(spec, name),
            "rotation_days": days,
            "deletion_window_days": described.deletion_window.seconds() / 86_400,
            "description": described.description,
            "protect": described.protect,
            "delete_on_removal": streams::is_deleted(spec, described.on_removal),
            "on_removal": described.on_removal,
            "own_tags": described.tags,
            "tags": merged(spec, &described.tags),
        });
        (name.as_str().to_owned(), facts)
    };
    Json::Object(spec.keys.iter().map(one).collect())
}

/// The pipeline's tags and a block's own.
fn merged(spec: &Pipeline, own: &std::collections::BTreeMap<String, String>) -> Json {
    let mut tags = spec.tags.clone();
    tags.extend(own.clone());
    json!(tags)
}

/// The alarms that the pipeline will have, as derived.
fn alarms(graph: &Graph) -> Vec<Json> {
    let alarm = |desired: &crate::model::Desired| {
        let of = |name: &str| desired.attrs.get(name).map(crate::model::Value::to_json);
        let mut parts = desired.address.name().split('/');
        json!({
            "name": desired.address.name(),
            "block": parts.next(),
            "sign": parts.next(),
            "part": parts.next(),
            "metric": of("metric"),
            "threshold": of("threshold"),
            "notify": of("notify"),
            "path": path(&desired.path),
        })
    };
    graph.of_kind("alarm").map(alarm).collect()
}

/// What the alarms on blocks watch, such as `iterator-age`: of a block, and of parts of it, such as consumers. Looked up
/// once for all blocks, since a pipeline has several alarms for each of them.
struct Signs<'a>(HashMap<(&'a str, Option<&'a str>), Vec<&'a str>>);

impl<'a> Signs<'a> {
    fn of(graph: &'a Graph) -> Self {
        let mut signs: HashMap<_, Vec<&str>> = HashMap::new();
        for desired in graph.of_kind("alarm") {
            let mut parts = desired.address.name().split('/');
            if let (Some(block), Some(sign)) = (parts.next(), parts.next()) {
                signs.entry((block, parts.next())).or_default().push(sign);
            }
        }
        Self(signs)
    }

    fn on<'b>(&'b self, block: &'b str, part: Option<&'b str>) -> &'b [&'b str] {
        self.0.get(&(block, part)).map_or(&[], Vec::as_slice)
    }
}

/// Every resource that would be made, by its address: `input.resources`, for policies that mention it.
pub fn resources(graph: &Graph) -> Json {
    let mut resources = Map::new();
    for desired in graph.iter() {
        let attrs: Map<String, Json> =
            desired.attrs.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let facts = json!({
            "kind": desired.address.kind(),
            "name": desired.address.name(),
            "physical": desired.physical,
            "path": path(&desired.path),
            "existing": desired.existing,
            "needs": desired.needs().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "attrs": attrs,
        });
        resources.insert(desired.address.to_string(), facts);
    }
    Json::Object(resources)
}
