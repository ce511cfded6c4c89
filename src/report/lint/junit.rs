//! JUnit XML for build servers: a suite for each file, a case for each finding.

use super::{Told, slashes};
use crate::lint::finding::Finding;

pub fn render(told: &Told) -> String {
    let mut suites = String::new();
    let (mut tests, mut failed) = (0, 0);
    for name in files(told) {
        let findings: Vec<&Finding> = told.open().filter(|finding| *finding.file == *name).collect();
        let cases: String = findings.iter().map(|finding| case(told, finding)).collect();
        let file = escape(&slashes(name));
        // A file without findings is a test that passed.
        let passed = format!("    <testcase name=\"no findings\" classname=\"{file}\"/>\n");
        let count = findings.len();
        suites.push_str(&format!(
            "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{count}\" errors=\"0\">\n{}  </testsuite>\n",
            count.max(1),
            if count == 0 { passed } else { cases },
        ));
        tests += count.max(1);
        failed += count;
    }
    let errors = told.failures.len();
    if errors > 0 {
        let cases = told.failures.iter().map(|failure| {
            let (file, text) = (escape(&slashes(&failure.file)), escape(&failure.to_string()));
            format!("    <testcase name=\"policy\" classname=\"{file}\"><error message=\"{text}\"/></testcase>\n")
        });
        let cases: String = cases.collect();
        suites.push_str(&format!(
            "  <testsuite name=\"policies\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\">\n{cases}  </testsuite>\n"
        ));
        tests += errors;
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tidegate lint\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\">\n{suites}</testsuites>\n"
    )
}

/// Every file that was read, then those that could not be.
fn files<'a>(told: &Told<'a>) -> Vec<&'a str> {
    let mut files: Vec<&str> = told.sources.iter().map(|source| &*source.name).collect();
    for finding in told.findings {
        if !told.files.contains_key(&*finding.file) && !files.contains(&&*finding.file) {
            files.push(&finding.file);
        }
    }
    files
}

fn case(told: &Told, finding: &Finding) -> String {
    let file = slashes(&finding.file);
    let lines = finding.place.as_ref().and_then(|place| told.lines(place));
    let at = lines.map_or_else(|| file.clone(), |lines| format!("{file}:{}:{}", lines.line, lines.column));
    let text = format!("{at}: {}\n{}\n{}", finding.message, finding.about.why, finding.remedy().unwrap_or_default());
    format!(
        "    <testcase name=\"{}\" classname=\"{}\"><failure type=\"{}\" message=\"{}\">{}</failure></testcase>\n",
        escape(&format!("{} at {}", finding.about.id, finding.path)),
        escape(&file),
        finding.severity,
        escape(&format!("{at}: {}", finding.message)),
        escape(text.trim_end()),
    )
}

/// XML 1.0 has no place for most control characters, not even escaped.
fn escape(text: &str) -> String {
    let one = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' => "&#10;".to_owned(),
        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => "\u{FFFD}".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}
