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

use std::collections::{BTreeSet, HashMap};
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
    /// Whether what comments silence is told as well, and counts.
    without_comments: bool,
    files: HashMap<&'a str, File<'a>>,
    /// Of each finding: it is the nth with its fingerprint in its file, from 1.
    turns: Vec<usize>,
}

/// A file with the offsets at which its lines begin: thousands of findings ask for theirs.
struct File<'a> {
    source: &'a Source,
    starts: Vec<usize>,
}

impl<'a> Told<'a> {
    pub fn new(
        findings: &'a [Finding],
        failures: &'a [PolicyFailure],
        sources: &'a [Source],
        rules: &'a [Arc<About>],
        without_comments: bool,
    ) -> Self {
        let mut files = HashMap::new();
        for source in sources {
            files.entry(&*source.name).or_insert_with(|| File::of(source));
        }
        let mut met: HashMap<(&str, &str), usize> = HashMap::new();
        let turn = |finding: &'a Finding| {
            let turn = met.entry((&*finding.file, &finding.fingerprint)).or_default();
            *turn += 1;
            *turn
        };
        let turns = findings.iter().map(turn).collect();
        Self { findings, failures, sources, rules, without_comments, files, turns }
    }

    /// What counts, and is told in every form.
    pub fn open(&self) -> impl Iterator<Item = &'a Finding> {
        let without_comments = self.without_comments;
        self.findings.iter().filter(move |finding| finding.counts(without_comments))
    }

    /// The same, each with its fingerprint. Of those that have one in common the second of a file ends with `:2`, and so
    /// on: who reads the form takes equal ones for one finding. What is silenced has its turn as well, so that a comment
    /// changes nobody else's.
    fn printed(&self) -> impl Iterator<Item = (&'a Finding, String)> {
        let print = |(finding, turn): (&'a Finding, &usize)| match turn {
            1 => (finding, finding.fingerprint.clone()),
            turn => (finding, format!("{}:{turn}", finding.fingerprint)),
        };
        let without_comments = self.without_comments;
        let printed = self.findings.iter().zip(&self.turns).map(print);
        printed.filter(move |(finding, _)| finding.counts(without_comments))
    }

    /// The first of them: all in their order, or the most severe ones where there are more.
    fn first(&self, most: usize) -> Vec<&'a Finding> {
        let mut open: Vec<&Finding> = self.open().collect();
        if open.len() > most {
            open.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            open.truncate(most);
        }
        open
    }

    fn counts(&self, finding: &Finding) -> bool {
        finding.counts(self.without_comments)
    }

    /// How many open findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }

    /// The files that were read, and those that could not be.
    fn count_files(&self) -> usize {
        let unread = self.findings.iter().map(|finding| &*finding.file);
        let unread = unread.filter(|file| !file.is_empty() && !self.files.contains_key(file));
        self.sources.len() + unread.collect::<BTreeSet<_>>().len()
    }

    /// Line and column of both ends of a place, from 1, columns in characters.
    fn lines(&self, place: &Place) -> Option<Lines> {
        let file = self.files.get(&*place.file)?;
        let (line, column) = file.line_col(place.start);
        let (end_line, end_column) = file.line_col(place.end);
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

impl<'a> File<'a> {
    fn of(source: &'a Source) -> Self {
        let begun = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { source, starts: std::iter::once(0).chain(begun).collect() }
    }

    /// The same as [`Source::line_col`].
    fn line_col(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset.min(self.source.text.len()));
        let start = self.starts[line - 1];
        (line, self.source.slice(&(start..offset)).chars().count() + 1)
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

#[cfg(test)]
mod places {
    use super::*;

    #[test]
    fn lines_and_columns_are_those_of_the_source() {
        for text in ["", "\n", "aé: 1\r\n  b: 2", "a: é\n\n\nb: 🦀 # x\n", "no end"] {
            let source = Source::new("a.yaml", text).unwrap();
            let file = File::of(&source);
            for offset in 0..text.len() + 3 {
                assert_eq!(file.line_col(offset), source.line_col(offset), "{text:?} {offset}");
            }
        }
    }
}
