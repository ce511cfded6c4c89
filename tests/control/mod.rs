//! The controller: a seeded simulation with faults and judges outside of it, and the program itself.

mod program;
mod rough;
mod seeds;
