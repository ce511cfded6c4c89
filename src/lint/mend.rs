//! One finding after the other is mended, and the file is judged anew after each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::finding::Finding;
use super::fix;
use crate::model::Path;
use crate::spec::Source;

/// Bound on the fixes of one file; a rule whose fix does not help would go on for ever.
const MOST_FIXES: usize = 1_000;

/// The file after all its fixes, and how many findings are mended in it. `judge`: what is found in a text, nothing where
/// the text has mistakes.
pub fn mended(
    source: &Source,
    also_unsafe: bool,
    judge: &mut dyn FnMut(&Source) -> Option<Vec<Finding>>,
) -> (Source, usize) {
    let (mut now, mut count) = (source.clone(), 0);
    // What cannot be mended, and what was mended in a text that may come again: two fixes can undo each other.
    let mut refused: BTreeSet<(String, Path)> = BTreeSet::new();
    let mut begun: BTreeSet<(Arc<str>, String, Path)> = BTreeSet::new();
    let mut seen: HashMap<Arc<str>, usize> = HashMap::from([(Arc::clone(&now.text), 0)]);
    for _ in 0..MOST_FIXES {
        let found = judge(&now).unwrap_or_default();
        let next = found.into_iter().filter(|finding| can_mend(finding, also_unsafe)).find_map(|finding| {
            let (print, path) = (finding.fingerprint, finding.path);
            let tried = refused.contains(&(print.clone(), path.clone()));
            let new = !tried && begun.insert((Arc::clone(&now.text), print.clone(), path.clone()));
            finding.fix.filter(|_| new).map(|fix| (print, path, fix))
        });
        let Some((print, path, fix)) = next else { break };
        // A fix never makes a mistake of the spec: what the rule could not know, the check does.
        match fix::apply(&now, &fix).filter(|mended| judge(mended).is_some()) {
            None => drop(refused.insert((print, path))),
            Some(mended) => {
                now = mended;
                count = *seen.entry(Arc::clone(&now.text)).or_insert(count + 1);
            }
        }
    }
    (now, count)
}

fn can_mend(finding: &Finding, also_unsafe: bool) -> bool {
    finding.silenced.is_none() && finding.fix.as_ref().is_some_and(|fix| fix.safe || also_unsafe)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lint::rule::{About, Concern, Severity};
    use crate::lint::verdict::{Edit, Fix, Verdict};
    use crate::spec::Document;

    fn source(text: &str) -> Source {
        Source::new("a.yaml", text).unwrap()
    }

    /// What a rule finds that wants other values for fields: the one it does not like, and what it writes.
    fn found(source: &Source, wants: &[(&str, i64, i64)]) -> Option<Vec<Finding>> {
        let document = Document::parse(source.clone()).0?;
        let data = crate::lint::plain::plain(&document.root);
        let about = Arc::new(About::built_in("x", Concern::Custom, Severity::Error, "X"));
        let wrong = wants.iter().filter(|(field, is, _)| data[*field] == json!(is));
        let finding = |(field, is, to): &(&str, i64, i64)| {
            let mut verdict = Verdict::read(0, Severity::Error, "", &json!(format!("{field} is {is}"))).unwrap();
            verdict.path = Some(Path::of([*field]));
            verdict.fix = Some(Fix { safe: true, edits: vec![Edit::Set(Path::of([*field]), json!(to))] });
            Finding::of(&document, &about, verdict)
        };
        Some(wrong.map(finding).collect())
    }

    #[test]
    fn fixes_that_undo_each_other_mend_nothing() {
        let wants = [("a", 1, 2), ("a", 2, 1)];
        let (after, count) = mended(&source("a: 1\n"), true, &mut |now| found(now, &wants));
        assert_eq!((&*after.text, count), ("a: 1\n", 0));
        let wants = [("a", 1, 2), ("a", 2, 1), ("b", 1, 2)];
        let (after, count) = mended(&source("a: 1\nb: 1\n"), true, &mut |now| found(now, &wants));
        assert_eq!((&*after.text, count), ("a: 1\nb: 2\n", 1), "what does not fight is mended");
    }

    #[test]
    fn what_would_be_a_mistake_is_left() {
        let mut judge = |now: &Source| found(now, &[("a", 1, 2), ("b", 1, 2)]).filter(|_| !now.text.contains("a: 2"));
        let (after, count) = mended(&source("a: 1\nb: 1\n"), false, &mut judge);
        assert_eq!((&*after.text, count), ("a: 1\nb: 2\n", 1));
    }
}
