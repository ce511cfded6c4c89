#![doc = include_str!("README.md")]

// The modules stand in the order in which data flows.
pub mod model;
pub mod spec;
pub mod plan;
pub mod report;

pub mod cloud;
pub mod aws;
pub mod kinds;
pub mod local;
pub mod apply;
pub mod cli;
