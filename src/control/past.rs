//! What has been read of a stream's past. A policy learns minutes in their order, so those before a gap wait for nobody and those behind it
//! wait for the gap to be filled; meanwhile the newest minutes are enough to grow in an emergency, and never to shrink.

use super::sample::sample;
use super::stream::{Moment, Rules, Stream};
use super::{Delivery, Record, readers};
use crate::model::Metrics;
use crate::scale::{Policy, Proposal, Tidegate, Window};

/// Minutes that are read again in each tick, since CloudWatch corrects its newest datapoints.
pub(super) const AGAIN: i64 = 12;
/// The same where the newest of them have not come. It takes no more calls: a call's 500 queries are used up before its datapoints.
const LATE: i64 = 60;
/// The share of the open shards from which on a stream with an unread past may grow.
const FULL: f64 = 0.8;
/// The reason of a hold until the past has been read.
pub const LEARNING: &str = "learning";

/// A piece of a stream's past, as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Minutes since 1970, in order; minutes without a datapoint are missing.
    pub minutes: &'a [(i64, Metrics)],
    /// The first minute that was not asked for, in minutes since 1970.
    pub to: i64,
}

impl Stream {
    /// The first minute whose metrics are asked for in each tick, in minutes since 1970.
    pub fn reads_from(&self, rules: &Rules, now: i64) -> i64 {
        let minute = now.div_euclid(60);
        let is_late = self.window.newest().is_none_or(|newest| newest + 1 < minute - AGAIN);
        minute - if is_late { LATE.min(rules.learn_minutes).max(AGAIN) } else { AGAIN }
    }

    /// The first minute of the past that each tick's reading does not reach and that is still to be read, if there is one.
    pub fn unread_from(&self, rules: &Rules, now: i64) -> Option<i64> {
        let from = self.unasked().max(now.div_euclid(60) - rules.learn_minutes.max(AGAIN));
        (from < self.reads_from(rules, now)).then_some(from)
    }

    /// The first minute that nobody has asked for.
    fn unasked(&self) -> i64 {
        let next = self.window.newest().map_or(i64::MIN, |newest| newest + 1);
        self.asked_to.map_or(next, |asked| asked.max(next))
    }

    /// The minutes to decide on: those that the policy has learned, or the newest where its past is still unread.
    pub(super) fn newest(&self) -> &Window {
        self.apart.as_deref().filter(|apart| apart.newest().is_some()).unwrap_or(&self.window)
    }

    /// Takes in a piece of the past.
    pub(super) fn learn(&mut self, past: Past<'_>, moment: Moment<'_>, records: &mut Vec<Record>) {
        for (minute, metrics) in past.minutes.iter().filter(|(minute, _)| *minute < past.to) {
            self.take(*minute, metrics, None, moment, records);
        }
        self.asked_to = Some(past.to.max(self.asked_to.unwrap_or(past.to)));
    }

    /// Takes in each tick's reading, that of the minutes since `from`.
    pub(super) fn read(
        &mut self,
        (from, metrics): (i64, &[(i64, Metrics)]),
        consumers: Option<&[Delivery]>,
        moment: Moment<'_>,
        records: &mut Vec<Record>,
    ) {
        let minute = moment.minute();
        // A clock that went back has asked for nothing beyond it.
        self.asked_to = self.asked_to.filter(|asked| *asked <= minute);
        let ended = metrics.iter().filter(|(of, _)| *of < minute);
        self.reads_refused = ended.clone().next_back().map_or(self.reads_refused, |(_, newest)| newest.reads_refused);
        if self.unasked() < from && from > minute - moment.rules.learn_minutes.max(AGAIN) {
            let mut apart = Window::new(super::stream::WINDOW);
            for (of, metrics) in ended {
                apart.put(*of, self.sampled(*of, metrics, consumers));
            }
            (self.apart, self.is_answered) = (Some(Box::new(apart)), false);
            return;
        }
        for (of, metrics) in ended {
            self.take(*of, metrics, consumers, moment, records);
        }
        (self.apart, self.is_answered) = (None, true);
        // What has no datapoint yet may have one in the minutes to come.
        self.asked_to = Some((minute - AGAIN).max(self.asked_to.unwrap_or(i64::MIN)));
    }

    fn sampled(&self, minute: i64, metrics: &Metrics, consumers: Option<&[Delivery]>) -> crate::scale::Sample {
        let mut read = sample(metrics);
        read.reads.fan_out = match consumers {
            Some(consumers) => readers::fan_out(consumers, minute),
            // What was known stays known.
            None => self.window.at(minute).reads.fan_out,
        };
        read
    }

    fn take(
        &mut self,
        minute: i64,
        metrics: &Metrics,
        consumers: Option<&[Delivery]>,
        moment: Moment<'_>,
        records: &mut Vec<Record>,
    ) {
        let read = self.sampled(minute, metrics, consumers);
        if read != self.window.at(minute) && self.window.oldest().is_none_or(|oldest| minute >= oldest) {
            self.put(minute, read, moment.rules);
            let (accepted, rejected, age) = (read.accepted, read.rejected, read.age);
            records.push(Record::Sample { minute, accepted, rejected, age });
        }
    }

    /// What the newest minutes alone ask for: more shards where these are full, and never fewer. It is asked of a policy without a past,
    /// since what the stream's own has learned ends before the gap.
    pub(super) fn propose_apart(&mut self, moment: Moment<'_>, shards: u32) -> Proposal {
        let (minute, unread) =
            (moment.minute(), "its past is still to be read: until then it may grow, and is not shrunk");
        self.allot(minute);
        let view = self.view(self.bounds, moment.rules, minute, shards);
        let known = self.newest_known().filter(|known| *known >= minute - AGAIN);
        let Some((sample, accepted)) = known.map(|at| view.window.at(at)).and_then(|it| Some((it, it.accepted?)))
        else {
            return Proposal::new(shards, format!("no fresh metrics have come yet; {unread}"));
        };
        let rejected = sample.rejected.unwrap_or(0.0);
        let demand = sample.reads.largest().unwrap_or(0.0).max(accepted + rejected);
        if rejected > 0.0 || demand >= FULL * f64::from(shards) {
            let wish = Tidegate::new().propose(&view);
            if wish.shards > shards {
                return Proposal { because: format!("{}; {unread}", wish.because), ..wish };
            }
        }
        Proposal::new(shards, format!("demand {demand:.1} of {shards} shards; {unread}"))
    }
}
