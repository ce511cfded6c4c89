//! What others spent today of what AWS limits per stream. Asked only where a plan spends some itself.

use std::collections::BTreeSet;

use crate::cloud::Cloud;
use crate::model::{COUNTED, DAY, LIMITED_A_DAY, Ledger, Observed, Value};
use crate::plan::Plan;

/// Counts the calls of others (a console, a script) on the streams that the plan changes by a limited call. Answers whether
/// that is news, so that the plan has to be computed again.
pub async fn count_others(cloud: &dyn Cloud, plan: &Plan, inventory: &mut crate::model::Inventory) -> bool {
    let mut streams = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for step in &plan.steps {
        for limited in LIMITED_A_DAY {
            if step.calls.iter().any(|call| call.verb() == limited) {
                streams.insert(&step.address);
                operations.insert(limited);
            }
        }
    }
    let held = plan.held.iter().filter(|held| held.address.kind() == "stream");
    streams.extend(held.map(|held| &held.address));
    if operations.is_empty() {
        return false;
    }
    let now = inventory.taken_at;
    let made = match cloud.made(&operations, now - DAY).await {
        Ok(made) => made,
        Err(fault) => {
            inventory.blind.push(format!("what others spent of today's resizes (CloudTrail): {fault}"));
            return true;
        }
    };
    let mut news = false;
    for address in streams {
        let Some(Observed::Present(stream)) = inventory.seen.get_mut(address) else { continue };
        let known = Ledger::of(Some(stream), now);
        let counted = known.clone().with(made.iter().filter(|call| call.stream == stream.physical), now);
        if counted != known {
            stream.facts.insert(COUNTED.into(), Value::text(counted.text()));
            news = true;
        }
    }
    news
}
