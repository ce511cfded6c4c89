//! What others do, as policies on the same plant: the bar for our own.
//!
//! Each file names its source and states the facts that were read there. No code was copied. A peer stands in three
//! rows: as shipped, within the bounds of the spec, and tuned.

pub mod aas_sample;
pub mod adaptavist;
mod alarm;
pub mod awslabs;
pub mod clairvoyant;
pub mod doubling;
pub mod ds2;
pub mod epsagon;
pub mod fixed;
pub mod flower;
pub mod hpa;
pub mod on_demand;
mod row;
pub mod substation;
mod tape;
#[cfg(test)]
mod tests;
pub mod xaxis;

pub use row::{Row, Tuning};
