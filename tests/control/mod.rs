//! The controller: a seeded simulation with faults and judges outside of it, and the program itself.

mod program;
mod replicas;
mod rough;
mod seeds;
