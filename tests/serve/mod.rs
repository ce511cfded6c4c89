//! The controller's HTTP port: a running program is asked over the wire, and its page opens in a browser.

pub mod browser;
pub mod families;
mod page;
mod port;
pub mod prometheus;
pub mod running;
mod walk;

pub use running::{ask, listens};
