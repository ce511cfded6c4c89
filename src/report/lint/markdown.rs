//! For a comment on a pull request.

use super::{Told, slashes};
use crate::lint::rule::Severity;

/// Comments have 65,536 characters.
const MAX_ROWS: usize = 100;

pub fn render(told: &Told) -> String {
    let mut text = format!("### Tidegate lint: {}\n", told.summary());
    let (findings, count) = (told.first(MAX_ROWS), told.open().count());
    if !findings.is_empty() {
        text.push_str("\n| | where | what | what to do |\n|---|---|---|---|\n");
    }
    for finding in findings {
        let mark = match finding.severity {
            Severity::Error => "🔴",
            Severity::Warning => "🟡",
            Severity::Note => "🔵",
        };
        let line = finding.place.as_ref().and_then(|place| told.lines(place)).map(|lines| format!(":{}", lines.line));
        text.push_str(&format!(
            "| {mark} | `{}{}` | {} (`{}`) | {} |\n",
            slashes(&finding.file).replace(['`', '|', '\n'], " "),
            line.unwrap_or_default(),
            cell(&finding.message),
            finding.about.id,
            cell(finding.remedy().unwrap_or_default()),
        ));
    }
    if count > MAX_ROWS {
        text.push_str(&format!("\n… and {} more, none of them worse.\n", count - MAX_ROWS));
    }
    if !told.failures.is_empty() {
        text.push_str("\n**Policies failed, so this is not all:**\n\n");
        text.extend(told.failures.iter().map(|failure| format!("- {}\n", cell(&failure.to_string()))));
    }
    text
}

/// Text of the user in a table: on one line, without what Markdown or HTML would understand.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('@', "@\u{200B}")
}
