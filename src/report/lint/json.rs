//! For programs: one versioned document. `format_version` rises when a reader of the old form would be misled.

use serde_json::{Value, json};

use super::{Told, slashes};
use crate::lint::finding::{Finding, SilencedBy};
use crate::lint::policy::PolicyFailure;

/// The version of the form.
pub const FORMAT: u32 = 1;

pub fn render(told: &Told) -> String {
    let shown = told.findings.iter().filter(|finding| told.show_silenced || finding.silenced.is_none());
    let document = json!({
        "format_version": FORMAT,
        "made_by": env!("CARGO_PKG_VERSION"),
        "files": told.sources.len(),
        "findings": shown.map(|finding| entry(told, finding)).collect::<Vec<_>>(),
        "failures": told.failures.iter().map(failure).collect::<Vec<_>>(),
    });
    document.to_string() + "\n"
}

fn entry(told: &Told, finding: &Finding) -> Value {
    let lines = finding.place.as_ref().and_then(|place| told.lines(place));
    let at = |of: fn(&super::Lines) -> usize| lines.as_ref().map(of);
    json!({
        "rule": finding.about.id,
        "concern": finding.about.concern,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.remedy(),
        "path": finding.path,
        "file": slashes(&finding.file),
        "line": at(|lines| lines.line),
        "column": at(|lines| lines.column),
        "end_line": at(|lines| lines.end_line),
        "end_column": at(|lines| lines.end_column),
        "fingerprint": finding.fingerprint,
        "fixable": finding.fix.as_ref().map(|fix| if fix.safe { "safe" } else { "unsafe" }),
        "silenced": finding.silenced.as_ref().map(|silence| json!({
            "by": match silence.by { SilencedBy::Comment => "comment", SilencedBy::Baseline => "baseline" },
            "reason": silence.reason,
        })),
    })
}

fn failure(failure: &PolicyFailure) -> Value {
    json!({
        "file": slashes(&failure.file),
        "line": failure.line,
        "column": failure.column,
        "message": failure.message,
        "judging": (!failure.judging.is_empty()).then(|| slashes(&failure.judging)),
    })
}
