use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Watched;
use crate::model::{Address, Compare, Graph, Inventory, LEDGER, Observed, PAUSED, PIN, State, Value};

/// Bytes of a resource's mark.
const MARK_BYTES: usize = 8;

/// What the plan is computed from, with the bounds of what the autoscaler owns.
pub fn watched(inventory: &Inventory, graph: &Graph) -> BTreeMap<Address, Watched> {
    let watch = |(address, seen): (&Address, &Observed)| {
        let desired = graph.get(address);
        let physical = desired.map(|desired| desired.physical.clone());
        let physical = physical.or_else(|| seen.present().map(|live| live.physical.clone())).unwrap_or_default();
        let owned = desired.into_iter().flat_map(|desired| {
            let fields = desired.schema.fields.iter().filter(|field| field.compare == Compare::Within);
            fields.filter_map(|field| Some((field.name.to_owned(), desired.attrs.get(field.name)?.clone())))
        });
        let within = owned.filter(|(_, value)| matches!(value, Value::Map(_))).collect();
        let leaves = inventory.readers.contains_key(address);
        (address.clone(), Watched { physical, within, leaves, mark: String::new() })
    };
    inventory.seen.iter().map(watch).collect()
}

/// What a plan is computed from, in digests.
pub struct Digests {
    /// Of all of it.
    pub whole: String,
    /// Of each resource, in so few digits that a file of thousands bears them: they tell a person where to look.
    pub marks: BTreeMap<Address, String>,
}

/// The resources that are no longer as they were when the plan was made. Empty where only who reads them has changed.
pub fn moved<'a>(
    marks: &'a BTreeMap<Address, String>,
    watched: &'a BTreeMap<Address, Watched>,
) -> impl Iterator<Item = &'a Address> {
    let other = watched.iter().filter(|(address, before)| marks.get(*address) != Some(&before.mark));
    let new = marks.keys().filter(|address| !watched.contains_key(*address));
    other.map(|(address, _)| address).chain(new)
}

/// The digest of what a plan is computed from. Counts that the autoscaler owns are left out while they are within
/// their bounds, so that a resize between plan and apply does not spoil a plan that does not touch it.
pub fn digest_inventory(inventory: &Inventory, watched: &BTreeMap<Address, Watched>) -> Digests {
    // Where nothing was and nothing is wanted says nothing.
    let counts = |(address, seen): &(&Address, &Observed)| watched.contains_key(address) || **seen != Observed::Absent;
    let seen: BTreeMap<String, (&Address, &Observed)> =
        inventory.seen.iter().filter(counts).map(|(address, seen)| (address.to_string(), (address, seen))).collect();
    let readers: BTreeMap<String, &Result<_, String>> =
        inventory.readers.iter().map(|(address, readers)| (address.to_string(), readers)).collect();
    // One resource at a time: a copy of thousands, as a tree and as a text, would take more memory than all the rest.
    let (mut digest, mut marks) = (Sha256::new(), BTreeMap::new());
    digest.update(serde_json::json!({ "scope": inventory.scope, "readers": readers }).to_string());
    for (name, (address, observed)) in seen {
        let text = serde_json::json!([name, settled(address, observed, watched)]).to_string();
        digest.update(&text);
        marks.insert(address.clone(), hex(&Sha256::digest(&text)[..MARK_BYTES]));
    }
    Digests { whole: hex(&digest.finalize()), marks }
}

/// What of a resource spoils a plan when it changes.
fn settled(address: &Address, observed: &Observed, watched: &BTreeMap<Address, Watched>) -> Observed {
    let mut observed = observed.clone();
    if let Observed::Present(live) = &mut observed {
        live.facts.clear();
        live.state = State::Ready;
        for (field, bounds) in watched.get(address).map(|watched| &watched.within).into_iter().flatten() {
            if live.attrs.get(field).is_some_and(|now| Compare::Within.same(bounds, now)) {
                live.attrs.insert(field.clone(), "within".into());
            }
        }
        if let Some(Value::Map(tags)) = live.attrs.get_mut("tags") {
            // What the controller and people write while it runs.
            tags.retain(|key, _| ![LEDGER, PAUSED, PIN].contains(&key.as_str()));
        }
    }
    observed
}

/// The seal of a plan file: the digest of its canonical JSON. It finds edits; it is no signature.
pub fn sealed(plan: &serde_json::Value) -> String {
    hex(&Sha256::digest(plan.to_string().as_bytes()))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
