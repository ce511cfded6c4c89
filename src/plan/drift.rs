use serde::Serialize;

use super::diff::{Question, differing, resolve};
use super::sheet::Sheet;
use crate::model::{Address, Change, Compare, ON_REMOVAL, Observed, Owner, Value};

/// The four words of drift, and one for what was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftClass {
    /// A declared field has another value.
    Declared,
    /// A field that the spec does not mention differs from AWS's default, or a tag was added.
    Undeclared,
    /// The resource is gone.
    Missing,
    /// It could not be read, so nothing is said about it.
    NotChecked,
    /// The pipeline owns it and the spec does not ask for it.
    Unexpected,
}

/// One difference between the spec and what we own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub address: Address,
    pub class: DriftClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the spec says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Value>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Drift {
    fn of(address: &Address, class: DriftClass) -> Self {
        Self { address: address.clone(), class, field: None, wanted: None, live: None, why: None }
    }
}

/// What differs in what the pipeline owns.
pub fn drift(question: &Question) -> Vec<Drift> {
    let mut found = Vec::new();
    for (address, seen) in &question.inventory.seen {
        let wanted = question.graph.get(address).filter(|desired| !desired.existing);
        match (wanted, seen) {
            (_, Observed::Unreadable(why)) => {
                found.push(Drift { why: Some(why.clone()), ..Drift::of(address, DriftClass::NotChecked) });
            }
            (Some(_), Observed::Absent) => found.push(Drift::of(address, DriftClass::Missing)),
            // It left the spec and was asked to stay; or another block describes it.
            (None, Observed::Present(live))
                if live.tag(ON_REMOVAL) != Some("delete") || super::diff::renamed(question, address.kind(), live) => {}
            (None, Observed::Present(live))
                if live.owner(&address.tagged(), &question.inventory.scope) == Owner::Ours =>
            {
                found.push(Drift::of(address, DriftClass::Unexpected));
            }
            (Some(desired), Observed::Present(live)) => {
                let owner = live.owner(address, &question.inventory.scope);
                let ours = owner == Owner::Ours || super::diff::renamed(question, address.kind(), live);
                if live.attrs.contains_key("tags") && !ours {
                    let why = "it exists and does not carry this pipeline's tags".to_owned();
                    found.push(Drift { why: Some(why), ..Drift::of(address, DriftClass::NotChecked) });
                    continue;
                }
                let resolved = resolve(question, desired, &Sheet::default());
                for (name, value) in differing(desired.schema, &resolved, live) {
                    if let Some(unread) = unread(question, &value) {
                        let why = format!("{unread} could not be read");
                        let found_field =
                            Drift { field: Some(name), why: Some(why), ..Drift::of(address, DriftClass::NotChecked) };
                        found.push(found_field);
                        continue;
                    }
                    found.push(Drift {
                        live: live.attrs.get(&name).cloned(),
                        field: Some(name),
                        wanted: Some(value),
                        ..Drift::of(address, DriftClass::Declared)
                    });
                }
                undeclared(desired.schema, &resolved, live, address, &mut found);
            }
            _ => {}
        }
    }
    found.extend(question.inventory.blind.iter().map(|why| Drift {
        why: Some(why.clone()),
        ..Drift::of(&Address::new("listing", "owned"), DriftClass::NotChecked)
    }));
    found
}

/// A resource that the value refers to and that could not be read: then nothing can be said about the value.
fn unread(question: &Question, value: &Value) -> Option<Address> {
    let mut refs = Vec::new();
    value.refs(&mut refs);
    let hidden = |address: &&Address| matches!(question.inventory.seen.get(*address), Some(Observed::Unreadable(_)));
    refs.into_iter().map(|reference| &reference.address).find(hidden).cloned()
}

/// Settings that somebody made and the spec does not mention. AWS's own defaults are none.
fn undeclared(
    schema: &crate::model::Schema,
    wanted: &crate::model::Attrs,
    live: &crate::model::Resource,
    address: &Address,
    found: &mut Vec<Drift>,
) {
    for field in schema.fields {
        let Some(seen) = live.attrs.get(field.name) else { continue };
        if let (Compare::Tags { .. }, Some(tags)) = (field.compare, wanted.get(field.name)) {
            let extra = seen.as_map().into_iter().flatten().filter(|(key, _)| {
                tags.get(key).is_none() && !key.starts_with("tidegate:") && crate::model::is_ours_to_write(key)
            });
            found.extend(extra.map(|(key, value)| Drift {
                field: Some(format!("tags.{key}")),
                live: Some(value.clone()),
                ..Drift::of(address, DriftClass::Undeclared)
            }));
        }
        let default = field.default.map(|default| default());
        if wanted.contains_key(field.name) || matches!(field.change, Change::Delegated | Change::Fixed) {
            continue;
        }
        if default.is_some_and(|default| !field.compare.same(&default, seen)) {
            found.push(Drift {
                field: Some(field.name.into()),
                live: Some(seen.clone()),
                ..Drift::of(address, DriftClass::Undeclared)
            });
        }
    }
}
