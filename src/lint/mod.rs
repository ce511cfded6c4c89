//! Policies over specs: Rust computes facts, Rego judges, and every finding has its place in the file.
//!
//! ```text
//! Source ──Reading──▶ Document + Pipeline + Graph ──facts──▶ JSON ──Engine──▶ Verdicts ──Finding::of──▶ Findings
//! ```
//!
//! # Adding a rule
//!
//! 1. `policies/CONCERN/ID.rego` with a `# METADATA` block (see [`rule::About`] for its fields) and
//!    `package tidegate.ID_WITH_UNDERSCORES`. Its `deny` is a set of objects
//!    `{"msg": …, "path": ["streams", name, "retention"], "help": …, "also": [{"path": …, "label": …}], "fix": …}`;
//!    all but `msg` may be left out. A message with amounts or names of others needs a `key` that stays the same.
//!    `warn` is the same, and never more than a warning.
//! 2. `policies/CONCERN/ID.cases.yaml` with `bad:` and `good:` specs ([`cases::Cases`]).
//! 3. Its id in the list of [`builtin`]. Tests, documentation and `--explain` follow from the files.
//!
//! # Adding facts
//!
//! Facts about IAM policies, those that a pipeline brings and those in files, are found by `iam`; `policies/access` judges
//! them by their `code`, one of [`iam::fact::CODES`].
//!
//! A module under `facts` that turns [`facts::Known`] (document, typed spec, graph of wanted resources) into JSON, and one
//! entry in [`facts::facts`]. Arithmetic belongs there, in Rust with tests, and not into a policy.

mod apart;
pub mod baseline;
mod bounded;
pub mod builtin;
mod calls;
pub mod cases;
pub mod choice;
pub mod config;
pub mod data;
pub mod declared;
pub mod elsewhere;
pub mod engine;
pub mod examine;
pub mod facts;
mod fields;
pub mod finding;
pub mod fix;
pub mod functions;
mod guard;
#[cfg(test)]
mod hostile;
pub mod iam;
mod imports;
pub mod mend;
mod metadata;
mod older;
mod patterns;
pub mod plain;
pub mod policy;
mod premise;
mod printf;
pub mod reading;
mod results;
pub mod rule;
pub mod suppress;
#[cfg(test)]
mod tests;
pub mod verdict;
mod walks;
