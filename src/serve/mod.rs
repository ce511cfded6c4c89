//! The controller's HTTP port: health, metrics, the report and the page. It only reads: nothing can be changed through it.
//!
//! The loop never waits for it: the fleet is locked for as long as its report is copied, at most once a tick, and everything
//! is rendered outside the lock, beside the loop.

mod guard;
mod listen;
mod pulse;
mod routes;
mod token;
mod view;

pub use listen::{Door, Opened};
pub use pulse::Pulse;
pub use token::Token;
