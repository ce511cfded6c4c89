//! What carries the tags of a pipeline, and what hangs on such a thing.

use super::names::service;
use super::world::{Item, World};
use crate::cloud::Claim;
use crate::model::{Address, Compare, PIPELINE, RESOURCE, Schema, Value};

/// Claims by tags; kinds without tags are claimed through the resource of the same service whose name theirs begins with.
pub fn claims(world: &World, schemas: &[&Schema], pipeline: &str) -> Vec<Claim> {
    let kind = |name: &str| schemas.iter().find(|schema| schema.kind == name);
    let mut found: Vec<Claim> = world
        .items()
        .filter_map(|(name, physical, item)| {
            let tags = item.attrs.get(tags_field(kind(name)?)?)?;
            let is_ours = tags.get(PIPELINE).and_then(Value::as_text) == Some(pipeline);
            let address: Address = tags.get(RESOURCE)?.as_text()?.parse().ok()?;
            is_ours.then(|| Claim { address, physical: physical.into() })
        })
        .collect();
    let mut parts = Vec::new();
    for schema in schemas.iter().filter(|schema| tags_field(schema).is_none()) {
        let of_service: Vec<&Claim> = found
            .iter()
            .filter(|claim| kind(claim.address.kind()).is_some_and(|of| service(of) == service(schema)))
            .collect();
        parts.extend(world.of_kind(schema.kind).filter_map(|part| through_parent(schema, part, &of_service)));
    }
    found.extend(parts);
    found.sort();
    found.dedup();
    found
}

fn through_parent(schema: &Schema, (physical, _): (&str, &Item), parents: &[&Claim]) -> Option<Claim> {
    let rest = |parent: &Claim| {
        let rest = physical.strip_prefix(parent.physical.as_str())?;
        (rest.is_empty() || rest.starts_with(['/', ':', '|'])).then_some(rest)
    };
    let parent = parents.iter().filter(|parent| rest(parent).is_some()).max_by_key(|parent| parent.physical.len())?;
    let own = rest(parent)?.trim_start_matches(['/', ':', '|']);
    let name =
        if own.is_empty() { parent.address.name().to_owned() } else { format!("{}/{own}", parent.address.name()) };
    Some(Claim { address: Address::new(schema.kind, name), physical: physical.into() })
}

/// The field that holds the tags.
fn tags_field(schema: &Schema) -> Option<&'static str> {
    schema.fields.iter().find(|field| matches!(field.compare, Compare::Tags { .. })).map(|field| field.name)
}
