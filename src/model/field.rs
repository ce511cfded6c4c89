use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attrs, Call, LEDGER, MANAGED, Need, Resource, Value};

/// What a change of a field costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// One API operation changes it on the living resource.
    InPlace(&'static str),
    /// AWS cannot change it: the resource is deleted and created again. The text says why.
    Replace(&'static str),
    /// Part of the resource's identity: another value is another resource.
    Fixed,
    /// Read, shown and handed to calls, but not compared: AWS or the controller owns it.
    Delegated,
}

/// When two values of a field are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Exact,
    /// A wanted `{min, max}` is met by every number inside, and where these are lists, by either: the controller owns the field. Lists have
    /// no order.
    Within,
    /// Lists without order.
    Set,
    /// IAM documents: one text is a list of one, and the order of lists says nothing.
    Document,
    /// Wanted tags must be there; tags of others are left alone. `untag` is the operation that removes.
    Tags {
        untag: &'static str,
    },
}

/// One row of a kind's table. Diff, risk, drift, docs and schema read it; nobody writes a diff by hand.
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub change: Change,
    pub compare: Compare,
    /// The creating call takes it.
    pub folded: bool,
    /// AWS's own value where nobody set one: no call on creation, no drift.
    pub default: Option<fn() -> Value>,
    /// Estimated seconds until a change in place has settled.
    pub seconds: u32,
}

impl Field {
    pub const fn in_place(name: &'static str, operation: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            change: Change::InPlace(operation),
            compare: Compare::Exact,
            folded: false,
            default: None,
            seconds: 1,
        }
    }

    pub const fn replace(name: &'static str, why: &'static str, doc: &'static str) -> Self {
        Self { change: Change::Replace(why), folded: true, ..Self::in_place(name, "", doc) }
    }

    pub const fn fixed(name: &'static str, doc: &'static str) -> Self {
        Self { change: Change::Fixed, folded: true, ..Self::in_place(name, "", doc) }
    }

    pub const fn delegated(name: &'static str, doc: &'static str) -> Self {
        Self { change: Change::Delegated, folded: true, ..Self::in_place(name, "", doc) }
    }

    /// The tags of the resource, ours and the user's.
    pub const fn tags(tag: &'static str, untag: &'static str) -> Self {
        Self::in_place("tags", tag, "Tags: those of the spec, and those by which the pipeline knows its own.")
            .compare(Compare::Tags { untag })
    }

    pub const fn folded(mut self) -> Self {
        self.folded = true;
        self
    }

    pub const fn compare(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }

    pub const fn default(mut self, default: fn() -> Value) -> Self {
        self.default = Some(default);
        self
    }

    pub const fn seconds(mut self, seconds: u32) -> Self {
        self.seconds = seconds;
        self
    }

    pub fn operation(&self) -> Option<&'static str> {
        match self.change {
            Change::InPlace(operation) => Some(operation),
            _ => None,
        }
    }

    pub fn is_settable(&self) -> bool {
        self.operation().is_some()
    }
}

impl Compare {
    /// Does the living value satisfy the wanted one?
    pub fn same(self, wanted: &Value, live: &Value) -> bool {
        match self {
            Self::Exact => wanted == live,
            Self::Within => match (bounds(wanted), live.as_int()) {
                (Some((min, max)), Some(live)) => (min..=max).contains(&live),
                _ => sorted(wanted) == sorted(live) || ends(wanted).any(|end| sorted(end) == sorted(live)),
            },
            Self::Set => sorted(wanted) == sorted(live),
            Self::Document => document(wanted) == document(live),
            Self::Tags { .. } => {
                let wants = wanted.as_map().into_iter().flatten();
                wants.into_iter().all(|(key, value)| live.get(key) == Some(value))
                    && dropped_tags(live, wanted).is_empty()
            }
        }
    }
}

/// The bounds of a `{min, max}` value.
pub(super) fn bounds(value: &Value) -> Option<(i64, i64)> {
    Some((value.get("min")?.as_int()?, value.get("max")?.as_int()?))
}

/// The lists of a `{min, max}` value.
fn ends(value: &Value) -> impl Iterator<Item = &Value> {
    ["min", "max"].into_iter().filter_map(|end| value.get(end)).filter(|end| end.as_list().is_some())
}

/// Tags that an earlier spec declared and this one does not.
pub fn dropped_tags(live: &Value, wanted: &Value) -> Vec<String> {
    let managed = live.get(MANAGED).and_then(Value::as_text).unwrap_or_default();
    let mut dropped: Vec<String> = managed.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect();
    dropped.extend([MANAGED, super::PROTECT, super::ON_REMOVAL, super::PARTS].map(str::to_owned));
    dropped.retain(|key| key != LEDGER && live.get(key).is_some() && wanted.get(key).is_none());
    dropped
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::List(items) => {
            let mut items = items.clone();
            items.sort();
            Value::List(items)
        }
        other => other.clone(),
    }
}

/// The canonical form of an IAM document.
fn document(value: &Value) -> Value {
    match value {
        Value::List(items) => {
            let mut items: Vec<Value> = items.iter().map(document).collect();
            items.sort();
            items.dedup();
            if items.len() == 1 && !matches!(items[0], Value::Map(_)) { items.remove(0) } else { Value::List(items) }
        }
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), statement(k, document(v)))).collect()),
        other => other.clone(),
    }
}

/// AWS takes one statement where a list is usual, and booleans and numbers as text.
fn statement(key: &str, value: Value) -> Value {
    match value {
        Value::Map(_) if key == "Statement" => Value::List(vec![value]),
        Value::Bool(yes) => Value::text(yes.to_string()),
        Value::Int(number) => Value::text(number.to_string()),
        other => other,
    }
}

/// Something the reader of a plan must know before saying yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// A stable slug: `data-loss`, `throttling`, `budget`, `replacement`, `access`, `disruption`.
    pub flag: String,
    pub why: String,
}

impl Risk {
    pub fn new(flag: &str, why: impl Into<String>) -> Self {
        Self { flag: flag.into(), why: why.into() }
    }
}

/// Fixed cost of a month of 730 hours, in millionths of a US dollar; what depends on use is told in `usage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub monthly_micros: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<String>,
}

/// US dollars per unit by name (`kinesis.shardHour`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prices(pub BTreeMap<String, f64>);

impl Prices {
    /// The price of `units` of `name` in millionths of a dollar; an unknown name costs nothing and is caught by a test.
    pub fn micros(&self, name: &str, units: f64) -> i64 {
        (self.0.get(name).copied().unwrap_or(0.0) * units * 1e6).round() as i64
    }
}

/// What is priced.
pub struct Priced<'a> {
    pub attrs: &'a Attrs,
    /// Of the resource that this one is a part of: a consumer is paid for each shard of its stream.
    pub parent: Option<&'a Attrs>,
    pub prices: &'a Prices,
}

/// A change of one resource as the rules of its kind see it.
pub struct Shift<'a> {
    /// `None`: it will be created.
    pub before: Option<&'a Resource>,
    /// `None`: it will be deleted.
    pub wanted: Option<&'a Attrs>,
    /// The fields of `wanted` that differ from `before`.
    pub changed: Attrs,
    /// Seconds since 1970.
    pub now: i64,
}

/// When a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Read,
    Create,
    Update,
    Delete,
}

/// IAM actions that a kind's calls need, on a resource ARN template (`Scope::fill`; `*` where AWS knows no resource).
pub struct Permit {
    pub when: When,
    pub actions: &'static [&'static str],
    pub on: &'static str,
}

/// All that is known of a kind without talking to anyone.
pub struct Schema {
    pub kind: &'static str,
    /// What AWS calls it: "Kinesis data stream".
    pub title: &'static str,
    pub fields: &'static [Field],
    pub create: &'static str,
    pub delete: &'static str,
    pub create_seconds: u32,
    /// The ARN where it follows from the name; `None` where AWS assigns it.
    pub arn: Option<&'static str>,
    /// Outputs that only AWS knows, such as `arn` of a key or `id` of an endpoint.
    pub assigned: &'static [&'static str],
    /// AWS gives it an id and it keeps no name: its tags say which one it is, whatever of it changes. The name in a plan only tells it
    /// from others, and says which one nobody else may have.
    pub found_by_tags: bool,
    /// What the spec can say instead where the name is taken; it ends the sentence "take it over with …, or …".
    pub elsewhere: &'static str,
    /// What is lost for ever with a deletion; `None` if nothing is.
    pub holds_data: Option<&'static str>,
    /// Changes go on after the call has been answered: the resource has to be waited for.
    pub asynchronous: bool,
    /// How many may be in creation at once (AWS's limit).
    pub creating_limit: Option<usize>,
    /// The calls of a change; `Call::creating` and `Call::setting` serve most kinds.
    pub calls: fn(&Schema, &Shift) -> Vec<Call>,
    pub risks: fn(&Shift) -> Vec<Risk>,
    /// What a change takes of the account's quotas; `Schema::no_needs` where AWS counts nothing that matters.
    pub needs: fn(&Shift) -> Vec<Need>,
    pub cost: fn(&Priced) -> Cost,
    pub permits: &'static [Permit],
}

impl Schema {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The calls of most kinds: create with everything folded, set what differs, delete.
    pub fn plain_calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
        match (shift.before, shift.wanted) {
            (None, Some(wanted)) => Call::creating(schema, wanted),
            (Some(before), Some(_)) => Call::setting(schema, &before.attrs, &shift.changed),
            (_, None) => vec![Call::new(super::Effect::Delete, schema.delete)],
        }
    }

    pub fn no_risks(_: &Shift) -> Vec<Risk> {
        Vec::new()
    }

    pub fn no_needs(_: &Shift) -> Vec<Need> {
        Vec::new()
    }

    pub fn free(_: &Priced) -> Cost {
        Cost::default()
    }
}
