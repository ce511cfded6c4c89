//! Values told to people and programs. No decisions are taken here.

pub mod drift;
mod excerpt;
pub mod human;
pub mod json;
pub mod markdown;
pub mod problems;
