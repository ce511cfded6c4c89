//! What a call refers to must be there: AWS checks it, so the local cloud does.

use super::limits::Refusal;
use super::names::{parent, service};
use super::world::{Item, Moving, STREAM, World};
use crate::cloud::{Claim, Class, Target};
use crate::model::{Address, Call, Compare, Effect, Schema, Value};

/// Seconds until a new role is known everywhere. IAM documents no figure; users see 5 to 15 s.
const ROLE_SPREADS_SECONDS: i64 = 8;

pub fn check(world: &World, moving: &Moving, target: &Target, call: &Call) -> Result<(), Refusal> {
    for (name, value) in &call.set {
        let mut unresolved = Vec::new();
        value.refs(&mut unresolved);
        if let Some(reference) = unresolved.first() {
            let message = format!("unresolved reference {reference} in `{name}`: this is a mistake of ours");
            return Err(Refusal::new(Class::Refused, "UnresolvedReference", message));
        }
        // Policies may name what does not exist yet.
        let is_document = target.schema.field(name).is_some_and(|field| field.compare == Compare::Document);
        if !is_document && service(target.schema) != "iam" {
            check_value(world, moving, target, call, value)?;
        }
    }
    Ok(())
}

fn check_value(world: &World, moving: &Moving, target: &Target, call: &Call, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Text(text) if text.starts_with("arn:") => check_arn(world, moving, target, call, text),
        Value::List(items) => items.iter().try_for_each(|item| check_value(world, moving, target, call, item)),
        // A map with statements is a policy, whatever its field says.
        Value::Map(map) if !map.contains_key("Statement") => {
            map.values().try_for_each(|item| check_value(world, moving, target, call, item))
        }
        _ => Ok(()),
    }
}

fn check_arn(world: &World, moving: &Moving, target: &Target, call: &Call, arn: &str) -> Result<(), Refusal> {
    let found = world.items().find(|(_, _, item)| item.outputs.get("arn").is_some_and(|known| known == arn));
    match found {
        Some(("role", name, item)) => {
            let age = moving.now - item.created_at;
            if call.effect == Effect::Create && age < ROLE_SPREADS_SECONDS {
                let message = format!("{} is unable to assume role {name} ({arn})", target.schema.title);
                return Err(Refusal::new(Class::NotYet, "InvalidArgumentException", message));
            }
            Ok(())
        }
        Some(_) => Ok(()),
        None => match moving.schemas.iter().find(|schema| is_of(schema, target, arn)) {
            Some(schema) => {
                let code =
                    if service(schema) == "kms" { "InvalidArgumentException" } else { "ResourceNotFoundException" };
                let message = format!("{} {arn} does not exist", schema.title);
                Err(Refusal::new(Class::Refused, code, message))
            }
            None => Ok(()),
        },
    }
}

/// What reads a stream: the consumers that hang on it, and whatever has its ARN as `source`.
pub fn readers(world: &World, moving: &Moving, target: &Target) -> Vec<Claim> {
    if target.schema.kind != STREAM {
        return Vec::new();
    }
    let arn = target.arn();
    let reads = |kind: &str, name: &str, item: &Item| {
        let schema = moving.schemas.iter().find(|schema| schema.kind == kind);
        let hangs = schema.is_some_and(|schema| {
            kind == "consumer" && parent(schema, name) == Some((STREAM, target.physical.as_str()))
        });
        hangs || item.attrs.get("source").and_then(Value::as_text) == Some(arn.as_str())
    };
    let all = world.items().filter(|(kind, name, item)| reads(kind, name, item));
    all.map(|(kind, name, _)| Claim { address: Address::new(kind, name), physical: name.to_owned() }).collect()
}

/// Whether the ARN names a resource of this kind in this account. Patterns and parts of resources are nobody's.
fn is_of(schema: &Schema, target: &Target, arn: &str) -> bool {
    let scope = &target.scope;
    if arn.contains('*') {
        return false;
    }
    match schema.arn {
        Some(template) => {
            let filled = scope.fill(template, "\n");
            let Some((head, tail)) = filled.split_once('\n') else { return false };
            let name = arn.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            name.is_some_and(|name| !name.is_empty() && !name.contains(['/', ':']))
        }
        None => {
            let head = format!(
                "arn:{}:{}:{}:{}:{}/",
                scope.partition,
                service(schema),
                scope.region,
                scope.account,
                schema.kind
            );
            schema.assigned.contains(&"arn") && arn.starts_with(&head)
        }
    }
}
