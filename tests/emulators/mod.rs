//! The kinds over the real SDK and real HTTP, against programs that nobody here wrote.

mod access;
mod archive;
pub mod awscli;
mod controller;
mod deployer;
mod excess;
mod flow;
mod going;
mod governed;
mod judged;
mod permissions;
mod readback;
mod roles;
mod taken;
mod wake;
