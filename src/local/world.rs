//! Everything that exists in the local cloud: attributes by kind and physical name, and what time and calls do to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::limits::Refusal;
use super::stream::{Passing, Stream};
use super::{Options, kinesis, names, references};
use crate::cloud::{Class, Outputs, Target};
use crate::model::{Attrs, Call, Compare, Effect, Observed, PIPELINE, RESOURCE, Resource, Schema, State, Value};

/// The kind with a behaviour of its own.
pub const STREAM: &str = "stream";

/// Services whose resources have states; the others' changes are there at once.
const ASYNCHRONOUS: &[&str] = &["kinesis", "firehose", "ec2"];

/// One resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub outputs: Outputs,
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
    /// Seconds since 1970.
    pub created_at: i64,
    /// AWS's word for the state until a second since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<(String, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
}

/// All resources. Sorted, so that everything made from it is deterministic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    items: BTreeMap<String, BTreeMap<String, Item>>,
    /// Counts what was created, so that each assigned id is new.
    created: u64,
    #[serde(skip)]
    settled_at: i64,
}

/// What a call is made in: the tables of all kinds, the options and the moment.
pub struct Moving<'a> {
    pub schemas: &'static [&'static Schema],
    pub options: &'a Options,
    /// Seconds since 1970.
    pub now: i64,
}

impl Moving<'_> {
    fn passing(&self) -> Passing<'_> {
        Passing {
            now: self.now,
            settings: &self.options.plant,
            keep: self.options.keep_minutes,
            seed: self.options.seed,
        }
    }
}

impl World {
    pub fn item(&self, kind: &str, physical: &str) -> Option<&Item> {
        self.items.get(kind)?.get(physical)
    }

    pub fn item_mut(&mut self, kind: &str, physical: &str) -> Option<&mut Item> {
        self.items.get_mut(kind)?.get_mut(physical)
    }

    pub fn items(&self) -> impl Iterator<Item = (&str, &str, &Item)> {
        self.items.iter().flat_map(|(kind, of)| of.iter().map(move |(name, item)| (kind.as_str(), name.as_str(), item)))
    }

    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &Item)> {
        self.items.get(kind).into_iter().flatten().map(|(name, item)| (name.as_str(), item))
    }

    pub fn streams(&self) -> impl Iterator<Item = (&str, &Item, &Stream)> {
        self.of_kind(STREAM).filter_map(|(name, item)| item.stream.as_ref().map(|stream| (name, item, stream)))
    }

    pub fn insert(&mut self, kind: &str, physical: &str, item: Item) {
        self.items.entry(kind.into()).or_default().insert(physical.into(), item);
    }

    pub fn take(&mut self, kind: &str, physical: &str) -> Option<Item> {
        let of = self.items.get_mut(kind)?;
        let item = of.remove(physical);
        if of.is_empty() {
            self.items.remove(kind);
        }
        item
    }

    /// Deletes at once, and with a stream everything that hangs on it.
    pub fn remove(&mut self, kind: &str, physical: &str, schemas: &[&Schema]) -> Option<Item> {
        let gone = self.take(kind, physical)?;
        for schema in
            schemas.iter().filter(|schema| names::parent(schema, "").is_some_and(|(parent, _)| parent == kind))
        {
            let of_it = |name: &str| names::parent(schema, name).is_some_and(|(_, parent)| parent == physical);
            let parts: Vec<String> =
                self.of_kind(schema.kind).map(|(name, _)| name.to_owned()).filter(|name| of_it(name)).collect();
            for part in parts {
                self.take(schema.kind, &part);
            }
        }
        Some(gone)
    }

    /// The name under which a resource is kept: its own, or that of the one with its tags where these say which one it is.
    fn key(&self, target: &Target) -> String {
        let own = (target.scope.pipeline.as_str(), target.address.tagged().to_string());
        let is_it = |item: &Item| {
            let tag = |key: &str| item.attrs.get("tags")?.get(key)?.as_text();
            tag(PIPELINE) == Some(own.0) && tag(RESOURCE) == Some(own.1.as_str())
        };
        let tagged = || self.of_kind(target.schema.kind).find(|(_, item)| is_it(item)).map(|(name, _)| name.to_owned());
        let found = if target.schema.found_by_tags { tagged() } else { None };
        found.unwrap_or_else(|| target.physical.clone())
    }

    /// The number of the next created resource.
    pub fn next_number(&mut self) -> u64 {
        self.created += 1;
        self.created
    }

    /// Lets time pass for everything.
    pub fn settle(&mut self, moving: &Moving) {
        if self.settled_at == moving.now {
            return;
        }
        self.settled_at = moving.now;
        let passing = moving.passing();
        let mut gone = Vec::new();
        for (kind, items) in &mut self.items {
            for (name, item) in items {
                item.busy.take_if(|(_, until)| *until <= moving.now);
                if let Some(stream) = &mut item.stream
                    && stream.settle(&mut item.attrs, &passing)
                {
                    gone.push((kind.clone(), name.clone()));
                }
            }
        }
        for (kind, name) in gone {
            self.remove(&kind, &name, moving.schemas);
        }
    }

    /// Forces the next look to settle, after something was changed by hand.
    pub fn unsettle(&mut self) {
        self.settled_at = 0;
    }

    pub fn perform(&mut self, moving: &Moving, target: &Target, call: &Call) -> Result<Outputs, Refusal> {
        self.settle(moving);
        references::check(self, moving, target, call)?;
        match call.effect {
            Effect::Create => self.create(moving, target, call),
            Effect::Set => self.set(moving, target, call),
            Effect::Delete => self.delete(moving, target, call),
        }
    }

    fn create(&mut self, moving: &Moving, target: &Target, call: &Call) -> Result<Outputs, Refusal> {
        let (kind, physical) = (target.schema.kind, target.physical.as_str());
        if [self.key(target).as_str(), physical].iter().any(|name| self.item(kind, name).is_some()) {
            // CloudWatch's and policies' Put operations write over what is there.
            if call.verb().starts_with("Put") {
                return self.set(moving, target, call);
            }
            let message = format!("{} {physical} exists already", target.schema.title);
            return Err(Refusal::new(Class::Exists, names::exists_code(target.schema), message));
        }
        self.check_parent(moving, target)?;
        let mut attrs: Attrs = call.set.clone();
        for field in target.schema.fields {
            if let Some(default) = field.default {
                attrs.entry(field.name.to_owned()).or_insert_with(default);
            }
        }
        check_tags(moving, target.schema, &attrs)?;
        let stream = if kind == STREAM { Some(kinesis::create(self, moving, target, &mut attrs)?) } else { None };
        let number = self.next_number();
        let outputs = names::outputs(self, moving, target, number);
        let busy = (stream.is_none() && is_asynchronous(target.schema, target.schema.create_seconds))
            .then(|| ("CREATING".to_owned(), moving.now + i64::from(target.schema.create_seconds)));
        self.insert(kind, physical, Item { outputs: outputs.clone(), attrs, created_at: moving.now, busy, stream });
        Ok(outputs)
    }

    /// A consumer or a policy needs its stream.
    fn check_parent(&self, moving: &Moving, target: &Target) -> Result<(), Refusal> {
        let Some((kind, physical)) = names::parent(target.schema, &target.physical) else { return Ok(()) };
        let Some(parent) = self.item(kind, physical) else {
            return Err(Refusal::new(
                Class::Absent,
                "ResourceNotFoundException",
                format!("{kind} {physical} is not found"),
            ));
        };
        if let Some(status @ ("CREATING" | "DELETING")) = parent.stream.as_ref().and_then(kinesis::status) {
            return Err(Refusal::in_use(format!("{kind} {physical} is {status}")));
        }
        if target.schema.kind == "consumer" {
            let mine = || self.parts(target.schema, physical);
            let creating = mine().filter(|item| item.busy.is_some()).count();
            moving.options.limits.consumers(mine().count(), creating)?;
        }
        Ok(())
    }

    /// The resources of a kind that hang on a parent of this name: theirs begin with it.
    fn parts<'a>(&'a self, schema: &'a Schema, parent: &'a str) -> impl Iterator<Item = &'a Item> {
        let of_it = move |name: &str| names::parent(schema, name).is_some_and(|(_, of)| of == parent);
        let from = self.items.get(schema.kind).into_iter().flat_map(move |of| of.range(parent.to_owned()..));
        from.take_while(move |(name, _)| name.starts_with(parent))
            .filter(move |(name, _)| of_it(name))
            .map(|(_, item)| item)
    }

    fn consumers(&self, moving: &Moving, stream: &str) -> usize {
        let kinds = moving.schemas.iter().filter(|schema| schema.kind == "consumer");
        kinds.map(|schema| self.parts(schema, stream).count()).sum()
    }

    fn set(&mut self, moving: &Moving, target: &Target, call: &Call) -> Result<Outputs, Refusal> {
        let (kind, physical, key) = (target.schema.kind, target.physical.as_str(), self.key(target));
        if key != physical && self.item(kind, physical).is_some() {
            // EC2's word for a second endpoint that would answer to a service's public name.
            let message = format!("{} {physical} is there already, and there can be one alone", target.schema.title);
            return Err(Refusal::new(Class::Refused, "InvalidParameter", message));
        }
        let mut item = self.take(kind, &key).ok_or_else(|| absent(target))?;
        let done = self.set_item(moving, &mut item, target, call);
        let outputs = item.outputs.clone();
        self.insert(kind, if done.is_ok() { physical } else { &key }, item);
        done.map(|()| outputs)
    }

    fn set_item(&self, moving: &Moving, item: &mut Item, target: &Target, call: &Call) -> Result<(), Refusal> {
        let schema = target.schema;
        if let Some((status, _)) = &item.busy {
            return Err(Refusal::in_use(format!("{} {} is {status}", schema.title, target.physical)));
        }
        let mut attrs = item.attrs.clone();
        merge(&mut attrs, schema, call);
        check_tags(moving, schema, &attrs)?;
        let is_tagging = call.set.keys().all(|name| is_tags(schema, name));
        if item.stream.is_some() {
            kinesis::change(self, moving, item, target, call)?;
            if is_tagging {
                item.attrs = attrs;
            }
            return Ok(());
        }
        item.attrs = attrs;
        let seconds =
            call.set.keys().filter_map(|name| schema.field(name)).map(|field| field.seconds).max().unwrap_or(0);
        if !is_tagging && is_asynchronous(schema, seconds) {
            item.busy = Some(("UPDATING".into(), moving.now + i64::from(seconds)));
        }
        Ok(())
    }

    fn delete(&mut self, moving: &Moving, target: &Target, call: &Call) -> Result<Outputs, Refusal> {
        let key = self.key(target);
        let (kind, physical) = (target.schema.kind, key.as_str());
        let consumers = self.consumers(moving, physical);
        let item = self.item_mut(kind, physical).ok_or_else(|| absent(target))?;
        if let Some((status, _)) = &item.busy {
            return Err(Refusal::in_use(format!("{} {physical} is {status}", target.schema.title)));
        }
        if kind == STREAM && item.stream.is_some() {
            kinesis::delete(moving, item, target, call, consumers)?;
        } else {
            self.remove(kind, physical, moving.schemas);
        }
        Ok(Outputs::new())
    }

    pub fn observe(&mut self, moving: &Moving, target: &Target) -> Observed {
        self.settle(moving);
        let key = self.key(target);
        let Some(item) = self.item(target.schema.kind, &key) else { return Observed::Absent };
        let mut resource = Resource {
            physical: key.clone(),
            outputs: item.outputs.clone(),
            attrs: item.attrs.clone(),
            facts: Attrs::from([("createdAt".to_owned(), Value::Int(item.created_at))]),
            state: state(item),
        };
        if let Some(stream) = &item.stream {
            let open = Value::from(stream.shards.open_count());
            // AWS tells the count in both modes.
            resource.attrs.insert("shards".into(), open.clone());
            let consumers = i64::try_from(self.consumers(moving, &target.physical)).unwrap_or(i64::MAX);
            resource.facts.insert("openShards".into(), open);
            resource.facts.insert("consumers".into(), Value::Int(consumers));
            resource.facts.insert("status".into(), Value::text(kinesis::status(stream).unwrap_or("ACTIVE")));
        }
        Observed::Present(Box::new(resource))
    }

    pub fn state(&mut self, moving: &Moving, target: &Target) -> Result<State, Refusal> {
        self.settle(moving);
        self.item(target.schema.kind, &self.key(target)).map(state).ok_or_else(|| absent(target))
    }
}

fn state(item: &Item) -> State {
    let change = item.stream.as_ref().and_then(kinesis::status);
    let busy = item.busy.as_ref().map(|(status, _)| status.as_str());
    change.or(busy).map_or(State::Ready, |status| State::Busy(status.into()))
}

fn absent(target: &Target) -> Refusal {
    let message = format!("{} {} is not found", target.schema.title, target.physical);
    Refusal::new(Class::Absent, names::absent_code(target.schema), message)
}

fn is_asynchronous(schema: &Schema, seconds: u32) -> bool {
    seconds > 1 && ASYNCHRONOUS.contains(&names::service(schema))
}

fn is_tags(schema: &Schema, name: &str) -> bool {
    schema.field(name).is_some_and(|field| matches!(field.compare, Compare::Tags { .. }))
}

/// Writes the call's attributes; tags are merged key by key, the others replaced.
fn merge(attrs: &mut Attrs, schema: &Schema, call: &Call) {
    for (name, value) in &call.set {
        match (attrs.get_mut(name), value) {
            (Some(Value::Map(live)), Value::Map(new)) if is_tags(schema, name) => live.extend(new.clone()),
            _ => {
                attrs.insert(name.clone(), value.clone());
            }
        }
    }
    for field in schema.fields.iter().filter(|field| is_tags(schema, field.name)) {
        if let Some(Value::Map(tags)) = attrs.get_mut(field.name) {
            tags.retain(|key, _| !call.drop_tags.contains(key));
        }
    }
}

fn check_tags(moving: &Moving, schema: &Schema, attrs: &Attrs) -> Result<(), Refusal> {
    let tags = attrs.iter().filter(|(name, _)| is_tags(schema, name)).filter_map(|(_, tags)| tags.as_map());
    tags.map(BTreeMap::len).try_for_each(|count| moving.options.limits.tag_count(count))
}
