use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::{Compare, Graph, Inventory, Observed, Value};

/// The digest of what a plan is computed from. Counts that the autoscaler owns are left out while they are within
/// their bounds, so that a resize between plan and apply does not spoil a plan that does not touch it.
pub fn digest_inventory(inventory: &Inventory, graph: &Graph) -> String {
    let mut seen = inventory.seen.clone();
    for (address, observed) in &mut seen {
        let Observed::Present(live) = observed else { continue };
        live.facts.clear();
        let Some(desired) = graph.get(address) else { continue };
        for field in desired.schema.fields.iter().filter(|field| field.compare == Compare::Within) {
            let (Some(wanted), Some(now)) = (desired.attrs.get(field.name), live.attrs.get(field.name)) else { continue };
            if matches!(wanted, Value::Map(_)) && field.compare.same(wanted, now) {
                live.attrs.insert(field.name.into(), "within".into());
            }
        }
        if let Some(Value::Map(tags)) = live.attrs.get_mut("tags") {
            tags.remove(crate::model::LEDGER);
        }
    }
    let wanted: Vec<_> = graph.iter().map(|desired| (&desired.address, &desired.physical, &desired.attrs)).collect();
    let text = serde_json::json!({ "scope": inventory.scope, "seen": seen, "wanted": wanted }).to_string();
    hex(text.as_bytes())
}

/// The seal of a plan file: the digest of its canonical JSON. It finds edits; it is no signature.
pub fn sealed(plan: &serde_json::Value) -> String {
    hex(plan.to_string().as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
