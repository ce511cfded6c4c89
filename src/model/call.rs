use serde::{Deserialize, Serialize};

use super::{Attrs, Compare, Field, Schema, Value};

/// Roughly how long a call takes until its resource has settled, in seconds. An estimate, never a time-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seconds(pub u32);

/// What a call does to the resource as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Create,
    Set,
    Delete,
}

/// One mutating API call as a value: what the plan shows, the executor sends and the local cloud plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// `service:Operation`, as AWS spells it.
    pub operation: String,
    pub effect: Effect,
    /// The attributes that hold afterwards. References to resources that the same plan creates are still references.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub set: Attrs,
    /// The values that these attributes had, as far as they are known.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub from: Attrs,
    /// Tag keys that are taken off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_tags: Vec<String>,
    pub about: Seconds,
}

impl Call {
    pub fn new(effect: Effect, operation: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            effect,
            set: Attrs::new(),
            from: Attrs::new(),
            drop_tags: Vec::new(),
            about: Seconds(1),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.set.insert(name.into(), value);
        self
    }

    #[must_use]
    pub fn was(mut self, name: &str, value: Option<&Value>) -> Self {
        if let Some(value) = value {
            self.from.insert(name.into(), value.clone());
        }
        self
    }

    #[must_use]
    pub fn about(mut self, seconds: u32) -> Self {
        self.about = Seconds(seconds);
        self
    }

    /// The operation without its service: `UpdateShardCount`.
    pub fn verb(&self) -> &str {
        self.operation.split_once(':').map_or(self.operation.as_str(), |(_, verb)| verb)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.set.get(name)?.as_text()
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.set.get(name)?.as_int()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.set.get(name)?.as_bool()
    }

    /// The calls that create a resource: one that carries all folded fields, then one per operation for the rest.
    /// A field that is wanted at AWS's own default costs no call.
    pub fn creating(schema: &Schema, wanted: &Attrs) -> Vec<Call> {
        let mut create = Call::new(Effect::Create, schema.create).about(schema.create_seconds);
        let mut later = Attrs::new();
        for (name, value) in wanted {
            match schema.field(name) {
                Some(field) if !field.folded && field.is_settable() => {
                    if !field.default.is_some_and(|default| field.compare.same(value, &default())) {
                        later.insert(name.clone(), value.clone());
                    }
                }
                _ => {
                    create.set.insert(name.clone(), value.clone());
                }
            }
        }
        let mut calls = vec![create];
        calls.extend(Self::setting(schema, &Attrs::new(), &later));
        calls
    }

    /// The calls that bring `wanted` about on a resource that has `live`: fields with one operation share one call,
    /// in the order of the field table.
    pub fn setting(schema: &Schema, live: &Attrs, wanted: &Attrs) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for field in schema.fields {
            let (Some(value), Some(operation)) = (wanted.get(field.name), field.operation()) else { continue };
            let from = live.get(field.name);
            if let Compare::Tags { untag } = field.compare {
                calls.extend(tag_calls(field, operation, untag, from, value));
                continue;
            }
            let known = calls.iter().position(|call| call.operation == operation && !is_tag_call(schema, call));
            let at = known.unwrap_or_else(|| {
                calls.push(Call::new(Effect::Set, operation).about(field.seconds));
                calls.len() - 1
            });
            let call = calls[at].clone().with(field.name, value.clone()).was(field.name, from);
            calls[at] = call;
        }
        calls
    }
}

fn is_tag_call(schema: &Schema, call: &Call) -> bool {
    call.set.keys().any(|name| schema.field(name).is_some_and(|field| matches!(field.compare, Compare::Tags { .. })))
}

/// Tags that are new or differ are written; of the others only those are removed that an earlier spec declared.
fn tag_calls(field: &Field, tag: &str, untag: &str, live: Option<&Value>, wanted: &Value) -> Vec<Call> {
    let empty = Value::Map(Default::default());
    let (live, wanted) = (live.unwrap_or(&empty), wanted);
    let mut calls = Vec::new();
    let changed: Vec<(String, Value)> = wanted
        .as_map()
        .into_iter()
        .flatten()
        .filter(|(key, value)| live.get(key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !changed.is_empty() {
        calls.push(Call::new(Effect::Set, tag).with(field.name, Value::map(changed)).was(field.name, Some(live)));
    }
    let dropped = super::field::dropped_tags(live, wanted);
    if !dropped.is_empty() {
        let mut call = Call::new(Effect::Set, untag);
        call.drop_tags = dropped;
        calls.push(call);
    }
    calls
}
