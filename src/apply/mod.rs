//! Looks at a cloud and carries out plans. Decisions were taken before; here is only order, patience and honesty.

mod again;
mod execute;
mod expect;
mod look;
mod others;
mod step;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use crate::cloud::Fault;
use crate::model::Address;
use crate::plan::Verb;

pub use execute::{Limits, execute};
pub use look::{look, look_again, scope_of};
pub use others::count_others;

/// What happens while a plan is carried out, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Started {
        step: usize,
        address: Address,
        verb: Verb,
    },
    /// A call is about to be sent.
    Calling {
        step: usize,
        address: Address,
        operation: String,
    },
    /// The resource has not settled yet; `status` is AWS's word.
    Waiting {
        step: usize,
        address: Address,
        status: String,
    },
    Done {
        step: usize,
        address: Address,
        verb: Verb,
        seconds: i64,
    },
    Failed {
        step: usize,
        address: Address,
        verb: Verb,
        error: String,
        help: Option<String>,
    },
    Skipped {
        step: usize,
        address: Address,
        verb: Verb,
        because: String,
    },
    /// What a step did was no longer so, or could not be seen, when all was done.
    Lost {
        step: usize,
        address: Address,
        verb: Verb,
        error: String,
        help: Option<String>,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed(Fault),
    /// It was done, and at the end of the run somebody else had changed it again, or it could not be seen.
    Lost(Fault),
    /// A step it depends on did not end well.
    Skipped {
        because_of: Address,
    },
    /// The run was stopped before its turn.
    NotStarted,
}

/// Lets somebody else stop a run: once to finish what is in flight, twice to drop it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// Asks once more; answers how often it was asked.
    pub fn ask(&self) -> u8 {
        self.0.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}
