//! Findings are mended, as many at once as do not touch one another, and the file is judged anew after each round.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::finding::Finding;
use super::fix;
use super::verdict::Fix;
use crate::model::Path;
use crate::spec::Source;

/// Bound on the fixes of one file; a rule whose fix does not help would go on for ever.
const MOST_FIXES: usize = 1_000;

/// A file after its fixes.
pub struct Mended {
    pub source: Source,
    /// How many findings are mended in it.
    pub count: usize,
    /// There is more to mend than is mended at a time.
    pub is_capped: bool,
}

/// A finding by what it is and where.
type Which = (String, Path);
/// What is found in a text, nothing where the text has mistakes.
type Judge<'a> = &'a mut dyn FnMut(&Source) -> Option<Vec<Finding>>;

/// The file after all its fixes.
pub fn mended(source: &Source, also_unsafe: bool, judge: Judge) -> Mended {
    let first = judge(source).unwrap_or_default();
    // What cannot be mended, and fixes that undo each other: without those it is begun anew.
    let mut refused: BTreeSet<Which> = BTreeSet::new();
    loop {
        let mut round = Rounds::of(source, also_unsafe);
        match round.run(first.clone(), &mut refused, judge) {
            Ok(mended) => return mended,
            Err(undone) => refused.extend(undone),
        }
    }
}

/// The rounds from one text on.
struct Rounds {
    now: Source,
    also_unsafe: bool,
    count: usize,
    /// Every text so far, each with the fixes that led on from it.
    seen: Vec<(Arc<str>, Vec<Which>)>,
    /// How many fixes are tried at once: half as many after a refusal, twice as many after a success.
    most: usize,
}

impl Rounds {
    fn of(source: &Source, also_unsafe: bool) -> Self {
        let seen = vec![(Arc::clone(&source.text), Vec::new())];
        Self { now: source.clone(), also_unsafe, count: 0, seen, most: MOST_FIXES }
    }

    /// Mends until nothing is left to mend.
    ///
    /// # Errors
    /// Fixes that led back to a text that was there before.
    fn run(
        &mut self,
        mut found: Vec<Finding>,
        refused: &mut BTreeSet<Which>,
        judge: Judge,
    ) -> Result<Mended, Vec<Which>> {
        loop {
            let wanted = self.wanted(&found, refused);
            let room = MOST_FIXES.saturating_sub(self.count);
            if wanted.is_empty() || room == 0 {
                let is_capped = !wanted.is_empty();
                return Ok(Mended { source: self.now.clone(), count: self.count, is_capped });
            }
            let wanted = &wanted[..wanted.len().min(self.most).min(room)];
            let fixes: Vec<&Fix> = wanted.iter().map(|(_, fix)| fix).collect();
            let (done, after) = fix::apply_all(&self.now, &fixes);
            let which = |nth: &usize| wanted[*nth].0.clone();
            // A fix never makes a mistake of the spec: what the rule could not know, the check does.
            match after.and_then(|after| Some((judge(&after)?, after))) {
                None if done.len() <= 1 => refused.extend(done.first().map(which)),
                None => self.most = done.len() / 2,
                Some((next, after)) => {
                    self.most = self.most.saturating_mul(2).min(MOST_FIXES);
                    self.went_on(after, done.iter().map(which).collect())?;
                    found = next;
                }
            }
        }
    }

    /// Which findings could be mended, each with its fix.
    fn wanted(&self, found: &[Finding], refused: &BTreeSet<Which>) -> Vec<(Which, Fix)> {
        let can = found.iter().filter(|finding| can_mend(finding, self.also_unsafe));
        let which = |finding: &Finding| (finding.fingerprint.clone(), finding.path.clone());
        let wanted = can.filter_map(|finding| Some((which(finding), finding.fix.clone()?)));
        wanted.filter(|(which, _)| !refused.contains(which)).collect()
    }

    fn went_on(&mut self, after: Source, by: Vec<Which>) -> Result<(), Vec<Which>> {
        self.count += by.len();
        if let Some((_, led_on)) = self.seen.last_mut() {
            *led_on = by;
        }
        if let Some(before) = self.seen.iter().position(|(text, _)| *text == after.text) {
            return Err(self.seen.drain(before..).flat_map(|(_, by)| by).collect());
        }
        self.seen.push((Arc::clone(&after.text), Vec::new()));
        self.now = after;
        Ok(())
    }
}

fn can_mend(finding: &Finding, also_unsafe: bool) -> bool {
    finding.silenced.is_none() && finding.fix.as_ref().is_some_and(|fix| fix.safe || also_unsafe)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lint::rule::{About, Concern, Severity};
    use crate::lint::verdict::{Edit, Fix, Verdict};
    use crate::spec::Document;

    fn source(text: &str) -> Source {
        Source::new("a.yaml", text).unwrap()
    }

    /// What a rule finds that wants other values for fields: the one it does not like, and what it writes.
    fn found(source: &Source, wants: &[(&str, i64, i64)]) -> Option<Vec<Finding>> {
        let document = Document::parse(source.clone()).0?;
        let data = crate::lint::plain::plain(&document.root);
        let about = Arc::new(About::built_in("x", Concern::Custom, Severity::Error, "X"));
        let wrong = wants.iter().filter(|(field, is, _)| data[*field] == json!(is));
        let finding = |(field, is, to): &(&str, i64, i64)| {
            let mut verdict = Verdict::read(0, Severity::Error, "", &json!(format!("{field} is {is}"))).unwrap();
            verdict.path = Some(Path::of([*field]));
            verdict.fix = Some(Fix { safe: true, edits: vec![Edit::Set(Path::of([*field]), json!(to))] });
            Finding::of(&document, &about, verdict)
        };
        Some(wrong.map(finding).collect())
    }

    #[test]
    fn fixes_that_undo_each_other_mend_nothing() {
        let wants = [("a", 1, 2), ("a", 2, 1)];
        let done = mended(&source("a: 1\n"), true, &mut |now| found(now, &wants));
        assert_eq!((&*done.source.text, done.count), ("a: 1\n", 0));
        let wants = [("a", 1, 2), ("a", 2, 1), ("b", 1, 2)];
        let done = mended(&source("a: 1\nb: 1\n"), true, &mut |now| found(now, &wants));
        assert_eq!((&*done.source.text, done.count), ("a: 1\nb: 2\n", 1), "what does not fight is mended");
    }

    #[test]
    fn what_would_be_a_mistake_is_left() {
        let mut judge = |now: &Source| found(now, &[("a", 1, 2), ("b", 1, 2)]).filter(|_| !now.text.contains("a: 2"));
        let done = mended(&source("a: 1\nb: 1\n"), false, &mut judge);
        assert_eq!((&*done.source.text, done.count), ("a: 1\nb: 2\n", 1));
    }

    #[test]
    fn what_does_not_touch_is_mended_at_once() {
        let names: Vec<String> = (0..300).map(|nth| format!("f{nth}")).collect();
        let text: String = names.iter().map(|name| format!("{name}: 1\n")).collect();
        let wants: Vec<(&str, i64, i64)> = names.iter().map(|name| (name.as_str(), 1, 2)).collect();
        let mut judged = 0;
        let mut judge = |now: &Source| {
            judged += 1;
            found(now, &wants).filter(|_| !now.text.contains("f7: 2"))
        };
        let done = mended(&source(&text), false, &mut judge);
        assert_eq!((done.count, done.is_capped), (299, false));
        assert_eq!(*done.source.text, *text.replace(": 1", ": 2").replace("f7: 2", "f7: 1"));
        assert!(judged < 40, "one that is refused is found by halves: {judged}");
    }

    #[test]
    fn a_rule_that_is_never_content_is_stopped_and_that_is_told() {
        let mut judge = |now: &Source| {
            let document = Document::parse(now.clone()).0?;
            let is = crate::lint::plain::plain(&document.root)["a"].as_i64()?;
            found(now, &[("a", is, is + 1)])
        };
        let done = mended(&source("a: 1\n"), false, &mut judge);
        assert_eq!((&*done.source.text, done.count, done.is_capped), ("a: 1001\n", 1_000, true));
    }
}
