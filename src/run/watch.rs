//! What the controller watches, and what it tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cloud::Target;
use crate::control::{Decision, DriftStatus, Key};
use crate::kinds::stream::SCHEMA;
use crate::model::{Address, Scope};
use crate::scale::Alarm;

/// How a stream is reached.
pub struct Watch {
    /// Its name in the spec, and in AWS.
    pub name: String,
    pub physical: String,
    pub scope: Arc<Scope>,
    /// Which of the clouds.
    pub cloud: usize,
    /// Its alarms that ask for a decision, by their names in AWS.
    pub alarms: Vec<Alarm>,
    /// Its fan-out consumers, by their names in AWS.
    pub consumers: Vec<String>,
}

impl Watch {
    /// The stream as the cloud knows it; made for each look, since it is many times larger than what it is made from.
    pub fn target(&self) -> Target {
        Target {
            address: Address::new(SCHEMA.kind, self.name.as_str()),
            schema: &SCHEMA,
            scope: Scope::clone(&self.scope),
            physical: self.physical.clone(),
            outputs: BTreeMap::new(),
            listed: None,
        }
    }
}

/// What is worth a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Decision {
        key: Key,
        decision: Box<Decision>,
    },
    Drift(DriftStatus),
    /// What failed for more than one stream, and when it was noticed.
    Trouble {
        at: i64,
        message: String,
    },
}
