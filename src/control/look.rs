//! What a look at a stream says: whether our call has ended, and whether somebody else was there.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::report::{Decision, Verb};
use super::stream::{Moment, Stream};
use super::{Foreign, Key, Record, hand};
use crate::model::{Glance, LEDGER, Ledger, Made, PAUSED, PIN, PIPELINE, RESOURCE, State};
use crate::scale::{Pace, Resize};

/// The tags that a listing is read for.
const TOLD: [&str; 5] = [PIPELINE, RESOURCE, PIN, PAUSED, LEDGER];
/// AWS may show an accepted call late: after so many minutes without effect there was none. (Half a minute has been seen.)
const GIVE_UP: i64 = 6;
/// Seconds without a look, besides the usual time between two, after which the end of a call was not seen.
const AWAY: i64 = 120;
/// Minutes from a decision to its call.
const SENT: i64 = 3;
/// Reversals by somebody else within an hour after which we stop.
const REVERSALS: usize = 3;
/// Minutes without anybody else's change after which we go on.
const PEACE: i64 = 60;
/// Minutes by which CloudTrail may be late.
const LATE: i64 = 20;
/// Minutes for which AWS counts a call.
const DAY: i64 = 1440;
/// A call that another program wrote into the stream's ledger shows up in the count within so many minutes.
const APPLIED: i64 = 20;

impl Stream {
    /// Takes in a look.
    pub(super) fn look(&mut self, glance: &Glance, moment: Moment<'_>, records: &mut Vec<Record>) {
        let minute = moment.minute();
        let (word, ready) = match &glance.state {
            State::Ready => ("ACTIVE".to_owned(), true),
            State::Busy(word) | State::Failed(word) => (word.clone(), false),
        };
        self.state = Some(word);
        self.on_demand = glance.on_demand;
        self.metered(&glance.shard_metrics);
        if let Some(tags) = &glance.tags {
            self.tagged(tags, moment.now);
        }
        let open = glance.open_shards.max(1);
        let is_first = self.seen_at.is_none();
        if ready {
            let is_unseen = self.ended(open, moment, records);
            let known = self.shards.unwrap_or(open);
            // A call of ours that is still expected explains every count.
            if known != open && self.pending().is_none() && !glance.on_demand {
                self.somebody_else((known, open), is_unseen, moment, records);
            }
            if self.pending().is_none() {
                self.shards = Some(open);
            }
        }
        self.shards.get_or_insert(open);
        self.seen_at = Some(moment.now);
        self.day.had(minute, self.shards.unwrap_or(open));
        // What the ledger ends with still holds, so that it held all the time.
        if let Some(last) = self.resizes.last().filter(|last| is_first && last.to == open)
            && let Some(done) = last.done
        {
            self.day.kept(done, minute, open);
        }
    }

    fn tagged(&mut self, tags: &BTreeMap<String, String>, now: i64) {
        self.ours = Some(is_ours(&self.key, tags));
        let pin = tags.get(PIN).and_then(|text| hand::pin(text, now));
        let pause = tags.get(PAUSED).and_then(|text| hand::pause(text, now));
        // What stands there at the first look may be older than the fight.
        let holds = |until: Option<i64>| until.is_none_or(|until| until > now);
        let before = (self.pin.filter(|pin| holds(Some(pin.until))), self.pause.filter(|pause| holds(pause.until)));
        if self.tags_at.is_some() && (pin, pause) != before {
            self.word_at = now.div_euclid(60);
        }
        (self.tags_at, self.pin, self.pause) = (Some(now), pin, pause);
        self.merge(&Ledger::read(tags.get(LEDGER).map_or("", String::as_str), now).reshards);
    }

    /// Takes in the tags that a listing told of at `now` (seconds since 1970). A listing is minutes behind: one that says the same as the one
    /// before leaves standing what a look has found since, and one that does not make the stream ours decides nothing. What follows from
    /// it is looked at again before a call.
    pub fn listed(&mut self, tags: &BTreeMap<String, String>, now: i64) {
        if !is_ours(&self.key, tags) {
            return;
        }
        let mut hasher = DefaultHasher::new();
        TOLD.map(|key| tags.get(key)).hash(&mut hasher);
        let told = Some(hasher.finish());
        if self.listed != told {
            self.tagged(tags, now);
        }
        (self.listed, self.tags_at) = (told, Some(now));
    }

    /// Takes back from what was written down whether AWS took the call under way. In a ledger that was made anew decisions follow all calls.
    pub(super) fn recall_answer(&mut self, decision: &Decision) {
        let decided = decision.at.div_euclid(60);
        let is_change = matches!(decision.verb, Verb::Resize | Verb::Split | Verb::Merge);
        let is_its = |call: &Resize| {
            (call.from, call.to) == (decision.from, decision.to) && (0..=SENT).contains(&(call.called - decided))
        };
        let call = self.pending().map(|at| self.resizes[at]).filter(is_its);
        if let Some(call) = call.filter(|_| is_change && decision.outcome.as_deref() == Some("accepted")) {
            self.accepted = Some(call.called);
        }
    }

    /// Whether the call under way has ended, now that the stream is ACTIVE with `open` shards. Answers whether its own count was there for
    /// a while that nobody saw: what AWS took took effect, so that another count is somebody else's.
    fn ended(&mut self, open: u32, moment: Moment<'_>, records: &mut Vec<Record>) -> bool {
        let minute = moment.minute();
        let Some(at) = self.pending() else { return false };
        let Resize { called, from, to, split, .. } = self.resizes[at];
        if open == from && minute - called < GIVE_UP {
            return false;
        }
        if open == to {
            let took = hand::minutes(minute - called);
            let because = match self.settled(at, moment, records) {
                true => format!("{from} to {to} shards took {took}"),
                false => format!("{from} to {to} shards took {took} at most: nobody looked in between"),
            };
            self.event((Verb::Settled, "settled"), (from, to), because, moment, records);
            return false;
        }
        if self.accepted == Some(called) {
            self.settled(at, moment, records);
            return true;
        }
        // Without an answer nobody knows whether it ever served.
        self.void(at, records);
        self.shards = Some(from);
        if open == from {
            let counts = if split { "" } else { "; it counts against the day" };
            let because = format!("the call to {to} shards had no effect within {GIVE_UP} min{counts}");
            self.event((Verb::Settled, "no-effect"), (from, from), because, moment, records);
        }
        false
    }

    /// Nothing is to be seen of a call, nor will be.
    pub(super) fn void(&mut self, at: usize, records: &mut Vec<Record>) {
        let Resize { called, from, .. } = self.resizes[at];
        (self.resizes[at].done, self.resizes[at].to) = (Some(called), from);
        records.push(Record::Void { called });
    }

    /// Answers whether its end was seen. Where nobody looked for a while, as after an outage, it is taken to have ended as soon as those
    /// before it did: how long we were away says nothing of how long AWS takes, and the policy learns from what is written here.
    fn settled(&mut self, at: usize, moment: Moment<'_>, records: &mut Vec<Record>) -> bool {
        let Resize { called, from, to, .. } = self.resizes[at];
        let minute = moment.minute().max(called);
        let looked = self.seen_at.unwrap_or(i64::MIN).max(called * 60);
        let usual = moment.rules.look_seconds.max(i64::from(moment.rules.tick_seconds));
        let is_seen = moment.now - looked <= usual + AWAY;
        let done = match is_seen {
            true => minute,
            false => {
                let expected = called + Pace::learned(&self.resizes).minutes(from, to);
                expected.clamp(looked.div_euclid(60).min(minute), minute)
            }
        };
        self.resizes[at].done = Some(done);
        records.push(Record::Settled { called, done });
        self.shards = Some(to);
        is_seen
    }

    /// `is_unseen`: what it was changed from nobody saw, since our call and the change fell between two looks.
    fn somebody_else(
        &mut self,
        (from, to): (u32, u32),
        is_unseen: bool,
        moment: Moment<'_>,
        records: &mut Vec<Record>,
    ) {
        let minute = moment.minute();
        let ours = self.resizes.iter().rev().find(|resize| resize.from != resize.to && !resize.foreign);
        let undid = ours.is_some_and(|ours| ours.called > minute - PEACE && (ours.to > ours.from) == (to < from));
        self.replace_told(minute);
        self.foreign.push(Foreign { minute, from, to, undid });
        self.foreign.drain(..self.foreign.len().saturating_sub(100));
        self.resizes.push(Resize { called: minute, done: Some(minute), from, to, split: false, foreign: true });
        records.push(Record::Foreign { minute, from, to, undid });
        self.shards = Some(to);
        let mut because = format!("somebody else changed the count from {from} to {to}");
        if is_unseen {
            because.push_str(" before we saw ours, which AWS had taken");
        }
        match self.reversals(minute) {
            0 => {}
            1 => because.push_str(": 1 reversal of ours within the hour"),
            times => because.push_str(&format!(": {times} reversals of ours within the hour")),
        }
        self.event((Verb::Foreign, "foreign-change"), (from, to), because, moment, records);
    }

    /// Whether somebody else changed the count on a day that counts still, long enough ago that CloudTrail knows of it.
    pub(super) fn asks_trail(&self, now: i64) -> bool {
        self.calls_of_others(now).next().is_some()
    }

    /// Places of the changes by others that count as calls and that CloudTrail could know of, oldest first.
    fn calls_of_others(&self, now: i64) -> impl Iterator<Item = usize> {
        let minute = now.div_euclid(60);
        let known = minute - DAY..minute - LATE;
        let is_theirs = move |call: &Resize| !call.split && known.contains(&call.called) && call.foreign;
        self.resizes.iter().enumerate().filter(move |(_, resize)| is_theirs(resize)).map(|(at, _)| at)
    }

    /// Takes CloudTrail's word for the day: where it knows of fewer calls than are counted, some of the changes by others were
    /// splits and merges of single shards, which count nothing. The newest are taken for calls, since they count the longest.
    pub(super) fn heed_trail(&mut self, made: &[Made], now: i64) {
        let minute = now.div_euclid(60);
        // What was written down at the edge of the day may have been sent before it.
        let known = minute - DAY + 2..minute - LATE;
        let is_counted = |call: &Made| call.stream == self.physical && call.operation == "UpdateShardCount";
        let calls = made.iter().filter(|call| is_counted(call)).count();
        let theirs: Vec<usize> = self.calls_of_others(now).collect();
        let is_ours =
            |(at, resize): &(usize, &Resize)| !resize.split && !theirs.contains(at) && known.contains(&resize.called);
        let ours = self.resizes.iter().enumerate().filter(is_ours).count();
        let splits = theirs.len().saturating_sub(calls.saturating_sub(ours));
        theirs.iter().take(splits).for_each(|at| self.resizes[*at].split = true);
    }

    /// Something that happened is told like a decision.
    fn event(
        &mut self,
        (verb, reason): (Verb, &str),
        (from, to): (u32, u32),
        because: String,
        moment: Moment<'_>,
        records: &mut Vec<Record>,
    ) {
        let decision = Decision {
            at: moment.now,
            verb,
            reason: reason.into(),
            from,
            to,
            desired: self.desired.unwrap_or(to),
            because,
            outcome: None,
            woken_by: "tick".into(),
            lambda: None,
            numbers: self.numbers(moment.rules, moment.minute()),
        };
        self.remember(decision.clone(), moment.rules);
        records.push(Record::Decided { decision: Box::new(decision) });
    }

    /// Times within the hour before the newest foreign change that somebody undid what we did. A pin, a pause or its end is a person's
    /// word: what was before it is settled.
    pub(super) fn reversals(&self, minute: i64) -> usize {
        let Some(last) = self.foreign.last().filter(|last| last.minute + PEACE > minute) else { return 0 };
        let since = self.word_at.max(last.minute - PEACE);
        self.foreign.iter().filter(|change| change.undid && change.minute > since).count()
    }

    /// When we go on if nobody changes the count until then, in seconds since 1970.
    pub(super) fn peace_at(&self) -> i64 {
        self.foreign.last().map_or(0, |last| (last.minute + PEACE) * 60)
    }

    /// Whether somebody else fights us for the count.
    pub(super) fn is_contended(&self, minute: i64) -> bool {
        self.reversals(minute) >= REVERSALS
    }

    /// Adds the calls that stand on the stream and not in our books: another machine made them, or our books are lost. A change of the count
    /// that was seen stands for one of them, however many led to it.
    fn merge(&mut self, told: &[i64]) {
        let shards = self.shards.unwrap_or(1);
        let (mut theirs, mut mine) = (Vec::new(), Vec::new());
        for call in self.resizes.iter().filter(|resize| !resize.split) {
            if call.foreign { &mut theirs } else { &mut mine }.push(call.called);
        }
        let mut told = told.to_vec();
        told.sort_unstable();
        self.told.retain(|minute| told.contains(minute));
        told.retain(|called| match mine.iter().position(|minute| minute == called) {
            Some(at) => {
                mine.remove(at);
                false
            }
            None => true,
        });
        for called in told {
            match theirs.iter().position(|seen| (0..=APPLIED).contains(&(seen - called))) {
                Some(at) => {
                    theirs.remove(at);
                }
                None => {
                    let done = Some(called);
                    self.resizes.push(Resize { called, done, from: shards, to: shards, split: false, foreign: false });
                    self.told.push(called);
                }
            }
        }
        self.resizes.sort_by_key(|resize| resize.called);
        super::record::trim(&mut self.resizes);
    }

    /// A change by others that is seen now may be one of the calls that their tags told before it: it takes the place of one.
    fn replace_told(&mut self, minute: i64) {
        let is_recent = |called: &i64| (0..=APPLIED).contains(&(minute - called));
        let Some(at) = self.told.iter().position(is_recent) else { return };
        let called = self.told.remove(at);
        let is_told = |call: &Resize| call.called == called && call.from == call.to && !call.split;
        if let Some(at) = self.resizes.iter().position(is_told) {
            self.resizes.remove(at);
        }
    }
}

/// Whether these tags make the stream ours.
pub fn is_ours(key: &Key, tags: &BTreeMap<String, String>) -> bool {
    let tag = |name: &str| tags.get(name).map(String::as_str);
    tag(PIPELINE) == Some(&key.pipeline) && tag(RESOURCE) == Some(format!("stream/{}", key.stream).as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::control::Rules;
    use crate::model::Scope;
    use crate::scale::{Bounds, Tidegate};

    const NOW: i64 = 1_795_500_000;

    /// One call of ours, and the count by others up by one five times.
    fn changed() -> Stream {
        let scope = Scope { pipeline: "shop".into(), partition: "aws".into(), region: "r".into(), account: "1".into() };
        let key = Key { pipeline: "shop".into(), stream: "clicks".into() };
        let bounds = Bounds { min: 2, max: 64 };
        let mut stream = Stream::new(key, "clicks-aws".into(), Arc::new(scope), bounds, Box::new(Tidegate::new()));
        let minute = NOW / 60;
        let foreign =
            |at: u32| Record::Foreign { minute: minute - 300 + i64::from(at), from: at, to: at + 1, undid: false };
        let called = minute - 400;
        let ours = [Record::Calling { called, from: 2, to: 4 }, Record::Settled { called, done: called + 2 }];
        ours.into_iter().chain((4..9).map(foreign)).for_each(|record| stream.recall(&record, &Rules::default()));
        stream
    }

    fn made(minutes_ago: i64, stream: &str) -> Made {
        Made { stream: stream.into(), operation: "UpdateShardCount".into(), at: NOW - minutes_ago * 60 }
    }

    #[test]
    fn splits_of_others_count_nothing_where_cloudtrail_says_so() {
        let counted = |log: &[Made]| {
            let mut stream = changed();
            assert!(stream.asks_trail(NOW));
            stream.heed_trail(log, NOW);
            stream.heed_trail(log, NOW);
            (stream.calls_used(NOW / 60), stream.asks_trail(NOW))
        };
        assert_eq!(changed().calls_used(NOW / 60), 6, "where nothing is known each counts");
        assert_eq!(counted(&[made(400, "clicks-aws"), made(3, "another")]), (1, false));
        assert_eq!(counted(&[made(400, "clicks-aws"), made(296, "clicks-aws")]), (2, true));
        let all: Vec<Made> = (292..297).chain([400]).map(|ago| made(ago, "clicks-aws")).collect();
        assert_eq!(counted(&all), (6, true));
        // What has just happened CloudTrail cannot know yet.
        let mut stream = changed();
        stream.heed_trail(&[], NOW - 290 * 60);
        assert_eq!(stream.calls_used(NOW / 60 - 290), 6);
    }

    #[test]
    fn how_long_nobody_looked_is_not_how_long_a_call_took() {
        let rules = Rules::default();
        let minute = NOW / 60;
        // A call from 8 to 16 shards, and looks so many minutes after it, of which the last finds it done.
        let took = |looks: &[i64]| {
            let mut stream = changed();
            stream.recall(&Record::Calling { called: minute, from: 8, to: 16 }, &rules);
            let mut records = Vec::new();
            for (at, after) in looks.iter().enumerate() {
                let is_done = at + 1 == looks.len();
                let (state, open_shards) =
                    if is_done { (State::Ready, 16) } else { (State::Busy("UPDATING".into()), 8) };
                let glance = Glance { state, open_shards, ..Glance::default() };
                stream.look(&glance, Moment { now: (minute + after) * 60, rules: &rules }, &mut records);
            }
            let done = |record: &Record| match record {
                Record::Settled { done, .. } => Some(done - minute),
                _ => None,
            };
            let because = stream.decisions.back().map(|decision| decision.because.clone()).unwrap_or_default();
            (records.iter().find_map(done), because)
        };
        assert_eq!(took(&[1, 2, 3, 4]).0, Some(4), "seen at work until the minute before");
        assert_eq!(took(&[1, 2, 3, 4]).1, "8 to 16 shards took 4 min");
        let (done, because) = took(&[9]);
        assert_eq!(done, Some(2), "after a restart: as long as such a call takes");
        assert_eq!(because, "8 to 16 shards took 9 min at most: nobody looked in between");
        assert_eq!(took(&[1, 12]).0, Some(2), "after minutes without looks");
        assert_eq!(took(&[1, 2, 3, 4, 5, 30]).0, Some(5), "it was seen at work until then");
    }

    /// An apply that makes three calls, of which one or two changes of the count are seen, before or after their tags.
    #[test]
    fn calls_of_an_apply_count_once_in_whatever_order_they_are_seen() {
        let minute = NOW / 60;
        let told = [minute - 9, minute - 6, minute - 3];
        let rules = Rules::default();
        let moment = |at: i64| Moment { now: at * 60, rules: &rules };
        let seen = |stream: &mut Stream, at: i64, from: u32, to: u32| {
            stream.somebody_else((from, to), false, moment(at), &mut Vec::new());
        };
        let used = |steps: &[&dyn Fn(&mut Stream)]| {
            let mut stream = changed();
            let before = stream.calls_used(minute);
            steps.iter().for_each(|step| step(&mut stream));
            stream.calls_used(minute) - before
        };
        let tags = |stream: &mut Stream| stream.merge(&told);
        let two = |stream: &mut Stream| stream.merge(&told[..2]);
        let last = |stream: &mut Stream| seen(stream, minute - 1, 9, 2);
        let first = |stream: &mut Stream| seen(stream, minute - 8, 9, 5);
        let rest = |stream: &mut Stream| seen(stream, minute - 1, 5, 2);
        assert_eq!(used(&[&tags]), 3);
        assert_eq!(used(&[&tags, &last]), 3, "tags first");
        assert_eq!(used(&[&last, &tags]), 3, "the count first");
        assert_eq!(used(&[&first, &two, &rest, &tags, &tags]), 3);
        assert_eq!(used(&[&two, &first, &tags, &rest, &tags]), 3);
        assert_eq!(used(&[&last]), 1, "by a hand that leaves no tag");
        assert_eq!(used(&[&first, &rest, &last]), 3);
    }

    /// After a restart the change that was written down and the tags come to the same.
    #[test]
    fn a_restart_counts_the_calls_of_an_apply_as_before() {
        let minute = NOW / 60;
        let mut stream = changed();
        stream.recall(&Record::Foreign { minute: minute - 1, from: 9, to: 2, undid: true }, &Rules::default());
        let before = stream.calls_used(minute);
        stream.merge(&[minute - 9, minute - 6, minute - 3]);
        stream.merge(&[minute - 9, minute - 6, minute - 3]);
        assert_eq!(stream.calls_used(minute), before + 2);
    }
}
