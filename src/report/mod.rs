//! Values told to people and programs. No decisions are taken here.

pub mod board;
pub mod drift;
mod excerpt;
pub mod human;
pub mod json;
mod layout;
pub mod lint;
pub mod markdown;
pub mod metrics;
pub mod plain;
pub mod problems;
pub mod reference;
#[cfg(test)]
mod samples;
pub mod sizing;
mod summary;
mod tell;
pub mod value;
