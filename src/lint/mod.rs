//! Lint: rules that know the whole pipeline.

pub mod iam;
