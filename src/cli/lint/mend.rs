//! `--fix` and `--diff`: the mended files are written, or shown.

use super::super::{Failure, Out, files};
use super::{Judge, is_stdin};
use crate::lint::mend::{Mended, mended};
use crate::report::lint::diff;
use crate::spec::Source;

/// Writes the mended files, or shows what would be written. The text of standard input goes to standard output, mended or
/// not: whoever sends it through awaits it whole.
///
/// # Errors
/// A file cannot be written.
pub fn run(judge: &mut Judge, sources: &mut [Source], also_unsafe: bool, show: bool, out: &Out) -> Result<(), Failure> {
    for source in sources {
        let Mended { source: after, count, is_capped } = mended(source, also_unsafe, &mut |now| {
            let judged = judge.file(now);
            (!judged.broken).then_some(judged.findings)
        });
        if is_capped {
            out.error(&format!("{}: {count} findings are mended at a time; run it again for more", source.name));
        }
        if is_stdin(source) && !show {
            out.text(&after.whole());
        } else if count == 0 {
            continue;
        } else if show {
            out.text(&diff::unified(&source.name, &source.whole(), &after.whole()));
            continue;
        } else {
            files::rewrite(source.name.as_ref().as_ref(), &after.whole())?;
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
