//! The controller: a seeded simulation with faults and judges outside of it, and the program itself.

mod program;
mod replicas;
mod rough;
mod secrets;
mod seeds;
mod told;

pub use program::{lines, put_load};
