//! One tick of one stream: from what was seen to what is to be done, and why.

use super::past::LEARNING;
use super::report::{Decision, Verb};
use super::stream::{Moment, Rules, Seen, Step, Stream};
use super::{Record, hand, readers};
use crate::model::Glance;
use crate::scale::{Admission, Bounds, Notice, Proposal, Reason, dispose};

/// Metrics of these minutes back must all be there before a shard is taken away: newer ones may not have come yet.
pub(super) const COMPLETE: std::ops::RangeInclusive<i64> = 5..=7;
/// Seconds without a look after which the count is not known well enough to act on, besides the usual time between looks.
const LATE: i64 = 300;
/// The longest pause after refused calls, in seconds.
pub(super) const LONGEST: i64 = 3600;
/// The same after failed looks: an outage that ends is to be noticed soon.
pub(super) const BLIND: i64 = 300;

/// Why nothing is done: a stable slug and a sentence.
pub(super) type Hold = (&'static str, String);

impl Stream {
    /// Takes in what was seen and decides. A resize has to be confirmed before it is called.
    pub fn tick(&mut self, seen: &Seen, rules: &Rules, now: i64) -> Step {
        let moment = Moment { rules, now };
        let mut records = Vec::new();
        self.absorb(seen, moment, &mut records);
        self.absorb_functions(seen.functions.unwrap_or_default(), moment);
        self.tune(moment);
        self.weigh(seen.shards, moment);
        self.inputs.quota = seen.quota;
        let woken_by = match (seen.heard, self.inputs.wakes()) {
            (Some(name), _) => format!("alarm {name}, told by the queue"),
            (None, Some(alarm)) => format!("alarm {}", alarm.name),
            (None, None) => "tick".to_owned(),
        };
        let decision = Decision { woken_by, ..self.decide(moment) };
        self.mind(moment);
        let mut is_news = records.iter().any(|record| matches!(record, Record::Decided { .. }));
        if decision.verb == Verb::Hold {
            let record = self.conclude(&decision, rules);
            is_news |= record.is_some();
            records.extend(record);
        }
        self.judge(&decision.reason, moment);
        Step { records, decision, is_news }
    }

    pub(super) fn absorb(&mut self, seen: &Seen, moment: Moment<'_>, records: &mut Vec<Record>) {
        let mut blind = None;
        self.pin = self.pin.filter(|pin| pin.until > moment.now);
        self.pause = self.pause.filter(|pause| pause.until.is_none_or(|until| until > moment.now));
        // As it was asked for.
        let from = self.reads_from(moment.rules, moment.now);
        match seen.glance {
            Some(Ok(glance)) => {
                (self.failures, self.missed, self.look_after) = (0, 0, i64::MIN);
                self.look(glance, moment, records);
            }
            Some(Err(_)) if seen.gone => blind = self.missing(seen, records),
            Some(Err(why)) => {
                self.failures = self.failures.saturating_add(1);
                // From the end on: what hangs for longer than the wait would else be due again at once.
                let ended = seen.ended.map_or(moment.now, |ended| ended.max(moment.now));
                self.look_after = ended + back_off(30, self.failures).min(BLIND);
                blind = Some(why.to_owned());
            }
            None => blind = self.blind.take().filter(|_| self.failures + self.missed > 0),
        }
        self.floor();
        if let Some(consumers) = seen.consumers {
            self.inputs.consumers = consumers.iter().map(readers::consumer).collect();
        }
        if let Some(past) = seen.past {
            self.learn(past, moment, records);
        }
        match seen.metrics {
            Some(Ok(metrics)) => self.read((from, metrics), seen.consumers, moment, records),
            Some(Err(why)) => {
                self.is_answered = false;
                blind = blind.or_else(|| Some(why.to_owned()));
            }
            None => {}
        }
        if let Some(alarms) = seen.alarms {
            self.inputs.alarms = alarms.to_vec();
        }
        self.blind = blind;
    }

    fn decide(&mut self, moment: Moment<'_>) -> Decision {
        let minute = moment.minute();
        let shards = self.shards.unwrap_or(self.bounds.min);
        let unpaid = self.unpaid.take();
        if let Some((reason, because)) = self.unfit(moment) {
            // A reshard changes nothing about the money.
            self.unpaid = unpaid.filter(|_| reason == "resharding");
            return self.decision(Verb::Hold, reason, (shards, shards), because, moment);
        }
        // Asked also where it is not followed: it learns from being asked.
        let mut proposal = match self.apart {
            Some(_) => self.propose_apart(moment, shards),
            None => self.propose(moment.rules, minute, shards),
        };
        self.skewed = proposal.evidence.skewed;
        let bounds = self.narrowed();
        if let Some(pin) = self.exact() {
            let mut because = format!("pinned to {} shards until {}", pin.shards, hand::stamp(pin.until));
            // The range was changed since: it is the spec's that cuts the pin, not the pin's own.
            if pin.shards != bounds.max {
                let Bounds { min, max } = self.bounds;
                because.push_str(&format!(", of which the range of {min} to {max} allows {}", bounds.max));
            }
            proposal = Proposal::new(bounds.max, because);
        }
        self.desired = Some(proposal.shards.clamp(bounds.min, bounds.max));
        if let Some((reason, because)) = self.unwanted(moment) {
            return self.decision(Verb::Hold, reason, (shards, shards), because, moment);
        }
        let disposed = dispose(&self.view(bounds, moment.rules, minute, shards), &proposal);
        let money = |notice: &&Notice| {
            use Notice::{BudgetBinds, FloorOverBudget, LoadOverBudget};
            matches!(notice, BudgetBinds { .. } | LoadOverBudget { .. } | FloorOverBudget { .. })
        };
        self.unpaid = disposed.notices.iter().find(money).map(ToString::to_string);
        if let Some((verb, reason, to, because)) = self.single(&disposed, &proposal, moment) {
            return self.decision(verb, reason, (shards, to), because, moment);
        }
        let (to, because) = (disposed.shards, disposed.because);
        if disposed.reason == Reason::Shrink && !COMPLETE.clone().all(|back| self.is_known(minute - back)) {
            let because = format!("{because}; held: a minute of those that should be there by now has no metrics");
            return self.decision(Verb::Hold, "incomplete-metrics", (shards, shards), because, moment);
        }
        let reason = match disposed.reason {
            // What keeps the count is the pin, not the load.
            Reason::InBand if self.exact().is_some() => "pin",
            _ if self.exact().is_some() && to != shards => "pin",
            Reason::InBand if self.apart.is_some() => LEARNING,
            reason => reason.slug(),
        };
        let verb = if to == shards { Verb::Hold } else { Verb::Resize };
        self.decision(verb, reason, (shards, to), because, moment)
    }

    pub(super) fn decision(
        &self,
        verb: Verb,
        reason: &str,
        (from, to): (u32, u32),
        because: String,
        moment: Moment<'_>,
    ) -> Decision {
        Decision {
            at: moment.now,
            verb,
            reason: reason.into(),
            from,
            to,
            desired: self.desired.unwrap_or(from),
            because,
            outcome: None,
            woken_by: String::new(),
            lambda: None,
            numbers: self.numbers(moment.rules, moment.minute()),
        }
    }

    pub(super) fn is_known(&self, minute: i64) -> bool {
        self.newest().at(minute).accepted.is_some()
    }

    /// Why the policy cannot even be asked.
    pub(super) fn unfit(&self, moment: Moment<'_>) -> Option<Hold> {
        let now = moment.now;
        if let Some(hold) = self.absent() {
            return Some(hold);
        }
        let Some(seen_at) = self.seen_at else {
            let why = self.blind.clone().unwrap_or_else(|| "it has not been looked at yet".into());
            return Some(("unreadable", format!("the stream could not be read: {why}")));
        };
        if self.on_demand {
            return Some(("on-demand", "the stream is on-demand: AWS sizes it".into()));
        }
        if now < seen_at || now > seen_at + moment.rules.look_seconds + LATE {
            let why = self.blind.clone().unwrap_or_else(|| "no look since".into());
            return Some(("unreadable", format!("the stream was last read at {}: {why}", hand::stamp(seen_at))));
        }
        if let Some(at) = self.pending() {
            let call = self.resizes[at];
            return Some(("resharding", format!("the call from {} to {} shards is under way", call.from, call.to)));
        }
        let state = self.state.as_deref().unwrap_or("ACTIVE");
        (state != "ACTIVE").then(|| ("not-active", format!("the stream is {state}")))
    }

    /// Why the policy's wish is not followed.
    pub(super) fn unwanted(&self, moment: Moment<'_>) -> Option<Hold> {
        match self.ours {
            Some(true) => {}
            Some(false) => return Some(("not-ours", "the stream does not carry the tags of this pipeline".into())),
            None => return Some(("unreadable", "its tags have not been read yet".into())),
        }
        if let Some(pause) = self.pause {
            return Some(("paused", format!("paused {}", hand::pause_text(&pause))));
        }
        let minute = moment.minute();
        if self.window.newest().is_some_and(|newest| newest > minute) {
            return Some((
                "clock",
                "the clock went back behind the newest metrics: waiting until it has passed them".into(),
            ));
        }
        if self.is_contended(minute) {
            let times = self.reversals(minute);
            return Some((
                "contended",
                format!(
                    "somebody else undid {times} changes within an hour: waiting until {} for an hour of peace",
                    hand::stamp(self.peace_at())
                ),
            ));
        }
        if self.quiet_until > moment.now && self.quiet_until < moment.now + 2 * LONGEST {
            return Some((
                "back-off",
                format!("AWS refused the last call: waiting until {}", hand::stamp(self.quiet_until)),
            ));
        }
        None
    }

    /// Looks once more, with tags, just before the call: the decision must still be the same. Answers the record that has
    /// to be written before the call is sent, or the hold that takes the decision's place.
    pub fn confirm(
        &mut self,
        decision: &Decision,
        glance: Result<&Glance, &str>,
        rules: &Rules,
        now: i64,
    ) -> Result<Record, Box<Step>> {
        let moment = Moment { rules, now };
        let mut records = Vec::new();
        let seen = Seen { glance: Some(glance), ..Seen::default() };
        self.absorb(&seen, moment, &mut records);
        let again = match glance {
            Ok(_) => Decision { woken_by: decision.woken_by.clone(), ..self.decide(moment) },
            Err(why) => {
                let because = format!("{}; held: the look before the call failed: {why}", decision.because);
                self.decision(Verb::Hold, "unreadable", (decision.from, decision.from), because, moment)
            }
        };
        if (again.verb, again.from, again.to) == (decision.verb, decision.from, decision.to) && records.is_empty() {
            return Ok(Record::Calling { called: moment.minute(), from: decision.from, to: decision.to });
        }
        // Another resize is a decision of its own, for the next tick.
        let held = match again.verb {
            Verb::Hold => again,
            _ => {
                let because = format!("{}; held: the stream changed while we looked", decision.because);
                Decision { verb: Verb::Hold, reason: "changed".into(), to: again.from, because, ..again }
            }
        };
        records.extend(self.conclude(&held, rules));
        self.judge(&held.reason, moment);
        Err(Box::new(Step { records, decision: held, is_news: true }))
    }

    /// Other streams go first: the decision becomes a hold, and is taken anew in the next tick.
    pub fn put_off(&mut self, decision: Decision, admission: Admission, rules: &Rules, now: i64) -> Vec<Record> {
        let (reason, why) = match admission {
            Admission::Go => return Vec::new(),
            Admission::OtherStreams => {
                let most = rules.at_once;
                (Reason::OtherStreams, format!("{most} streams reshard already, and others are more urgent"))
            }
            Admission::Quota => {
                (Reason::Quota, "the account has no room for its shards beside those of other streams".to_owned())
            }
        };
        self.held(decision, reason.slug(), &why, Moment { rules, now }).records
    }

    /// The call could not be written down first: the decision becomes a hold, and is taken anew in the next tick.
    pub fn unwritten(&mut self, decision: Decision, rules: &Rules, now: i64) -> Vec<Record> {
        let why = "the ledger cannot be written, and what is not written down is not sent";
        self.held(decision, "ledger", why, Moment { rules, now }).records
    }

    /// The hold that takes the place of a decision, and why.
    pub(super) fn held(&mut self, decision: Decision, reason: &str, why: &str, moment: Moment<'_>) -> Step {
        let because = format!("{}; held: {why}", decision.because);
        let held = Decision { verb: Verb::Hold, reason: reason.into(), to: decision.from, because, ..decision };
        let records = self.conclude(&held, moment.rules).into_iter().collect();
        self.judge(&held.reason, moment);
        Step { records, decision: held, is_news: true }
    }

    /// The call is written down and about to be sent.
    pub fn calling(&mut self, record: &Record, rules: &Rules) {
        self.recall(record, rules);
    }

    /// What AWS said. Without an answer the call may or may not have worked: the next looks tell.
    pub fn answered(&mut self, called: i64, answer: Answer, rules: &Rules, now: i64) -> Option<Record> {
        match answer {
            Answer::Accepted => {
                (self.refusals, self.accepted) = (0, Some(called));
                self.look_after = i64::MIN;
                None
            }
            Answer::Unknown => None,
            Answer::Unsent => {
                let record = Record::Refused { called };
                self.recall(&record, rules);
                Some(record)
            }
            Answer::Refused => {
                self.refusals = self.refusals.saturating_add(1);
                self.quiet_until = now + back_off(120, self.refusals);
                let record = Record::Refused { called };
                self.recall(&record, rules);
                Some(record)
            }
        }
    }
}

/// How AWS took a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Refused,
    Unknown,
    /// It was not asked: another replica may act by now.
    Unsent,
}

/// Waits double with each failure in a row.
pub(super) fn back_off(first: i64, failures: u32) -> i64 {
    (first << failures.saturating_sub(1).min(10)).min(LONGEST)
}
