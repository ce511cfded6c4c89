#![doc = include_str!("README.md")]

// The modules stand in the order in which data flows.
pub mod control;
pub mod model;
pub mod plan;
pub mod report;
pub mod scale;
pub mod spec;

pub mod apply;
pub mod aws;
pub mod cli;
pub mod cloud;
pub mod disk;
pub mod kinds;
pub mod lint;
pub mod local;
pub mod run;
pub mod serve;
pub mod simulate;
