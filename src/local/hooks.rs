//! Trouble on demand: faults and crash points before and after a call.

use std::sync::Arc;

use crate::cloud::{Fault, Target};
use crate::model::Call;

/// When a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A fault now means that nothing happens.
    Before,
    /// A fault now means that the effect took place and the answer is lost.
    After,
}

/// Asked around each mutating call; a fault is what the caller gets instead of the answer.
pub type Hook = Arc<dyn Fn(&Target, &Call, Moment) -> Option<Fault> + Send + Sync>;
