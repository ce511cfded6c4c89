#[cfg(test)]
mod care;
#[cfg(test)]
mod fights;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod gone;
#[cfg(test)]
mod hot;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod pasts;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod splits;
#[cfg(test)]
mod watch;

use std::collections::BTreeMap;

use super::report::{ConditionKind, Status};
use super::*;
use crate::model::{
    Delivered, Glance, LEDGER, Ledger, Metrics, OpenShard, PAUSED, PIN, PIPELINE, RESOURCE, Scope, State,
};
use crate::scale::{Bounds, Money, Policy, Proposal, View};

/// Wants a count that the test sets.
struct Wants(std::sync::Arc<std::sync::atomic::AtomicU32>);

impl Policy for Wants {
    fn name(&self) -> &'static str {
        "wants"
    }

    fn propose(&mut self, _: &View<'_>) -> Proposal {
        Proposal::new(self.0.load(std::sync::atomic::Ordering::SeqCst), "test")
    }
}

const START: i64 = 1_795_500_000 / 60;

struct Bench {
    stream: Stream,
    wants: std::sync::Arc<std::sync::atomic::AtomicU32>,
    rules: Rules,
    minute: i64,
    glance: Glance,
    /// Minutes whose metrics never come.
    gaps: Vec<i64>,
    /// Records of a minute that are taken, and refused.
    records: (f64, f64),
    /// What is known of its fan-out consumers, and of Lambda functions.
    consumers: Option<Vec<Delivery>>,
    /// What CloudWatch has of each minute in which nobody writes.
    unwritten: Option<Metrics>,
    functions: Vec<FunctionSeen>,
}

impl Bench {
    fn new(shards: u32) -> Self {
        let wants = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(shards));
        let key = Key { pipeline: "shop".into(), stream: "clicks".into() };
        let scope = Scope {
            pipeline: "shop".into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: "123456789012".into(),
        };
        let bounds = Bounds { min: 2, max: 64 };
        let stream = Stream::new(key, "clicks".into(), scope.into(), bounds, Box::new(Wants(wants.clone())));
        let tags = BTreeMap::from([
            (PIPELINE.to_owned(), "shop".to_owned()),
            (RESOURCE.to_owned(), "stream/clicks".to_owned()),
        ]);
        let glance = Glance { state: State::Ready, open_shards: shards, tags: Some(tags), ..Glance::default() };
        let mut bench = Self {
            stream,
            wants,
            rules: Rules { learn_minutes: 0, ..Rules::default() },
            minute: START,
            glance,
            gaps: Vec::new(),
            records: (30_000.0, 0.0),
            consumers: None,
            unwritten: None,
            functions: Vec::new(),
        };
        (0..20).for_each(|_| drop(bench.tick()));
        bench
    }

    fn want(&self, shards: u32) {
        self.wants.store(shards, std::sync::atomic::Ordering::SeqCst);
    }

    fn now(&self) -> i64 {
        self.minute * 60 + 5
    }

    fn tag(&mut self, key: &str, value: &str) {
        self.glance.tags.get_or_insert_default().insert(key.into(), value.into());
    }

    fn metrics(&self) -> Vec<(i64, Metrics)> {
        let ((records, refused), bytes) = (self.records, Some(1e6));
        let (records, refused) = (Some(records), Some(refused));
        let of = Metrics { records, bytes, refused, reads_refused: None, read_bytes: None, age_ms: Some(0.0) };
        (self.minute - 12..=self.minute - 3)
            .filter(|minute| !self.gaps.contains(minute))
            .map(|minute| (minute, self.unwritten.unwrap_or(of)))
            .collect()
    }

    fn tick(&mut self) -> Step {
        self.minute += 1;
        let (metrics, now) = (self.metrics(), self.now());
        let seen = Seen {
            glance: Some(Ok(&self.glance)),
            gone: false,
            metrics: Some(Ok(&metrics)),
            alarms: None,
            heard: None,
            quota: None,
            shards: None,
            consumers: self.consumers.as_deref(),
            functions: Some(&self.functions),
            ended: None,
            past: None,
        };
        self.stream.tick(&seen, &self.rules, now)
    }

    fn verdict(&mut self) -> (Verb, String, u32) {
        let Decision { verb, reason, to, .. } = self.tick().decision;
        (verb, reason, to)
    }

    /// Confirms and calls, as the shell does.
    fn call(&mut self, decision: &Decision, answer: Answer) -> i64 {
        let now = self.now();
        let record = self.stream.confirm(decision, Ok(&self.glance), &self.rules, now).unwrap();
        self.stream.recall(&record, &self.rules);
        self.stream.answered(self.minute, answer, &self.rules, now);
        self.stream.conclude(decision, &self.rules);
        self.minute
    }

    fn condition(&self, kind: ConditionKind) -> (Status, String) {
        let status = self.stream.status(&self.rules, self.now());
        let found = status.condition(kind).unwrap();
        (found.status, found.reason.clone())
    }

    fn hold(&mut self) -> String {
        let (verb, reason, _) = self.verdict();
        assert_eq!(verb, Verb::Hold, "{reason}");
        reason
    }
}

#[test]
fn each_heal_is_told() {
    let healed = DriftStatus { pipeline: "shop".into(), at: 60, found: 1, done: 1, ..DriftStatus::default() };
    let again = DriftStatus { at: 960, ..healed.clone() };
    assert!(healed.is_news(None) && again.is_news(Some(&healed)), "somebody keeps changing it");
    let failing = DriftStatus { done: 0, failed: 1, ..healed.clone() };
    assert!(failing.is_news(Some(&failing)));
    let left = DriftStatus { done: 0, left: 1, ..healed.clone() };
    assert!(left.is_news(Some(&healed)) && !DriftStatus { at: 960, ..left.clone() }.is_news(Some(&left)));
}

#[test]
fn holds_push_no_resize_of_the_day_out() {
    let mut bench = Bench::new(4);
    let plain = bench.tick().decision;
    let start = plain.at;
    let decide = |bench: &mut Bench, minute: i64, verb, to| {
        let decision = Decision { at: start + minute * 60, verb, to, ..plain.clone() };
        bench.stream.remember(decision, &bench.rules);
    };
    (0..10).for_each(|minute| decide(&mut bench, minute, Verb::Resize, 8));
    (10..1400).for_each(|minute| decide(&mut bench, minute, Verb::Hold, 4));
    let kept = |bench: &Bench, wanted| bench.stream.decisions.iter().filter(|of| of.verb == wanted).count();
    assert_eq!((kept(&bench, Verb::Resize), kept(&bench, Verb::Hold)), (10, 10));
    // However many there are: the newest.
    (1400..1500).for_each(|minute| decide(&mut bench, minute, Verb::Foreign, 5));
    assert_eq!((kept(&bench, Verb::Foreign), kept(&bench, Verb::Resize), kept(&bench, Verb::Hold)), (40, 0, 4));
    // After a day they are as old as holds.
    (3000..3100).for_each(|minute| decide(&mut bench, minute, Verb::Hold, 4));
    assert_eq!((kept(&bench, Verb::Foreign), kept(&bench, Verb::Hold)), (0, 20));
}

#[test]
fn what_was_not_sent_was_not_refused() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    let used = bench.stream.calls_used(bench.minute);
    bench.call(&decision, Answer::Unsent);
    assert_eq!(bench.stream.calls_used(bench.minute), used);
    assert_eq!(bench.verdict().0, Verb::Resize, "nobody is waited for");
    bench.call(&decision, Answer::Refused);
    assert_eq!(bench.hold(), "back-off");
}

#[test]
fn a_wait_after_a_failed_look_counts_from_its_end() {
    let mut bench = Bench::new(4);
    let now = bench.now() + 60;
    let fail = |bench: &mut Bench, at: i64| {
        let seen = Seen { glance: Some(Err("it hangs")), ended: Some(at + 40), ..Seen::default() };
        bench.stream.tick(&seen, &bench.rules, at);
    };
    fail(&mut bench, now);
    let due = |bench: &Bench, at: i64| bench.stream.wants_look(&bench.rules, at).is_some();
    assert_eq!((due(&bench, now + 69), due(&bench, now + 70)), (false, true));
    // However often it fails: an outage that ends is noticed within minutes.
    (1..20).for_each(|time| fail(&mut bench, now + time * 400));
    let end = now + 19 * 400 + 40;
    assert_eq!((due(&bench, end + 299), due(&bench, end + 300)), (false, true));
}

#[test]
fn a_resize_is_called_once_and_settles() {
    let mut bench = Bench::new(4);
    assert_eq!(bench.hold(), "in-band");
    bench.want(8);
    let step = bench.tick();
    assert_eq!((step.decision.verb, step.decision.from, step.decision.to), (Verb::Resize, 4, 8));
    // Not the reason of the decision before, which was to hold.
    assert_eq!(bench.condition(ConditionKind::Synced), (Status::False, "grow".into()));
    let called = bench.call(&step.decision, Answer::Accepted);
    // AWS shows the call late: the stream is still ACTIVE with the old count.
    assert_eq!(bench.hold(), "resharding");
    assert_eq!(bench.condition(ConditionKind::Synced), (Status::False, "resharding".into()));
    bench.glance.state = State::Busy("UPDATING".into());
    assert_eq!(bench.hold(), "resharding");
    (bench.glance.state, bench.glance.open_shards) = (State::Ready, 8);
    let step = bench.tick();
    assert!(step.records.contains(&Record::Settled { called, done: called + 3 }), "{:?}", step.records);
    assert_eq!(step.decision.reason, "in-band");
    assert_eq!(bench.condition(ConditionKind::Synced).0, Status::True);
}

#[test]
fn a_load_at_the_edge_of_its_bounds_is_not_told_each_minute() {
    let mut bench = Bench::new(64);
    let mut told = Vec::new();
    for minute in 0..120 {
        bench.want(if minute % 2 == 0 { 80 } else { 64 });
        let step = bench.tick();
        told.extend(step.is_news.then_some(step.decision.reason));
    }
    // Each of the two about once an hour.
    let times = |reason: &str| told.iter().filter(|told| *told == reason).count();
    assert!((1..=3).contains(&times("bounds")) && (1..=3).contains(&times("in-band")), "{told:?}");
    assert_eq!(told.len(), times("bounds") + times("in-band"));
}

#[test]
fn a_call_without_answer_counts_and_is_not_repeated() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    let called = bench.call(&decision, Answer::Unknown);
    let reasons: Vec<String> = (0..5).map(|_| bench.hold()).collect();
    assert_eq!(reasons, ["resharding"; 5]);
    let step = bench.tick();
    assert!(step.records.contains(&Record::Void { called }), "{:?}", step.records);
    assert_eq!((step.decision.verb, step.decision.numbers.calls_left), (Verb::Resize, 9));
}

#[test]
fn a_refused_call_does_not_count_and_waits() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    bench.call(&decision, Answer::Refused);
    let step = bench.tick();
    assert_eq!((step.decision.reason.as_str(), step.decision.numbers.calls_left), ("back-off", 10));
    assert_eq!(bench.tick().decision.verb, Verb::Resize);
}

#[test]
fn three_reversals_in_an_hour_are_a_fight() {
    let mut bench = Bench::new(4);
    bench.want(8);
    for round in 0..3 {
        let decision = bench.tick().decision;
        assert_eq!(decision.verb, Verb::Resize, "round {round}: {decision:?}");
        bench.call(&decision, Answer::Accepted);
        bench.glance.open_shards = 8;
        bench.tick();
        bench.glance.open_shards = 4;
        let decision = bench.tick().decision;
        if round == 2 {
            assert_eq!(decision.reason, "contended");
        }
        bench.minute -= 1;
    }
    assert_eq!(bench.condition(ConditionKind::Contended), (Status::True, "reversals".into()));
    bench.minute += 50;
    assert_eq!(bench.hold(), "contended");
    bench.minute += 10;
    assert_eq!(bench.tick().decision.verb, Verb::Resize);
}

#[test]
fn missing_minutes_take_no_shard_away() {
    let mut bench = Bench::new(8);
    bench.gaps = (bench.minute - 2..bench.minute + 4).collect();
    for _ in 0..4 {
        assert_eq!(bench.hold(), "in-band");
    }
    bench.want(4);
    for _ in 0..3 {
        assert_eq!(bench.hold(), "incomplete-metrics");
    }
    bench.want(16);
    assert_eq!(bench.tick().decision.verb, Verb::Resize);
}

#[test]
fn the_clock_going_back_decides_nothing() {
    let mut bench = Bench::new(8);
    bench.want(4);
    bench.minute -= 120;
    assert_eq!(bench.hold(), "clock");
    bench.minute += 120;
    assert_eq!(bench.tick().decision.verb, Verb::Resize);
}

#[test]
fn people_pin_and_pause() {
    let mut bench = Bench::new(8);
    bench.want(4);
    let until = bench.now() + 600;
    bench.tag(PAUSED, &hand::pause_text(&Pause { until: Some(until) }));
    assert_eq!(bench.hold(), "paused");
    bench.tag(PIN, &hand::pin_text(&Pin { shards: 100, until: until + 600, at_least: false }));
    bench.minute += 11;
    // The bounds of the spec hold, and one call doubles at most.
    assert_eq!(bench.verdict(), (Verb::Resize, "pin".into(), 16));
    bench.minute += 20;
    assert_eq!(bench.verdict().1, "shrink");
}

#[test]
fn what_is_not_ours_or_not_provisioned_is_left_alone() {
    let mut bench = Bench::new(8);
    bench.want(16);
    bench.tag(PIPELINE, "other");
    assert_eq!(bench.hold(), "not-ours");
    assert_eq!(bench.condition(ConditionKind::Accepted), (Status::False, "not-ours".into()));
    bench.tag(PIPELINE, "shop");
    bench.glance.on_demand = true;
    assert_eq!(bench.hold(), "on-demand");
}

#[test]
fn calls_of_other_machines_count() {
    let mut bench = Bench::new(8);
    let reshards: Vec<i64> = (0..10).map(|call| bench.minute - 100 - call).rev().collect();
    let text = Ledger { reshards, ..Ledger::default() }.text();
    bench.tag(LEDGER, &text);
    bench.want(16);
    assert_eq!(bench.hold(), "calls-used");
    assert_eq!(bench.condition(ConditionKind::BudgetExhausted).0, Status::True);
    assert_eq!(bench.stream.status(&bench.rules, bench.now()).calls_left, 0);
}

#[test]
fn money_ends_growth_is_told_and_takes_nothing_away() {
    let mut bench = Bench::new(8);
    let money = |dollars| Some(Money { dollars, dollars_a_shard_hour: 0.015 });
    let exhausted = |bench: &Bench| bench.condition(ConditionKind::BudgetExhausted);
    // Eight shards since the month began have cost more than that.
    bench.stream.money = money(50.0);
    bench.want(16);
    assert_eq!((bench.hold().as_str(), exhausted(&bench)), ("budget", (Status::True, "money".into())));
    bench.want(8);
    assert_eq!((bench.hold().as_str(), exhausted(&bench)), ("in-band", (Status::True, "money".into())));
    bench.want(4);
    assert_eq!(bench.verdict(), (Verb::Resize, "shrink".into(), 4));
    bench.stream.money = money(5000.0);
    bench.want(16);
    assert_eq!(bench.verdict(), (Verb::Resize, "grow".into(), 16));
    assert_eq!(exhausted(&bench), (Status::False, "some-left".into()));
}

#[test]
fn a_change_between_decision_and_call_stops_the_call() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    bench.glance.open_shards = 6;
    let now = bench.now();
    let held = bench.stream.confirm(&decision, Ok(&bench.glance), &bench.rules, now).unwrap_err();
    assert_eq!((held.decision.verb, held.decision.reason.as_str()), (Verb::Hold, "changed"));
    assert!(held.records.iter().any(|record| matches!(record, Record::Foreign { from: 4, to: 6, undid: false, .. })));
    let failed = bench.stream.confirm(&decision, Err("timed out"), &bench.rules, now).unwrap_err();
    assert_eq!(failed.decision.reason, "unreadable");
}

#[test]
fn a_restart_forgets_nothing() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let mut written = Vec::new();
    for _ in 0..10 {
        let step = bench.tick();
        written.extend(step.records);
    }
    let decision = bench.tick().decision;
    let called = bench.call(&decision, Answer::Unknown);
    written.push(Record::Calling { called, from: 4, to: 8 });
    let mut again = Bench::new(4);
    again.minute = bench.minute;
    again.want(8);
    let key = Key::clone(&again.stream.key);
    let policy = Box::new(Wants(again.wants.clone()));
    again.stream = Stream::new(key, "clicks".into(), again.stream.scope.clone(), again.stream.bounds, policy);
    written.iter().for_each(|record| again.stream.recall(record, &again.rules));
    assert_eq!(again.hold(), "resharding", "the call of the killed process may have worked");
    again.glance.open_shards = 8;
    let step = again.tick();
    assert!(step.records.contains(&Record::Settled { called, done: called + 2 }), "{:?}", step.records);
}

/// Minutes of a consumer that is behind by these minutes, the newest last, and read so many bytes in each.
fn delivery(bench: &Bench, name: &str, behind: &[f64], bytes: f64) -> Delivery {
    let first = bench.minute - 2 - behind.len() as i64;
    let minute = |(at, behind): (i64, &f64)| (at, Delivered { bytes: Some(bytes), behind_ms: Some(behind * 60_000.0) });
    (name.into(), (first..).zip(behind).map(minute).collect())
}

#[test]
fn fan_out_consumers_are_told_of_and_their_lag_keeps_shards() {
    let mut bench = Bench::new(8);
    bench.want(4);
    bench.stream.inputs.care = Some(crate::scale::Care::default());
    // A late one: what it reads while it catches up is no need for shards, but none is taken from it.
    bench.consumers = Some(vec![delivery(&bench, "fraud", &[30.0, 29.0, 28.0, 27.0, 26.0], 9e9)]);
    assert_eq!(bench.hold(), "iterator-age");
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::False, "lagging".into()));
    assert!((START..bench.minute).all(|minute| bench.stream.window.at(minute).reads.fan_out.is_none()));
    // One that stands still and reads nothing.
    bench.consumers = Some(vec![delivery(&bench, "fraud", &[3.0, 4.0, 5.0, 6.0, 7.0], 0.0)]);
    bench.hold();
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::False, "dead-consumer".into()));
    // It keeps up: what the busiest one reads is known.
    let calm = [delivery(&bench, "fraud", &[0.0; 5], 1e8), delivery(&bench, "audit", &[0.0; 5], 2e8)];
    bench.consumers = Some(calm.into());
    assert_eq!(bench.tick().decision.verb, Verb::Resize);
    assert_eq!(bench.condition(ConditionKind::Healthy).0, Status::True);
    let known = bench.stream.window.at(bench.minute - 4).reads.fan_out.unwrap();
    assert!((known - 2e8 / (2.0 * 60.0 * 1_048_576.0)).abs() < 1e-9, "{known}");
    // Nobody subscribed: nothing is known, which is not zero; a reading that failed leaves what was known.
    bench.consumers = None;
    bench.tick();
    assert_eq!(bench.stream.inputs.consumers.len(), 2);
    bench.consumers = Some(vec![("fraud".into(), Vec::new())]);
    bench.tick();
    let fraud = &bench.stream.inputs.consumers[0];
    assert_eq!((fraud.age, fraud.slope, fraud.reads), (None, None, None));
}

#[test]
fn hot_keys_are_told_once_more_shards_did_not_help() {
    let mut bench = Bench::new(8);
    bench.stream.policy = Box::new(crate::scale::Tidegate::new());
    bench.records = (420_000.0, 60_000.0);
    (0..40).for_each(|_| drop(bench.tick()));
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::False, "throttling".into()));
    bench.glance.open_shards = 16;
    (0..40).for_each(|_| drop(bench.tick()));
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::False, "hot-keys".into()));
    bench.records.1 = 0.0;
    (0..15).for_each(|_| drop(bench.tick()));
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::True, "keeps-up".into()));
}
