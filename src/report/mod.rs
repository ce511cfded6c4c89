//! Values told to people and programs. No decisions are taken here.

mod excerpt;
pub mod problems;
