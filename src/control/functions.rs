//! Lambda functions that read a stream: what is known of each, and what its parallelization factor should be.

mod tune;

use super::decide::back_off;
use super::report::{Decision, FunctionStatus, Lambda, Verb};
use super::stream::{DRY_RUN, Moment, Rules, Stream};
use crate::model::Mapping;
use crate::scale::lambda::{Change, Factors, Numbers};

/// Minutes of ages that a decision needs: the hour before one step back, and what metrics are late.
pub const AGES: i64 = 72;
/// Seconds between two looks at a mapping that nothing happens to: whatever is decided on it is looked at once more before a call.
const LOOK: i64 = 300;
/// The same while AWS changes it.
const SOON: i64 = 60;
/// Seconds without a look after which nothing is decided on it.
const OLD: i64 = 1200;
/// An age of a function's own that is older than this many minutes gives way to the stream's.
const FRESH: i64 = 5;
/// Changes that are remembered: what was too few for which load.
const CHANGES: usize = 50;
/// Seconds in which a hold that comes back is not told again.
const TOLD: i64 = 3600;

/// One function, as the spec names it.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub factors: Factors,
    mapping: Option<Mapping>,
    seen_at: Option<i64>,
    /// Why the newest look at its mapping failed, and how many did in a row.
    trouble: Option<String>,
    failures: u32,
    /// Of its own metric: minutes since 1970 and minutes of age.
    ages: Vec<(i64, f64)>,
    changes: Vec<Change>,
    /// What was decided last, as a word and a sentence.
    decided: Option<(&'static str, String)>,
    numbers: Numbers,
    wish: Option<Decision>,
    told: Option<Decision>,
    /// No call before this moment, seconds since 1970; and how many were refused in a row.
    quiet_until: i64,
    refusals: u32,
}

/// What a tick learned of one function. `None`: it was not asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionSeen {
    pub mapping: Option<Result<Mapping, String>>,
    /// Minutes since 1970 with a datapoint, in order, and milliseconds.
    pub ages: Option<Vec<(i64, f64)>>,
}

impl Function {
    pub fn new(name: String, factors: Factors) -> Self {
        Self {
            name,
            factors,
            mapping: None,
            seen_at: None,
            trouble: None,
            failures: 0,
            ages: Vec::new(),
            changes: Vec::new(),
            decided: None,
            numbers: Numbers::default(),
            wish: None,
            told: None,
            quiet_until: i64::MIN,
            refusals: 0,
        }
    }

    /// Whether a look at its mapping is due, and since when in seconds since 1970: who waits longest goes first.
    pub fn wants_look(&self, rules: &Rules, now: i64) -> Option<i64> {
        let is_changing = self.mapping.as_ref().is_some_and(Mapping::is_changing);
        let wait = match self.failures {
            0 if is_changing => SOON,
            0 => LOOK,
            failures => back_off(SOON, failures),
        };
        let Some(seen) = self.seen_at else { return Some(i64::MIN) };
        // Half a tick of grace, since ticks do not come on the second; where the clock went back, it is old as well.
        (now >= seen + wait - i64::from(rules.tick_seconds) / 2 || now < seen).then_some(seen + wait)
    }

    /// The id of its mapping, where that is known.
    pub fn uuid(&self) -> Option<&str> {
        self.mapping.as_ref().map(|mapping| mapping.uuid.as_str())
    }

    fn look(&mut self, looked: &Result<Mapping, String>, moment: Moment<'_>) {
        self.seen_at = Some(moment.now);
        match looked {
            Err(why) => {
                self.failures = self.failures.saturating_add(1);
                self.trouble = Some(why.clone());
            }
            Ok(mapping) => {
                (self.failures, self.trouble) = (0, None);
                let before = self.mapping.as_ref().map_or(mapping.factor, |before| before.factor);
                let known = self.changes.last().map_or(before, |change| change.to);
                // Somebody else changed it, or what we asked for had no effect. While it is Updating either may be told.
                if !mapping.is_changing() && known != mapping.factor {
                    self.changed(Change { at: moment.minute(), from: known, to: mapping.factor, load: None });
                }
                self.mapping = Some(mapping.clone());
            }
        }
    }

    fn changed(&mut self, change: Change) {
        self.changes.push(change);
        self.changes.drain(..self.changes.len().saturating_sub(CHANGES));
    }

    /// Its own ages, or those of the stream where it has none that are new: then nothing invokes it, or nobody measures it.
    fn ages(&self, stream: &Stream, minute: i64) -> Vec<(i64, f64)> {
        if self.ages.last().is_some_and(|(at, _)| *at >= minute - FRESH) {
            return self.ages.clone();
        }
        let age = |at: i64| stream.window.at(at).age.map(|age| (at, age));
        (minute - AGES..minute).filter_map(age).collect()
    }

    /// Why nothing can be decided on the mapping.
    fn unfit(&self, now: i64) -> Option<(&'static str, String)> {
        let Some(mapping) = &self.mapping else {
            let why = self.trouble.clone().unwrap_or_else(|| "it has not been looked at yet".into());
            return Some(("unreadable", format!("its event source mapping could not be read: {why}")));
        };
        if self.seen_at.is_none_or(|seen| now > seen + OLD || now < seen) || self.failures > 0 {
            let why = self.trouble.as_deref().unwrap_or("no look since");
            return Some(("unreadable", format!("its event source mapping was not read lately: {why}")));
        }
        if mapping.is_changing() {
            return Some(("updating", format!("its event source mapping is {}", mapping.state)));
        }
        let dead = || format!("its event source mapping is {}, so it reads nothing: enable it", mapping.state);
        (!mapping.is_enabled()).then(|| ("disabled", dead()))
    }

    /// The sentence for a function that reads nothing.
    pub(super) fn dead(&self) -> Option<String> {
        let (reason, because) = self.decided.as_ref()?;
        let is_dead = matches!(*reason, "disabled" | "dead-consumer");
        is_dead.then(|| format!("Lambda function {}: {because}", self.name))
    }

    pub(super) fn status(&self) -> FunctionStatus {
        let (reason, because) = self.decided.clone().unwrap_or(("not-decided", "nothing has been decided yet".into()));
        FunctionStatus {
            function: self.name.clone(),
            min: self.factors.min,
            max: self.factors.max,
            factor: self.mapping.as_ref().map(|mapping| mapping.factor),
            state: self.mapping.as_ref().map(|mapping| mapping.state.clone()),
            age_seconds: self.numbers.age_minutes.map(|age| age * 60.0),
            reason: reason.into(),
            because,
            trouble: self.trouble.clone(),
        }
    }

    fn told(&self) -> Option<Box<Lambda>> {
        let Numbers { min, max, age_minutes, age_slope, load } = self.numbers;
        let function = self.name.clone();
        Some(Box::new(Lambda { function, min, max, age_minutes, age_slope, load }))
    }

    /// Whether it is worth a line: a change always is, of what holds only what a person should hear, and not again and again.
    fn is_news(&self, decision: &Decision) -> bool {
        let key = |of: &Decision| (of.verb, of.to, of.reason.clone());
        let was_told =
            self.told.as_ref().is_some_and(|told| key(told) == key(decision) && decision.at < told.at + TOLD);
        match decision.verb {
            Verb::Hold => {
                matches!(&*decision.reason, "dead-consumer" | "disabled" | "at-max" | "read-limit") && !was_told
            }
            _ => decision.outcome.as_deref() != Some(DRY_RUN) || !was_told,
        }
    }
}
