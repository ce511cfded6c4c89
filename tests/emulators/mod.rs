//! The kinds over the real SDK and real HTTP, against programs that nobody here wrote.

mod access;
mod archive;
mod controller;
mod deployer;
mod permissions;
mod readback;
mod roles;
mod wake;
