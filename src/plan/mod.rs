//! From what is wanted and what is there to what will be done: pure, ordered, serialisable, no choices left.

mod consent;
mod cost;
mod diff;
mod digest;
mod drift;
mod order;
mod prune;
mod sheet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Address, Attrs, Call, Cost, Risk, Scope, Value};

pub use consent::{Agreed, Ambiguous, Consent};
pub use cost::{PRICES_DATE, PRICES_SOURCE, price_table};
pub use diff::{Question, is_satisfied, plan};
pub use digest::{digest_inventory, moved, sealed, watched};
pub use drift::{Drift, DriftClass, drift};

/// The version of the plan's JSON form; it rises when a reader of the old form would be misled.
pub const FORMAT: u32 = 1;

/// What will be done to one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub format_version: u32,
    /// The version of tidegate that made it.
    pub made_by: String,
    pub scope: Scope,
    /// Seconds since 1970.
    pub taken_at: i64,
    /// Of everything the plan was computed from: another inventory has another digest.
    pub inventory: String,
    /// What was looked at, so that the same can be looked at again before the plan is applied.
    pub watched: BTreeMap<Address, Watched>,
    pub steps: Vec<Step>,
    pub held: Vec<Held>,
    /// Fields that the autoscaler owns and that are within their bounds.
    pub autoscaled: Vec<Autoscaled>,
    /// What could not be listed; resources may be missing from the plan.
    pub not_checked: Vec<String>,
    /// What is worth knowing about the run as a whole, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    pub cost_before: Cost,
    pub cost_after: Cost,
    /// Estimated seconds along the longest chain of steps.
    pub about_seconds: u32,
}

/// A resource that the plan was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    pub physical: String,
    /// Bounds of the fields that the autoscaler owns.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub within: Attrs,
    /// It was also looked up who reads it, since it leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves: bool,
    /// What it was like, as a short digest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Create,
    Update,
    /// First half of a replacement is a deletion, the second a creation; both carry this verb.
    Replace,
    Adopt,
    Delete,
}

/// One resource's part of the plan: calls in their order, after the steps it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position in the plan, from 0.
    pub id: usize,
    pub address: Address,
    pub physical: String,
    pub verb: Verb,
    /// Why the step is there.
    pub because: String,
    pub changes: Vec<FieldChange>,
    pub calls: Vec<Call>,
    /// Steps that must be done before.
    pub after: Vec<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// Estimated seconds until it has settled.
    pub about_seconds: u32,
    /// Outputs that AWS assigned to the living resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
}

/// One field's change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Part of the value is known only after another step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_unknown: bool,
    /// Why AWS cannot change it in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// Something that the plan does not do, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub address: Address,
    pub physical: String,
    pub reason: Reason,
    pub why: String,
    /// What to do about it.
    pub remedy: String,
}

/// Why something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It exists and is not ours.
    Foreign,
    /// It is protected by its tag.
    Protected,
    /// It has left the spec and stays.
    Retained,
    /// It would take data with it.
    DataLoss,
    /// AWS's limit leaves no room today.
    Quota,
    /// It could not be read.
    NotChecked,
    /// Somebody else's resource still reads it.
    InUse,
    /// The spec counts on something that is not there.
    Missing,
    /// It needs something that is held.
    Waiting,
}

impl Reason {
    /// A reason that keeps the spec from becoming true, unlike one that was asked for.
    pub fn is_obstacle(self) -> bool {
        !matches!(self, Self::Retained | Self::Protected)
    }
}

/// A field that the autoscaler owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaled {
    pub address: Address,
    pub field: String,
    pub now: i64,
    pub min: i64,
    pub max: i64,
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Resources with this verb; a replacement counts once.
    pub fn count(&self, verb: Verb) -> usize {
        let mut seen: Vec<&Address> =
            self.steps.iter().filter(|step| step.verb == verb).map(|step| &step.address).collect();
        seen.sort();
        seen.dedup();
        seen.len()
    }

    /// What is wrong with its steps, each of which bears its position, waits for earlier ones alone and is about a resource that was
    /// looked at, under the name by which that was done. Who made the plan sees to it; a file may say anything.
    pub fn flaw(&self) -> Option<String> {
        self.steps.iter().enumerate().find_map(|(at, step)| {
            let named = format!("step {} ({})", step.id, step.address);
            if step.id != at || step.after.iter().any(|before| *before >= at) {
                return Some(format!("{named} is not in its place or waits for a later one"));
            }
            let known = match self.watched.get(&step.address) {
                Some(watched) => watched.physical == step.physical,
                // Somebody else's reader goes with what it reads.
                None => step.verb == Verb::Delete && self.watched.values().any(|watched| watched.leaves),
            };
            (!known).then(|| format!("{named} is about {}, which the plan was not made from", step.physical))
        })
    }

    /// Nothing at all could be read: not what is owned, and nothing of what is wanted.
    pub fn is_blind(&self) -> bool {
        let unread = |address: &Address| {
            let unread = |held: &Held| matches!(held.reason, Reason::NotChecked | Reason::Waiting);
            self.held.iter().any(|held| held.address == *address && unread(held))
        };
        !self.not_checked.is_empty() && self.is_empty() && self.watched.keys().all(unread)
    }

    /// What keeps the spec from becoming true.
    pub fn obstacles(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| held.reason.is_obstacle())
    }
}
