use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Address, Attrs, PIPELINE, PROTECT, Quotas, RESOURCE, Scope, Value};

/// Whether a resource can take the next change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "status", rename_all = "lowercase")]
pub enum State {
    #[default]
    Ready,
    /// Something asynchronous is under way; the text is AWS's own word, such as `UPDATING`.
    Busy(String),
    /// It will not get better by waiting, such as `CREATING_FAILED`.
    Failed(String),
}

/// A resource as AWS shows it, in the words of its kind's field table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub physical: String,
    /// `arn`, `id`, `name`: what others refer to.
    pub outputs: BTreeMap<String, String>,
    pub attrs: Attrs,
    /// What is worth knowing and nobody declares: open shards, consumers, creation time.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub facts: Attrs,
    #[serde(flatten)]
    pub state: State,
}

/// Whose a resource is, by its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Ours,
    /// Another pipeline, or another address of ours.
    Other(String),
    Nobody,
}

impl Resource {
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.attrs.get("tags")?.get(key)?.as_text()
    }

    /// The fact or attribute `name`.
    pub fn fact(&self, name: &str) -> Option<&Value> {
        self.facts.get(name)
    }

    pub fn is_protected(&self) -> bool {
        self.tag(PROTECT) == Some("true")
    }

    /// It is on its way out, whoever asked for that.
    pub fn is_going(&self) -> bool {
        matches!(&self.state, State::Busy(status) if status.eq_ignore_ascii_case("deleting"))
    }

    pub fn owner(&self, address: &Address, scope: &Scope) -> Owner {
        match (self.tag(PIPELINE), self.tag(RESOURCE)) {
            (None, _) => Owner::Nobody,
            (Some(pipeline), Some(resource)) if pipeline == scope.pipeline && resource == address.to_string() => {
                Owner::Ours
            }
            (Some(pipeline), Some(resource)) => Owner::Other(format!("{resource} of the pipeline {pipeline}")),
            (Some(pipeline), None) => Owner::Other(format!("the pipeline {pipeline}")),
        }
    }
}

/// The result of looking at one address. Unreadable is never taken for absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observed {
    Absent,
    Present(Box<Resource>),
    /// Why it could not be read, and what to do.
    Unreadable(String),
}

impl Observed {
    pub fn present(&self) -> Option<&Resource> {
        match self {
            Self::Present(resource) => Some(resource),
            _ => None,
        }
    }
}

/// Everything that was looked at, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    pub scope: Scope,
    /// Seconds since 1970.
    pub taken_at: i64,
    pub seen: BTreeMap<Address, Observed>,
    /// What could not be listed, so that resources may be missing here: the plan says "not checked".
    pub blind: Vec<String>,
    /// What reads a resource that is about to leave, ours or not, as address and name in AWS; or why nobody knows.
    pub readers: BTreeMap<Address, Result<Vec<(Address, String)>, String>>,
    /// The account's quotas, as far as AWS tells them. They are no reason for a saved plan to be stale.
    pub quotas: Quotas,
}

impl Inventory {
    pub fn present(&self, address: &Address) -> Option<&Resource> {
        self.seen.get(address)?.present()
    }
}
