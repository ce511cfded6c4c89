//! Findings told to people and programs. Each form is a function of the same [`Told`].

pub mod diff;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod rules;
pub mod sarif;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::lint::finding::Finding;
use crate::lint::policy::PolicyFailure;
use crate::lint::rule::{About, Severity};
use crate::model::Place;
use crate::spec::Source;

/// Everything that a run of lint has to tell.
pub struct Told<'a> {
    /// In the order of the files, then by place; silenced ones included.
    pub findings: &'a [Finding],
    pub failures: &'a [PolicyFailure],
    pub sources: &'a [Source],
    /// Every rule that was asked.
    pub rules: &'a [Arc<About>],
    /// Whether silenced findings are told as well.
    pub show_silenced: bool,
}

impl<'a> Told<'a> {
    /// What counts: findings that nobody silenced.
    pub fn open(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(|finding| finding.silenced.is_none())
    }

    /// How many open findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }

    /// Line and column of both ends of a place, from 1, columns in characters.
    fn lines(&self, place: &Place) -> Option<Lines> {
        // Places share the name with their file, and comparing texts for each of thousands of findings takes long.
        let shared = self.sources.iter().find(|source| Arc::ptr_eq(&source.name, &place.file));
        let source = shared.or_else(|| self.sources.iter().find(|source| source.name == place.file))?;
        let (line, column) = source.line_col(place.start);
        let (end_line, end_column) = source.line_col(place.end);
        Some(Lines { line, column, end_line, end_column })
    }

    /// `2 errors, 1 warning`
    pub fn summary(&self) -> String {
        let named = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
        let counts = named.map(|(severity, word)| match self.count(severity) {
            0 => String::new(),
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        });
        let counts: Vec<String> = counts.into_iter().filter(|count| !count.is_empty()).collect();
        if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") }
    }
}

struct Lines {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// A path as URIs and annotations want it: relative, with forward slashes.
fn slashes(file: &str) -> String {
    let file = file.replace('\\', "/");
    file.strip_prefix("./").unwrap_or(&file).to_owned()
}
