//! Comments that silence findings. A reason is demanded, an end is honoured, and what silences nothing is told.

pub mod comment;
mod meta;

use std::sync::Arc;

use jiff::civil::Date;

use super::choice::nearest;
use super::finding::{Finding, Silence, SilencedBy};
use super::rule::About;
use crate::spec::Document;
use comment::{Comment, Ignore};

pub use meta::rules;

/// What the suppressions of a file are judged by.
pub struct Law<'a> {
    /// Every rule there is.
    pub known: &'a [Arc<About>],
    /// Those that were asked: a comment for another one is not unused.
    pub asked: &'a dyn Fn(&About) -> bool,
    /// Ids that a file may not silence, beside those that say so themselves.
    pub protected: &'a [String],
    /// The most comments in a file; none means any number.
    pub at_most: Option<usize>,
    pub today: Date,
}

/// Silences what the comments of a document say, and adds findings about the comments themselves.
pub fn apply(document: &Document, findings: &mut Vec<Finding>, law: &Law) {
    let comments = comment::all(document);
    let mut told = Vec::new();
    for comment in &comments {
        let tell = |rule: &str, message: String| {
            Finding::at(document, &meta::named(rule), message, document.source.place(comment.span.clone()))
        };
        match &comment.says {
            Err(wrong) => told.push(tell("suppression-malformed", wrong.clone())),
            Ok(ignore) => judge(comment, ignore, findings, law, &mut |rule, message| told.push(tell(rule, message))),
        }
    }
    if let Some(most) = law.at_most.filter(|most| comments.len() > *most) {
        let at = document.source.place(comments[most].span.clone());
        let message = format!("the file has {} suppressions, and at most {most} are allowed", comments.len());
        told.push(Finding::at(document, &meta::named("suppression-too-many"), message, at));
    }
    findings.extend(told.into_iter().filter(|finding| (law.asked)(&finding.about)));
}

fn judge(comment: &Comment, ignore: &Ignore, findings: &mut [Finding], law: &Law, tell: &mut dyn FnMut(&str, String)) {
    if ignore.reason.is_empty() {
        return tell("suppression-no-reason", format!("no reason is given for ignoring {}", ignore.rules.join(", ")));
    }
    if let Some(until) = ignore.until.filter(|until| *until < law.today) {
        return tell("suppression-expired", format!("this suppression has ended on {until}: {}", ignore.reason));
    }
    for name in &ignore.rules {
        let Some(rule) = law.known.iter().find(|rule| rule.id == *name || rule.is_known_as(name)) else {
            let known: Vec<&About> = law.known.iter().map(|rule| &**rule).collect();
            let near = nearest(name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            tell("suppression-unknown-rule", format!("there is no rule `{name}`{near}"));
            continue;
        };
        if rule.protected || law.protected.iter().any(|protected| rule.is_called(protected)) {
            tell("suppression-of-protected", format!("`{name}` is protected and cannot be silenced in the file"));
            continue;
        }
        let mut used = false;
        let is_meant = |about: &About| about.id == rule.id || about.is_known_as(name);
        for finding in findings.iter_mut().filter(|finding| is_covered(finding, comment) && is_meant(&finding.about)) {
            used = true;
            finding.silenced = Some(Silence { reason: ignore.reason.clone(), by: SilencedBy::Comment });
        }
        if !used && (law.asked)(rule) {
            tell("suppression-unused", format!("there is nothing to ignore for `{name}` here"));
        }
    }
}

fn is_covered(finding: &Finding, comment: &Comment) -> bool {
    finding.place.as_ref().is_some_and(|place| comment.covers.contains(&place.start))
}

#[cfg(test)]
mod tests;
