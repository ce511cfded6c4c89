//! IAM: what a policy grants, what it fails to grant, and what is wrong with it.
//!
//! Facts only. Every function here takes values and answers values; how bad a fact is, rules decide.

pub mod arn;
mod beside;
pub mod catalog;
pub mod checks;
pub mod fact;
pub mod file;
pub mod glob;
pub mod input;
pub mod need;
pub mod pipeline;
pub mod policy;
pub mod read;
mod remembered;
mod shape;

/// The known word that a mistyped one most likely means.
fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let scored = known.map(|other| (strsim::normalized_damerau_levenshtein(&word, &other.to_ascii_lowercase()), other));
    scored.filter(|(score, _)| *score >= 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

#[cfg(test)]
mod hostile;
