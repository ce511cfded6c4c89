//! Findings that were there before: a file of fingerprints, or the findings of an earlier revision.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Silence, SilencedBy};
use super::rule::Concern;

/// The version of the file.
const FORMAT: u32 = 3;
/// Their fingerprints knew positions in lists (1), or amounts and names of others (2). Such files are still read, and
/// their findings are known by their words.
const BY_WORDS: RangeInclusive<u32> = 1..=2;

/// What comes from standard input has the name of no file.
const STDIN: &str = "<stdin>";

/// Known findings by fingerprint. One fingerprint may occur several times, and each is known once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    format_version: u32,
    findings: Vec<Known>,
}

/// One known finding. Only the fingerprint counts; the rest is for people who read the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Known {
    fingerprint: String,
    file: String,
    rule: String,
    message: String,
}

impl Baseline {
    /// What is open now.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let open = findings.into_iter().filter(|finding| finding.silenced.is_none());
        let mut findings: Vec<Known> = open
            .filter(|finding| finding.about.concern != Concern::Spec)
            .map(|finding| Known {
                fingerprint: finding.fingerprint.clone(),
                file: finding.file.replace('\\', "/"),
                rule: finding.about.id.clone(),
                message: finding.message.clone(),
            })
            .collect();
        // In an order of its own, so that a change of the file is a change of what is known.
        findings.sort_by(|a, b| (&a.file, &a.rule, &a.fingerprint).cmp(&(&b.file, &b.rule, &b.fingerprint)));
        Self { format_version: FORMAT, findings }
    }

    /// Reads a file that [`Baseline::text`] wrote.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn read(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| format!("it is no baseline: {error}"))?;
        match read.format_version {
            FORMAT => Ok(read),
            older if BY_WORDS.contains(&older) => Ok(read),
            other => Err(format!("its format {other} is not ours ({FORMAT}); write it anew")),
        }
    }

    /// Its JSON form, a line for each finding.
    pub fn text(&self) -> String {
        // Plain data always has a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// By what a finding is known.
    fn key(&self, fingerprint: &str, rule: &str, message: &str) -> String {
        if BY_WORDS.contains(&self.format_version) { format!("{rule} {message}") } else { fingerprint.to_owned() }
    }

    /// Silences what is known. Protected rules too: a baseline is a decision of the owners, not of the file. Each known
    /// finding silences one, in its own file if that is still there, else wherever it has gone. `is_there`: whether a file
    /// of the baseline still exists, judged now or not: what is new elsewhere must not pass for what was known in it.
    pub fn apply(&self, findings: &mut [Finding], reason: &str, is_there: &dyn Fn(&str) -> bool) {
        let mut known: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for one in &self.findings {
            let key = self.key(&one.fingerprint, &one.rule, &one.message);
            known.entry(key).or_default().push(&one.file);
        }
        for anywhere in [false, true] {
            let open = findings
                .iter_mut()
                .filter(|finding| finding.silenced.is_none() && finding.about.concern != Concern::Spec);
            for finding in open {
                let key = self.key(&finding.fingerprint, &finding.about.id, &finding.message);
                let Some(files) = known.get_mut(&key) else { continue };
                let file = finding.file.replace('\\', "/");
                let moved = |one: &str| anywhere && (file == STDIN || !is_there(one));
                if let Some(nth) = files.iter().position(|one| *one == file || moved(one)) {
                    files.swap_remove(nth);
                    finding.silenced = Some(Silence { reason: reason.to_owned(), by: SilencedBy::Baseline });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::rule::{About, Severity};
    use crate::model::Place;
    use crate::spec::{Document, Source};
    use std::sync::Arc;

    fn findings(text: &str, messages: &[&str]) -> Vec<Finding> {
        let document = Document::parse(Source::new("a.yaml", text).unwrap()).0.unwrap();
        let about = Arc::new(About::built_in("x", Concern::Cost, Severity::Error, "X"));
        let place = Place::new(&document.source.name, 0..1);
        messages.iter().map(|message| Finding::at(&document, &about, *message, place.clone())).collect()
    }

    #[test]
    fn only_what_is_new_stays() {
        let known = Baseline::read(&Baseline::of(&findings("pipeline: p\n", &["old", "twice"])).text()).unwrap();
        let mut now = findings("# moved\npipeline: p\n", &["old", "new", "twice", "twice"]);
        known.apply(&mut now, "known", &|_| true);
        let open: Vec<&str> = now.iter().filter(|one| one.silenced.is_none()).map(|one| one.message.as_str()).collect();
        assert_eq!(open, ["new", "twice"], "a second one of the same sort is new");
    }

    #[test]
    fn a_copy_is_new_and_the_file_that_was_there_is_not() {
        let of = |file: &str| {
            let mut found = findings("pipeline: p\n", &["bad"]);
            found.iter_mut().for_each(|finding| finding.file = file.into());
            found
        };
        let known = Baseline::of(&of("prod.yaml"));
        let mut now = [of("dev.yaml"), of("prod.yaml")].concat();
        known.apply(&mut now, "known", &|_| true);
        assert_eq!(now.iter().map(|one| one.silenced.is_some()).collect::<Vec<_>>(), [false, true]);
        let mut moved = of("production.yaml");
        known.apply(&mut moved, "known", &|_| false);
        assert!(moved[0].silenced.is_some(), "a file may be renamed");
    }

    #[test]
    fn what_is_new_in_one_file_does_not_pass_for_what_was_known_in_another() {
        let of = |file: &str| {
            let mut found = findings("pipeline: p\n", &["bad"]);
            found[0].file = file.into();
            found
        };
        let known = Baseline::of(&of("dev.yaml"));
        let open = |file: &str, is_there: bool| {
            let mut now = of(file);
            known.apply(&mut now, "known", &|_| is_there);
            now[0].silenced.is_none()
        };
        assert!(open("prod.yaml", true), "dev.yaml was mended, or is not judged now");
        assert!(!open("prod.yaml", false), "dev.yaml is gone");
        assert!(!open("<stdin>", true), "an editor sends the text without its name");
    }

    #[test]
    fn files_of_the_format_before_are_known_by_their_words() {
        let text = r#"{"format_version": 1, "findings": [
            {"fingerprint": "made of a position", "file": "a.yaml", "rule": "x", "message": "old"}]}"#;
        let mut now = findings("pipeline: p\n", &["old", "new", "old"]);
        Baseline::read(text).unwrap().apply(&mut now, "known", &|_| true);
        assert_eq!(now.iter().map(|one| one.silenced.is_some()).collect::<Vec<_>>(), [true, false, false]);
        let renewed = Baseline::read(&text.replace("format_version\": 1", "format_version\": 3")).unwrap();
        let mut now = findings("pipeline: p\n", &["old"]);
        renewed.apply(&mut now, "known", &|_| true);
        assert!(now[0].silenced.is_none(), "in the format of today the fingerprint counts");
    }

    #[test]
    fn other_files_are_refused() {
        assert!(Baseline::read("{}").is_err());
        assert!(Baseline::read("{\"format_version\": 9, \"findings\": []}").unwrap_err().contains("write it anew"));
    }
}
