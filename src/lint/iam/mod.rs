//! IAM: what a policy grants, what it fails to grant, and what is wrong with it.
//!
//! Facts only. Every function here takes values and answers values; how bad a fact is, rules decide.

pub mod arn;
pub mod catalog;
pub mod glob;
