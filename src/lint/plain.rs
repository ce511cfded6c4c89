//! Documents as plain data, and plain data as documents.

use serde_json::Value as Json;

use super::verdict::Edit;
use crate::model::{Path, Segment};
use crate::spec::{Node, NodeValue};

/// A path as policies write it: keys and indices.
pub fn path(path: &Path) -> Json {
    let segments = path.0.iter().map(|segment| match segment {
        Segment::Key(key) => Json::from(key.as_str()),
        Segment::Index(index) => Json::from(*index),
    });
    segments.collect()
}

/// The document as plain data, with aliases and variables resolved.
pub fn plain(node: &Node) -> Json {
    match &node.value {
        NodeValue::Null => Json::Null,
        NodeValue::Bool(value) => (*value).into(),
        NodeValue::Int(value) => (*value).into(),
        NodeValue::Float(value) => (*value).into(),
        NodeValue::Text(text) => text.as_str().into(),
        NodeValue::Seq(items) => items.iter().map(plain).collect(),
        NodeValue::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect())
        }
    }
}

/// The same data after an edit; nothing if the edit leads nowhere.
pub fn edited(data: &Json, edit: &Edit) -> Option<Json> {
    let mut data = data.clone();
    match edit {
        Edit::Set(path, value) => {
            let mut at = &mut data;
            for segment in &path.0 {
                if at.is_null() {
                    *at = Json::Object(serde_json::Map::new());
                }
                at = match segment {
                    Segment::Key(key) => at.as_object_mut()?.entry(key.clone()).or_insert(Json::Null),
                    Segment::Index(index) => at.get_mut(index)?,
                };
            }
            *at = value.clone();
        }
        Edit::Remove(path) => {
            let (last, above) = path.0.split_last()?;
            let mut at = &mut data;
            for segment in above {
                at = match segment {
                    Segment::Key(key) => at.get_mut(key)?,
                    Segment::Index(index) => at.get_mut(index)?,
                };
            }
            match (last, at) {
                (Segment::Key(key), Json::Object(map)) => drop(map.remove(key)?),
                (Segment::Index(index), Json::Array(items)) if *index < items.len() => drop(items.remove(*index)),
                _ => return None,
            }
        }
    }
    Some(data)
}
