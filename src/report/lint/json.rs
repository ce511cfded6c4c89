//! For programs: one versioned document. `format_version` rises when a reader of the old form would be misled.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Told, slashes};
use crate::lint::finding::{Finding, SilencedBy};
use crate::lint::policy::PolicyFailure;
use crate::lint::rule::{Concern, Severity};
use crate::model::Path;

/// The version of the form.
pub const FORMAT: u32 = 1;

pub fn render(told: &Told) -> String {
    let document = Document {
        failures: told.failures.iter().map(failure).collect(),
        files: told.sources.len(),
        findings: told.printed().map(|(finding, print)| Entry::of(told, finding, print)).collect(),
        format_version: FORMAT,
        made_by: env!("CARGO_PKG_VERSION"),
    };
    // Plain data: nothing in it can fail to be written.
    serde_json::to_string(&document).unwrap_or_default() + "\n"
}

/// Fields in the order of their names, here and below.
#[derive(Serialize)]
struct Document<'a> {
    failures: Vec<Value>,
    files: usize,
    findings: Vec<Entry<'a>>,
    format_version: u32,
    made_by: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    column: Option<usize>,
    concern: Concern,
    end_column: Option<usize>,
    end_line: Option<usize>,
    file: String,
    fingerprint: String,
    fixable: Option<&'static str>,
    help: Option<&'a str>,
    line: Option<usize>,
    message: &'a str,
    path: &'a Path,
    rule: &'a str,
    severity: Severity,
    silenced: Option<Silenced<'a>>,
}

#[derive(Serialize)]
struct Silenced<'a> {
    by: &'static str,
    reason: &'a str,
}

impl<'a> Entry<'a> {
    fn of(told: &Told, finding: &'a Finding, fingerprint: String) -> Self {
        let lines = finding.place.as_ref().and_then(|place| told.lines(place));
        let at = |of: fn(&super::Lines) -> usize| lines.as_ref().map(of);
        let silenced = finding.silenced.as_ref().map(|silence| Silenced {
            by: match silence.by {
                SilencedBy::Comment => "comment",
                SilencedBy::Baseline => "baseline",
            },
            reason: &silence.reason,
        });
        Self {
            column: at(|lines| lines.column),
            concern: finding.about.concern,
            end_column: at(|lines| lines.end_column),
            end_line: at(|lines| lines.end_line),
            file: slashes(&finding.file),
            fingerprint,
            fixable: finding.fix.as_ref().map(|fix| if fix.safe { "safe" } else { "unsafe" }),
            help: finding.remedy(),
            line: at(|lines| lines.line),
            message: &finding.message,
            path: &finding.path,
            rule: &finding.about.id,
            severity: finding.severity,
            silenced,
        }
    }
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
