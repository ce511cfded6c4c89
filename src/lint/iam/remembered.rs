//! Facts of documents that were judged before: whom a service's role trusts and what a key's policy says is the same, word
//! for word, in most pipelines of a run.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use super::fact::Fact;
use super::policy::Kind;
use crate::model::Value;

/// Documents that are remembered; a bound, since those of buckets and shares are hardly ever alike.
const MOST: usize = 500;

/// Shapes that are remembered, and the longest of them in bytes.
const MOST_SHAPES: usize = 1_000;
const LONGEST_SHAPE: usize = 16 << 10;

/// Documents by what they are for, and the shapes of those that nothing was found in.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    documents: Mutex<BTreeMap<&'static str, BTreeMap<Value, Vec<Fact>>>>,
    clean: Mutex<HashSet<String>>,
}

impl Remembered {
    /// The facts of a document, which must depend on nothing but its words and what it is for.
    pub fn facts(&self, kind: Kind, document: &Value, judge: impl FnOnce() -> Vec<Fact>) -> Vec<Fact> {
        // A thread that died while it held the lock has left whole entries behind, but nobody needs them.
        let known = self.documents.lock().ok().and_then(|all| all.get(kind.word())?.get(document).cloned());
        known.unwrap_or_else(|| {
            let facts = judge();
            if let Ok(mut all) = self.documents.lock() {
                let of_kind = all.entry(kind.word()).or_default();
                if of_kind.len() < MOST {
                    of_kind.insert(document.clone(), facts.clone());
                }
            }
            facts
        })
    }

    /// Whether nothing was found in a policy of this shape.
    pub fn is_clean(&self, shape: &str) -> bool {
        self.clean.lock().is_ok_and(|clean| clean.contains(shape))
    }

    pub fn add_clean(&self, shape: String) {
        if let Ok(mut clean) = self.clean.lock()
            && clean.len() < MOST_SHAPES
            && shape.len() <= LONGEST_SHAPE
        {
            clean.insert(shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Path;

    #[test]
    fn the_same_document_is_judged_once_for_each_use() {
        let remembered = Remembered::default();
        let mut judged = 0;
        let mut ask = |kind: Kind, text: &str| {
            let facts = || {
                judged += 1;
                vec![Fact::new("malformed-arn", &Path::root(), format!("{} {text}", kind.word()))]
            };
            (remembered.facts(kind, &Value::text(text), facts)[0].message.clone(), judged)
        };
        assert_eq!(ask(Kind::Trust, "a"), ("trust a".into(), 1));
        assert_eq!(ask(Kind::Trust, "a"), ("trust a".into(), 1));
        assert_eq!(ask(Kind::Resource, "a"), ("resource a".into(), 2));
        assert_eq!(ask(Kind::Trust, "b"), ("trust b".into(), 3));
        for nth in 0..2 * MOST {
            ask(Kind::Endpoint, &nth.to_string());
        }
        assert_eq!(ask(Kind::Endpoint, "0").1, 3 + 2 * MOST, "remembered");
        assert_eq!(ask(Kind::Endpoint, "999"), ("endpoint 999".into(), 4 + 2 * MOST), "too many to remember");
    }
}
