//! The controller's HTTP port: a running program is asked over the wire, and its page opens in a browser.

mod browser;
mod families;
mod page;
mod port;
mod prometheus;
mod running;
