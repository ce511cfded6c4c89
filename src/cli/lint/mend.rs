//! `--fix` and `--diff`: one finding after the other is mended, and the file is judged anew after each.

use std::collections::BTreeSet;

use super::super::{Failure, Out, files};
use super::Judge;
use crate::lint::finding::Finding;
use crate::lint::fix;
use crate::report::lint::diff;
use crate::spec::Source;

/// Bound on the fixes of one file; a rule whose fix does not help would go on for ever.
const MOST_FIXES: usize = 1_000;

/// The file after all its fixes.
pub fn mended(judge: &mut Judge, source: &Source, also_unsafe: bool) -> (Source, usize) {
    let (mut now, mut count) = (source.clone(), 0);
    let mut tried: BTreeSet<String> = BTreeSet::new();
    while count < MOST_FIXES {
        let judged = judge.file(&now);
        let next = judged
            .findings
            .iter()
            .find(|finding| can_mend(finding, also_unsafe) && !tried.contains(&finding.fingerprint));
        let Some((finding, fix)) = next.and_then(|finding| Some((finding, finding.fix.as_ref()?))) else { break };
        tried.insert(finding.fingerprint.clone());
        // A fix never makes a mistake of the spec: what the rule could not know, the check does.
        if let Some(mended) = fix::apply(&now, fix).filter(|mended| !judge.file(mended).broken) {
            now = mended;
            count += 1;
        }
    }
    (now, count)
}

fn can_mend(finding: &Finding, also_unsafe: bool) -> bool {
    finding.silenced.is_none() && finding.fix.as_ref().is_some_and(|fix| fix.safe || also_unsafe)
}

/// Writes the mended files, or shows what would be written.
///
/// # Errors
/// A file cannot be written.
pub fn run(judge: &mut Judge, sources: &mut [Source], also_unsafe: bool, show: bool, out: &Out) -> Result<(), Failure> {
    for source in sources {
        let (after, count) = mended(judge, source, also_unsafe);
        if count == 0 {
            continue;
        }
        if show {
            out.text(&diff::unified(&source.name, &source.text, &after.text));
            continue;
        }
        if &*source.name == "<stdin>" {
            out.text(&after.text);
        } else {
            files::rewrite(source.name.as_ref().as_ref(), &after.text)?;
            out.error(&format!(
                "mended {} in {}",
                if count == 1 { "1 finding".into() } else { format!("{count} findings") },
                source.name
            ));
        }
        *source = after;
    }
    Ok(())
}
