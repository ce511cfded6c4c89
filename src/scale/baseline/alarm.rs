//! A CloudWatch alarm over metric math with a literal shard count, as peers write it.
//!
//! Every minute all its periods are read again on a sliding grid and against the present literal, so after a resize old
//! samples are rescaled too: a doubled stream needs fresh evidence to double again, and several halvings may follow each
//! other within minutes. Nobody programmed that; it follows from the arithmetic.

use std::collections::VecDeque;

/// What a missing minute counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `FILL(m, 0)`.
    Zero,
    /// `FILL(m, REPEAT)`; 0 before the first value.
    Repeat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    AtLeast,
    Above,
    Below,
    AtMost,
}

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Minutes of a period.
    pub period: usize,
    /// Periods that are looked at, and how many of them must breach.
    pub of: usize,
    pub need: usize,
    pub compare: Compare,
    pub missing: Missing,
}

impl Rule {
    /// All of so many periods.
    pub fn all(periods: usize, period: usize, compare: Compare, missing: Missing) -> Self {
        Self { period, of: periods, need: periods, compare, missing }
    }

    fn breaches(&self, value: f64, threshold: f64) -> bool {
        match self.compare {
            Compare::AtLeast => value >= threshold,
            Compare::Above => value > threshold,
            Compare::Below => value < threshold,
            Compare::AtMost => value <= threshold,
        }
    }
}

/// One period that ends in one minute.
#[derive(Clone, Copy, Debug)]
struct Point {
    load: f64,
    /// Another value of the expression, of which the larger counts.
    other: f64,
    breaches: bool,
    /// Breaching ones among the last `of` periods that end here.
    count: usize,
}

/// Not evaluated before its periods are all there: a stream has no metrics from before its time.
#[derive(Debug)]
pub struct Alarm {
    pub rule: Rule,
    recent: VecDeque<f64>,
    last: f64,
    points: VecDeque<Point>,
    literal: (u32, f64),
    raised: bool,
    /// The newest period has no datapoint at all.
    blind: bool,
    gap: usize,
}

impl Alarm {
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            recent: VecDeque::new(),
            last: 0.0,
            points: VecDeque::new(),
            literal: (0, 0.0),
            raised: false,
            blind: false,
            gap: 0,
        }
    }

    /// Takes the load of the next minute, and what else the expression compares (0 where there is nothing else).
    pub fn push(&mut self, load: Option<f64>, other: f64) {
        self.gap = if load.is_none() { self.gap + 1 } else { 0 };
        self.blind = self.gap >= self.rule.period;
        let load = load.unwrap_or(if self.rule.missing == Missing::Repeat { self.last } else { 0.0 });
        self.last = load;
        self.recent.push_back(load);
        if self.recent.len() < self.rule.period {
            return;
        }
        if self.recent.len() > self.rule.period {
            self.recent.pop_front();
        }
        let load = self.recent.iter().sum::<f64>() / self.rule.period as f64;
        let mut point = Point { load, other, breaches: false, count: 0 };
        point.breaches = self.judge(&point);
        let length = self.points.len();
        let before = length.checked_sub(self.rule.period).map_or(0, |at| self.points[at].count);
        let leaves = length.checked_sub(self.kept()).is_some_and(|at| self.points[at].breaches);
        point.count = before + usize::from(point.breaches) - usize::from(leaves);
        self.points.push_back(point);
        if self.points.len() > self.kept() {
            self.points.pop_front();
        }
    }

    fn kept(&self) -> usize {
        self.rule.of * self.rule.period
    }

    fn judge(&self, point: &Point) -> bool {
        let (shards, threshold) = self.literal;
        shards > 0 && self.rule.breaches((point.load / f64::from(shards)).max(point.other), threshold)
    }

    /// Whether the alarm is in ALARM with this shard count and threshold written in it.
    pub fn is_raised(&mut self, shards: u32, threshold: f64) -> bool {
        if self.literal != (shards, threshold) {
            self.literal = (shards, threshold);
            for at in 0..self.points.len() {
                let breaches = self.judge(&self.points[at]);
                let before = at.checked_sub(self.rule.period).map_or(0, |before| self.points[before].count);
                self.points[at].breaches = breaches;
                self.points[at].count = before + usize::from(breaches);
            }
        }
        let full = self.points.len() > (self.rule.of - 1) * self.rule.period;
        full && self.points.back().is_some_and(|point| point.count >= self.rule.need)
    }

    /// Whether it goes into ALARM now: it fires once, until it was out of ALARM or was reset.
    pub fn fires(&mut self, shards: u32, threshold: f64) -> bool {
        if self.blind && self.rule.missing == Missing::Zero && self.rule.of == 1 {
            // Nothing to evaluate: the state stays.
            return false;
        }
        let now = self.is_raised(shards, threshold);
        let fires = now && !self.raised;
        self.raised = now;
        fires
    }

    /// Somebody sets the state to OK or INSUFFICIENT_DATA: the next breach fires again.
    pub fn reset(&mut self) {
        self.raised = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same from the definition: period k of the minute t covers the minutes after t - (k + 1) P up to t - k P.
    fn by_definition(loads: &[f64], rule: &Rule, shards: u32, threshold: f64) -> bool {
        let value = |k: usize| {
            let end = loads.len() - k * rule.period;
            loads[end - rule.period..end].iter().sum::<f64>() / rule.period as f64 / f64::from(shards)
        };
        let breaching = (0..rule.of).filter(|k| rule.breaches(value(*k), threshold)).count();
        breaching >= rule.need
    }

    #[test]
    fn counting_agrees_with_the_definition_through_resizes() {
        let rule = Rule { period: 5, of: 4, need: 3, compare: Compare::AtLeast, missing: Missing::Zero };
        let (mut alarm, mut loads, mut raised) = (Alarm::new(rule), Vec::new(), 0);
        for minute in 0..400u32 {
            let load = 4.0 * (0.6 + 0.5 * (f64::from(minute) / 17.0).sin());
            loads.push(load);
            alarm.push(Some(load), 0.0);
            let shards = if minute / 60 % 2 == 0 { 4 } else { 5 };
            let is = alarm.is_raised(shards, 0.7);
            if loads.len() >= 20 {
                assert_eq!(is, by_definition(&loads, &rule, shards, 0.7), "minute {minute}");
                raised += u32::from(is);
            } else {
                assert!(!is);
            }
        }
        assert!(raised > 50 && raised < 350, "{raised}");
    }

    #[test]
    fn it_fires_once_until_reset_and_fills_gaps() {
        let mut alarm = Alarm::new(Rule::all(2, 1, Compare::AtLeast, Missing::Repeat));
        alarm.push(Some(1.0), 0.0);
        assert!(!alarm.fires(1, 0.7), "one of two");
        alarm.push(None, 0.0);
        assert!(alarm.fires(1, 0.7), "the gap repeats");
        assert!(!alarm.fires(1, 0.7));
        alarm.reset();
        assert!(alarm.fires(1, 0.7));
        alarm.reset();
        assert!(!alarm.fires(2, 0.7), "old samples are rescaled");
        let mut alarm = Alarm::new(Rule::all(1, 1, Compare::Below, Missing::Zero));
        alarm.push(Some(0.1), 0.3);
        assert!(!alarm.fires(1, 0.25), "the other value holds it");
        alarm.push(None, 0.0);
        assert!(!alarm.fires(1, 0.25), "blind");
    }
}
