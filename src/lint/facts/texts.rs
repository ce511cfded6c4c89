//! The texts of a spec, wherever they stand, and the tags of everything that has some.

use serde_json::{Value as Json, json};

use super::merged;
use crate::kinds::Pipeline;
use crate::lint::plain::path;
use crate::model::{Path, Segment};
use crate::spec::{Document, Node, NodeValue};

/// Every text that is written in the file.
pub fn all(document: &Document) -> Vec<Json> {
    let mut found = Vec::new();
    walk(&document.root, &Path::root(), &mut |text, node, at| {
        if !node.from_variable {
            found.push(json!({ "text": text, "path": path(at) }));
        }
    });
    found
}

/// The same texts in small letters, a line each, with the key before each that has one.
pub fn letters(document: &Document) -> String {
    let mut found = String::new();
    walk(&document.root, &Path::root(), &mut |text, node, at| {
        if !node.from_variable {
            if let Some(Segment::Key(key)) = at.0.last() {
                found.push_str(&key.to_lowercase());
                found.push_str(": ");
            }
            found.push_str(&text.to_lowercase());
            found.push('\n');
        }
    });
    found
}

/// Texts that begin like an ARN, with the parts that rules look at.
pub fn arns(document: &Document) -> Vec<Json> {
    let mut found = Vec::new();
    walk(&document.root, &Path::root(), &mut |text, node, at| {
        if text.starts_with("arn:") {
            let part = |nth| text.split(':').nth(nth);
            let above = at.0.len().checked_sub(2).and_then(|above| at.0.get(above));
            found.push(json!({
                "text": text,
                "region": part(3),
                "account": part(4),
                "from_variable": node.from_variable,
                // The list that it stands in, such as `notify`.
                "list": above.and_then(|above| if let Segment::Key(key) = above { Some(key) } else { None }),
                "path": path(at),
            }));
        }
    });
    found
}

fn walk(node: &Node, at: &Path, found: &mut dyn FnMut(&str, &Node, &Path)) {
    match &node.value {
        NodeValue::Text(text) => found(text, node, at),
        NodeValue::Seq(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, &at.index(index), found));
        }
        NodeValue::Map(entries) => entries.iter().for_each(|entry| walk(&entry.value, &at.key(&entry.key), found)),
        _ => {}
    }
}

/// The places that have tags: the pipeline, and blocks with tags of their own. `all`: with those of the pipeline.
pub fn tagged(spec: &Pipeline) -> Vec<Json> {
    let streams = spec.streams.iter().map(|(name, block)| ("streams", name, &block.tags));
    let keys = spec.keys.iter().map(|(name, block)| ("keys", name, &block.tags));
    let archives = spec.archives.iter().map(|(name, block)| ("archives", name, &block.tags));
    let access = spec.access.iter().map(|(name, block)| ("access", name, &block.tags));
    let endpoints = spec.endpoints.iter().map(|(name, block)| ("endpoints", name, &block.tags));
    let blocks = streams.chain(keys).chain(archives).chain(access).chain(endpoints);
    let own = blocks.filter(|(.., tags)| !tags.is_empty()).map(|(section, name, tags)| {
        json!({ "path": [section, name.as_str(), "tags"], "own": tags, "all": merged(spec, tags) })
    });
    let whole = (!spec.tags.is_empty()).then(|| json!({ "path": ["tags"], "own": spec.tags, "all": spec.tags }));
    whole.into_iter().chain(own).collect()
}
