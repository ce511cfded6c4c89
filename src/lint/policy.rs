//! A policy file and what the engine says when it cannot be used.

use std::fmt;
use std::sync::Arc;

use super::premise::Premise;
use super::rule::{About, Concern, Severity};
use crate::spec::Source;

/// What stands between the name of a rule and the number of its file, where several files define one.
pub const APART: &str = "__apart_";

/// A policy file before it is read.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    pub source: Source,
    pub concern: Concern,
    /// Of a policy that was made from a declared rule.
    pub origin: Option<Origin>,
}

/// Where a declared rule stands: what is wrong with it is told there, and not in a file that nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
}

impl PolicyFile {
    /// The file's name without folders and `.rego`.
    pub fn id(&self) -> &str {
        let name = self.source.name.rsplit(['/', '\\']).next().unwrap_or_default();
        name.strip_suffix(".rego").unwrap_or(name)
    }

    /// `a` of `package a.b`, as far as a look at the text tells.
    pub fn package_root(&self) -> Option<&str> {
        let named = self.source.text.lines().find_map(|line| line.trim_start().strip_prefix("package "))?;
        named.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next()
    }
}

/// What a policy is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `package tidegate.…`: its input are the facts.
    Facts,
    /// Anything else, as for conftest: its input is the YAML as it stands.
    Document,
}

/// A policy that the engine has taken.
#[derive(Clone, Debug)]
pub struct Policy {
    pub about: Arc<About>,
    pub source: Source,
    pub origin: Option<Origin>,
    pub style: Style,
    /// `data.tidegate.stream_unencrypted`
    pub package: String,
    pub entries: Vec<Entry>,
    /// For each entry what must be so for it to find anything; none where it must be asked in any case.
    pub premises: Vec<Option<Premise>>,
    /// Names of its `test_` rules.
    pub tests: Vec<String>,
    /// Has rules named `exception`, by which conftest's policies are lifted.
    pub has_exceptions: bool,
}

impl Policy {
    /// What is known of the rule that a result came from. conftest knows a rule by what stands behind `deny_`; the file's
    /// own name means all of its rules.
    pub fn about_of(&self, suffix: &str) -> Arc<About> {
        if self.style == Style::Facts {
            return Arc::clone(&self.about);
        }
        let own = self.entries.iter().filter(|entry| entry.suffix == suffix).find_map(|entry| entry.about.as_ref());
        if let Some(own) = own {
            return Arc::clone(own);
        }
        if suffix.is_empty() {
            return Arc::clone(&self.about);
        }
        let mut about = About { id: suffix.replace('_', "-"), ..About::clone(&self.about) };
        if about.id != self.about.id {
            about.aliases.push(self.about.id.clone());
        }
        Arc::new(about)
    }

    /// Every rule in it that can find something, each once.
    pub fn abouts(&self) -> Vec<Arc<About>> {
        let mut suffixes: Vec<&str> = self.entries.iter().map(|entry| entry.suffix.as_str()).collect();
        if self.style == Style::Facts {
            suffixes.truncate(1);
        }
        suffixes.sort_unstable();
        suffixes.dedup();
        suffixes.into_iter().map(|suffix| self.about_of(suffix)).collect()
    }
}

/// A rule of a policy whose results are findings.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `deny`, `warn_no_tags`
    pub name: String,
    /// The same as the engine knows it.
    pub head: String,
    /// `data.main.warn_no_tags`
    pub path: String,
    /// `no_tags`; empty where the name has no second part.
    pub suffix: String,
    /// Of a `warn`, which is never more than a warning.
    pub at_most: Option<Severity>,
    /// Where the policy defines it first, from 1.
    pub line: usize,
    /// What is said of it alone.
    pub about: Option<Arc<About>>,
}

impl Entry {
    /// `deny`, `violation` and `warn`, each with an optional `_suffix`, as conftest names them.
    pub fn of(package: &str, head: &str) -> Option<Self> {
        let name = head.split_once(APART).map_or(head, |(name, _)| name);
        let (word, suffix) = name.split_once('_').unwrap_or((name, ""));
        let at_most = match word {
            "deny" | "violation" => None,
            "warn" => Some(Severity::Warning),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            head: head.to_owned(),
            path: format!("{package}.{head}"),
            suffix: suffix.to_owned(),
            at_most,
            line: 1,
            about: None,
        })
    }
}

/// A policy that does not load, loops or fails. It is never taken for a clean result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFailure {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    pub message: String,
    /// Which file was judged when it happened; empty while the policy was loaded.
    pub judging: String,
}

impl PolicyFailure {
    pub fn new(file: &str, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, column, message: message.into(), judging: String::new() }
    }

    /// The same where the rule was declared, if it was.
    #[must_use]
    pub fn at(mut self, origin: Option<&Origin>) -> Self {
        if let Some(origin) = origin {
            self.file = origin.file.to_string();
            (self.line, self.column) = (origin.line, 1);
        }
        self
    }

    /// Reads the engine's message, which shows the place as `--> FILE:LINE:COLUMN` and then says `error: …`.
    pub fn told(file: &str, text: &str) -> Self {
        let place = text.lines().find_map(|line| {
            let mut parts = line.trim().strip_prefix("--> ")?.rsplitn(3, ':');
            let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some((parts.next()?.to_owned(), line, column))
        });
        let message = text.lines().find_map(|line| line.strip_prefix("error: "));
        let message = message.unwrap_or_else(|| text.lines().last().unwrap_or_default()).trim();
        let (file, line, column) = place.unwrap_or_else(|| (file.to_owned(), 1, 1));
        Self::new(&file, line, column, message)
    }
}

impl fmt::Display for PolicyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.judging.is_empty() {
            write!(f, " (while judging {})", self.judging)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conftests_names_are_entries() {
        let names = ["deny", "warn_a_b", "violation_x", "denying", "allow", "test_deny"];
        let found: Vec<_> =
            names.into_iter().filter_map(|name| Entry::of("data.main", name)).map(|entry| entry.suffix).collect();
        assert_eq!(found, ["", "a_b", "x"]);
    }

    #[test]
    fn the_engines_messages_are_read() {
        let told = PolicyFailure::told("b.rego", "\n--> p/x.rego:2:6\n  |\n2 | p := - \n  |      ^\nerror: no number");
        assert_eq!(told.to_string(), "p/x.rego:2:6: no number");
        assert_eq!(PolicyFailure::told("b.rego", "strange").to_string(), "b.rego:1:1: strange");
    }
}
