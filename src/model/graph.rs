use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Address, Attrs, Path, Ref, Schema, Scope, Value};

/// What happens to a resource once its block has left the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(example = &"retain")]
pub enum OnRemoval {
    /// It stays, still tagged; the plan names it among the things held.
    #[default]
    Retain,
    /// It is deleted; what holds data needs `--allow-data-loss` besides.
    Delete,
}

/// One wanted resource.
#[derive(Clone)]
pub struct Desired {
    pub address: Address,
    pub schema: &'static Schema,
    /// Its name in AWS, in the form that the kind understands.
    pub physical: String,
    pub attrs: Attrs,
    /// Must stand before this one although no attribute refers to it.
    pub after: BTreeSet<Address>,
    /// The resource it is a part of; it decides whose a part without tags is.
    pub parent: Option<Address>,
    /// Where the spec asks for it.
    pub path: Path,
    /// Exists outside the pipeline: it is looked up and never changed.
    pub existing: bool,
}

impl Desired {
    pub fn new(schema: &'static Schema, name: impl Into<String>, physical: impl Into<String>, path: Path) -> Self {
        Self {
            address: Address::new(schema.kind, name),
            schema,
            physical: physical.into(),
            attrs: Attrs::new(),
            after: BTreeSet::new(),
            parent: None,
            path,
            existing: false,
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        debug_assert!(self.schema.field(name).is_some(), "{} has no field {name}", self.schema.kind);
        self.attrs.insert(name.into(), value.into());
        self
    }

    #[must_use]
    pub fn after(mut self, address: &Address) -> Self {
        self.after.insert(address.clone());
        self
    }

    /// A part of another resource, which must stand before it.
    #[must_use]
    pub fn part_of(mut self, parent: &Address) -> Self {
        self.after.insert(parent.clone());
        self.parent = Some(parent.clone());
        self
    }

    /// Looked up, never changed.
    #[must_use]
    pub fn existing(mut self) -> Self {
        self.existing = true;
        self
    }

    /// A reference to one of its outputs.
    pub fn output(&self, output: &str) -> Value {
        Value::reference(self.address.clone(), output)
    }

    /// An output that is known before the resource exists.
    pub fn known_output(&self, output: &str, scope: &Scope) -> Option<String> {
        match output {
            "name" => Some(self.physical.clone()),
            "arn" => self.schema.arn.map(|template| scope.fill(template, &self.physical)),
            _ => None,
        }
    }

    /// The addresses that must stand before this one.
    pub fn needs(&self) -> BTreeSet<Address> {
        let mut refs: Vec<&Ref> = Vec::new();
        self.attrs.values().for_each(|value| value.refs(&mut refs));
        let mut needs: BTreeSet<Address> = refs.into_iter().map(|reference| reference.address.clone()).collect();
        needs.extend(self.after.iter().cloned());
        needs.remove(&self.address);
        needs
    }
}

/// Everything wanted, by address. Edges are the references inside the attributes.
#[derive(Clone, Default)]
pub struct Graph {
    wanted: BTreeMap<Address, Desired>,
}

impl Graph {
    /// Adds a resource; the first of an address wins, so that two sections may ask for the same one.
    pub fn add(&mut self, desired: Desired) {
        self.wanted.entry(desired.address.clone()).or_insert(desired);
    }

    pub fn get(&self, address: &Address) -> Option<&Desired> {
        self.wanted.get(address)
    }

    pub fn get_mut(&mut self, address: &Address) -> Option<&mut Desired> {
        self.wanted.get_mut(address)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Desired> {
        self.wanted.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Desired> {
        self.wanted.values_mut()
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Desired> {
        self.wanted.values().filter(move |desired| desired.address.kind() == kind)
    }

    pub fn contains(&self, address: &Address) -> bool {
        self.wanted.contains_key(address)
    }

    /// Addresses so that everything stands after what it needs; `Err` names those that need each other in a circle.
    pub fn order(&self) -> Result<Vec<Address>, Vec<Address>> {
        let mut waiting: BTreeMap<&Address, BTreeSet<Address>> = self
            .wanted
            .iter()
            .map(|(address, desired)| {
                (address, desired.needs().into_iter().filter(|need| self.contains(need)).collect())
            })
            .collect();
        let mut order = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let ready: Vec<Address> =
                waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(address, _)| (*address).clone()).collect();
            if ready.is_empty() {
                return Err(waiting.keys().map(|address| (*address).clone()).collect());
            }
            for address in &ready {
                waiting.remove(address);
            }
            let done: BTreeSet<&Address> = ready.iter().collect();
            waiting.values_mut().for_each(|needs| needs.retain(|need| !done.contains(need)));
            order.extend(ready);
        }
        Ok(order)
    }
}
