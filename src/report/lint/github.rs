//! Workflow commands of GitHub Actions: annotations at their lines.

use super::{Told, slashes};
use crate::lint::finding::Finding;

pub fn render(told: &Told) -> String {
    let mut text = String::new();
    // First: where a policy failed, what follows is not all.
    for failure in told.failures {
        text.push_str(&format!(
            "::error file={},line={},col={},title=policy failed::{}\n",
            property(&slashes(&failure.file)),
            failure.line,
            failure.column,
            data(&failure.message),
        ));
    }
    // GitHub shows ten of a step, and leaves out the rest without a word.
    for finding in by_severity(told) {
        let command = match finding.severity.word() {
            "note" => "notice",
            other => other,
        };
        let lines = finding.place.as_ref().and_then(|place| told.lines(place));
        let at = lines.map(|lines| {
            // GitHub ignores columns of what ends on another line.
            let columns = if lines.line == lines.end_line {
                format!(",col={},endColumn={}", lines.column, lines.end_column)
            } else {
                format!(",col={}", lines.column)
            };
            format!(",line={},endLine={}{columns}", lines.line, lines.end_line)
        });
        let message = match finding.remedy() {
            Some(remedy) => format!("{}\n{remedy}", finding.message),
            None => finding.message.clone(),
        };
        text.push_str(&format!(
            "::{command} file={}{},title={}::{}\n",
            property(&slashes(&finding.file)),
            at.unwrap_or_default(),
            property(&finding.about.id),
            data(&message),
        ));
    }
    text
}

fn by_severity<'a>(told: &Told<'a>) -> Vec<&'a Finding> {
    let mut open: Vec<&Finding> = told.open().collect();
    open.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    open
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
