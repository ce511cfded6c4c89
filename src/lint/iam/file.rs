//! A policy file by itself: what is wrong with it, and what it lacks for the work that it is evidently for.

use crate::model::{Place, Problem};
use crate::spec::{Document, Source};

use super::beside;
use super::catalog::Catalog;
use super::checks;
use super::fact::Fact;
use super::need::{self, Reach, Stream};
use super::policy::{Kind, Policy};
use super::read;

/// A policy file, judged.
pub struct Judged {
    /// `None` where the text is no JSON.
    pub document: Option<Document>,
    pub policy: Option<Policy>,
    pub facts: Vec<Fact>,
    /// Mistakes of JSON itself.
    pub problems: Vec<Problem>,
}

/// Judges the text of a policy. `kind`: what it is for, if known. `streams`: those of the pipeline that it stands
/// beside, with their keys; without them nothing can be said about keys.
pub fn judge(source: &Source, kind: Option<Kind>, streams: &[Stream], catalog: &Catalog) -> Judged {
    let read::Parsed { document, policy, mut facts, problems } = read::parse(source, kind);
    if let Some(policy) = &policy {
        facts.extend(checks::check(policy, catalog));
        if policy.length <= read::LONGEST {
            let edges = need::infer(policy, streams);
            facts.extend(need::compare(policy, &edges, Reach::Streams, catalog));
            facts.extend(beside::check(policy, streams));
        }
    }
    if let Some(document) = &document {
        facts.sort_by_cached_key(|fact| (place(document, fact), fact.code));
    }
    Judged { document, policy, facts, problems }
}

/// The bytes that show a fact.
pub fn place(document: &Document, fact: &Fact) -> Place {
    if fact.at_key { document.key_place(&fact.path) } else { document.place(&fact.path) }
}

/// Does a JSON text look like a policy? Other JSON files may stand beside it.
pub fn is_policy(text: &str) -> bool {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else { return false };
    map.contains_key("Statement")
}
