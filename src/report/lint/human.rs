//! For people: the text underlined, why it matters and what to do.

use annotate_snippets::{Level, Renderer};

use super::Told;
use crate::lint::finding::{Finding, SilencedBy};
use crate::lint::rule::Severity;
use crate::report::problems::{Item, Sources, group, unknown};

/// Nobody reads more at once.
const MAX_SHOWN: usize = 100;

/// The findings, rustc-style, and a line that counts them.
pub fn render(told: &Told, color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width.max(20));
    let mistakes = told.findings.iter().map(|one| (one.about.id.as_str(), &one.path, one.value.as_ref()));
    let sources = Sources::new(told.sources).without(unknown(mistakes));
    let open: Vec<&Finding> = told.open().collect();
    let mut text = String::new();
    for finding in told.first(MAX_SHOWN) {
        let silenced = finding.silenced.as_ref().map(|silence| format!("silenced: {}", silence.reason));
        text.push_str(&renderer.render(&[group(&item(finding, silenced.as_deref()), &sources, width)]));
        text.push_str("\n\n");
    }
    if open.len() > MAX_SHOWN {
        text.push_str(&format!("and {} more, none of them worse\n\n", open.len() - MAX_SHOWN));
    }
    text.push_str(&summary(told, &open));
    text
}

fn summary(told: &Told, shown: &[&Finding]) -> String {
    let files = told.count_files();
    let mut line = format!("{} in {files} {}", told.summary(), if files == 1 { "file" } else { "files" });
    let silenced = |by: SilencedBy| {
        let hidden = told.findings.iter().filter(|one| !told.counts(one));
        hidden.filter(|one| one.silenced.as_ref().is_some_and(|silence| silence.by == by)).count()
    };
    match silenced(SilencedBy::Comment) {
        0 => {}
        count => line.push_str(&format!(", {count} silenced")),
    }
    match silenced(SilencedBy::Baseline) {
        0 => {}
        count => line.push_str(&format!(", {count} known before")),
    }
    let mut fixable = shown.iter().filter_map(|finding| finding.fix.as_ref());
    let (mut safe, mut unsafe_) = (0, 0);
    fixable.by_ref().for_each(|fix| if fix.safe { safe += 1 } else { unsafe_ += 1 });
    match (safe, unsafe_) {
        (0, 0) => {}
        (safe, 0) => line.push_str(&format!("; {safe} can be mended with --fix")),
        (safe, more) => line.push_str(&format!("; {safe} can be mended with --fix, {more} more with --fix=unsafe")),
    }
    if !told.failures.is_empty() {
        line.push_str("; a policy failed, so that is not all");
    }
    line + "\n"
}

fn item<'a>(finding: &'a Finding, silenced: Option<&'a str>) -> Item<'a> {
    let mut notes = Vec::new();
    if !finding.about.why.is_empty() {
        notes.push((Level::NOTE, finding.about.why.as_str()));
    }
    notes.extend(finding.remedy().map(|remedy| (Level::HELP, remedy)));
    notes.extend(silenced.map(|reason| (Level::NOTE, reason)));
    Item {
        level: match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        },
        code: &finding.about.id,
        message: &finding.message,
        path: &finding.path,
        place: finding.place.as_ref(),
        related: &finding.also,
        notes,
    }
}
