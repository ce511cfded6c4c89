use std::collections::HashMap;

use serde_yaml::Value;

use super::document::{Node, NodeValue};
use crate::model::{Path, Segment};

/// What is left out of the next attempt, as a tree of the document's shape.
#[derive(Clone, Default)]
pub(super) struct Cuts {
    pub cut: Option<Cut>,
    pub below: HashMap<Segment, Cuts>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cut {
    Gone,
    Null,
    /// Not cut off: read the other way (`Node::other`).
    Other,
}

impl Cuts {
    /// Something below is cut off.
    pub(super) fn is_cut_below(&self) -> bool {
        self.below.values().any(|cuts| matches!(cuts.cut, Some(Cut::Gone | Cut::Null)) || cuts.is_cut_below())
    }

    /// False if this was done before.
    pub(super) fn add(&mut self, path: &Path, cut: Cut) -> bool {
        let end = path.0.iter().fold(self, |cuts, segment| cuts.below.entry(segment.clone()).or_default());
        end.cut.replace(cut) != Some(cut)
    }
}

pub(super) fn is_gone(cuts: Option<&Cuts>, segment: &Segment) -> bool {
    cuts.and_then(|cuts| cuts.below.get(segment)).is_some_and(|below| below.cut == Some(Cut::Gone))
}

/// The YAML value of a node without what is cut off.
pub(super) fn value(node: &Node, cuts: Option<&Cuts>) -> Value {
    if cuts.is_some_and(|cuts| cuts.cut == Some(Cut::Null)) {
        return Value::Null;
    }
    let other = node.other.as_deref().filter(|_| cuts.is_some_and(|cuts| cuts.cut == Some(Cut::Other)));
    match other.unwrap_or(&node.value) {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(value) => (*value).into(),
        NodeValue::Int(value) => (*value).into(),
        NodeValue::Float(value) => (*value).into(),
        NodeValue::Text(text) => text.as_str().into(),
        NodeValue::Seq(items) => {
            let items = items.iter().enumerate().filter_map(|(index, item)| child(item, Segment::Index(index), cuts));
            Value::Sequence(items.collect())
        }
        NodeValue::Map(entries) => {
            let entries = entries.iter().filter_map(|entry| {
                let value = child(&entry.value, Segment::Key(entry.key.clone()), cuts)?;
                Some((Value::from(entry.key.as_str()), value))
            });
            Value::Mapping(entries.collect())
        }
    }
}

fn child(node: &Node, segment: Segment, cuts: Option<&Cuts>) -> Option<Value> {
    let cuts = cuts.and_then(|cuts| cuts.below.get(&segment));
    (!cuts.is_some_and(|cuts| cuts.cut == Some(Cut::Gone))).then(|| value(node, cuts))
}
