//! What people are told without asking: what the controller did, and what it cannot mend itself. A concern is told once when it
//! has lasted, and once when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::conditions::MONEY;
use super::gone::GONE;
use super::hand::stamp;
use super::report::{Condition, ConditionKind, Decision, DriftStatus, Status, Verb};
use super::troubles::Troubles;
use super::{Fleet, Key};

/// The version of a message's form.
pub const FORMAT: u32 = 1;
/// How the outcome of a call begins that was not made.
const UNSENT: &str = "not sent: ";
/// Seconds that a stream may be blind or unhealthy before anybody is told: a resize takes as long.
const PATIENCE: i64 = 300;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A resize was sent or has ended, or somebody else made one.
    Resizes,
    /// A stream that needs a person, and the end of that.
    Problems,
    /// What the slow beat found or put right.
    Drift,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct News {
    pub format_version: u32,
    pub topic: Topic,
    /// A stable slug: `resized`, `settled`, `no-effect`, `resize-refused`, `changed-by-others`, `contended`, `contended-over`, `gone`, `drift`, `trouble`, `trouble-over`…
    pub event: String,
    /// Seconds since 1970.
    pub at: i64,
    pub pipeline: Option<String>,
    pub stream: Option<String>,
    /// One short line.
    pub subject: String,
    /// The whole of it, with what to do next.
    pub text: String,
}

impl News {
    fn of(key: &Key, topic: Topic, event: &str, at: i64, what: &str, text: String) -> Self {
        Self {
            format_version: FORMAT,
            topic,
            event: event.into(),
            at,
            pipeline: Some(key.pipeline.clone()),
            stream: Some(key.stream.clone()),
            subject: format!("{key}: {what}"),
            text,
        }
    }
}

/// A decision that others want to hear of.
pub fn of_decision(key: &Key, decision: &Decision) -> Option<News> {
    if decision.lambda.is_some() {
        return of_factor(key, decision);
    }
    if decision.verb.is_switch() {
        return of_switch(key, decision);
    }
    let change = format!("{} → {} shards", decision.from, decision.to);
    let why = format!("{} {key}: {change}, {}: {}", stamp(decision.at), decision.reason, decision.because);
    let news = |event, what: &str, text| News::of(key, Topic::Resizes, event, decision.at, what, text);
    match (decision.verb, decision.outcome.as_deref()) {
        (Verb::Resize, Some("accepted")) => Some(news("resized", &change, why)),
        (Verb::Split, Some("accepted")) => Some(news("split", &format!("{change} by a split"), why)),
        (Verb::Merge, Some("accepted")) => Some(news("merged", &format!("{change} by a merge"), why)),
        // Another replica acts, and tells of what it does.
        (Verb::Resize | Verb::Split | Verb::Merge, Some(outcome)) if outcome.starts_with(UNSENT) => None,
        (Verb::Settled, _) if decision.reason == "settled" => Some(news("settled", &format!("{change} settled"), why)),
        (Verb::Settled, _) => Some(news("no-effect", "a resize had no effect", why)),
        (Verb::Resize | Verb::Split | Verb::Merge, Some(outcome)) if outcome != super::DRY_RUN => {
            let text = format!("{why}\nAWS did not take it: {outcome}. It is decided anew with the next tick.");
            Some(news("resize-refused", &format!("{change} was not taken"), text))
        }
        (Verb::Foreign, _) => {
            let text = format!("{why}\nSomebody else changed the count; it counts among the day's calls.");
            Some(news("changed-by-others", &format!("{change} by somebody else"), text))
        }
        _ => None,
    }
}

/// What a change of a parallelization factor has to say. A function that no factor helps is told by the stream's condition.
fn of_factor(key: &Key, decision: &Decision) -> Option<News> {
    let function = &decision.lambda.as_ref()?.function;
    let change = format!("Lambda function {function}: parallelization factor {} → {}", decision.from, decision.to);
    let why = format!("{} {key}: {change}, {}: {}", stamp(decision.at), decision.reason, decision.because);
    let news = |event, what: &str, text| News::of(key, Topic::Resizes, event, decision.at, what, text);
    match decision.outcome.as_deref()? {
        "accepted" => Some(news("parallelized", &change, why)),
        outcome if outcome.starts_with(UNSENT) || outcome == super::DRY_RUN => None,
        outcome => {
            let text = format!("{why}\nLambda did not take it: {outcome}. It is decided anew later.");
            Some(news("parallelize-refused", &format!("{change} was not taken"), text))
        }
    }
}

/// What a switch of shard metrics has to say.
fn of_switch(key: &Key, decision: &Decision) -> Option<News> {
    let word = if decision.verb == Verb::Watch { "on" } else { "off" };
    let change = format!("shard metrics {word}");
    let why = format!("{} {key}: {change}, {}: {}", stamp(decision.at), decision.reason, decision.because);
    let news = |event: &str, what: &str, text| News::of(key, Topic::Resizes, event, decision.at, what, text);
    match decision.outcome.as_deref()? {
        "accepted" => Some(news(&format!("shard-metrics-{word}"), &change, why)),
        outcome if outcome.starts_with(UNSENT) || outcome == super::DRY_RUN => None,
        outcome => {
            let text = format!("{why}\nAWS did not take it: {outcome}. It is decided anew later.");
            Some(news("shard-metrics-refused", &format!("{change} was not taken"), text))
        }
    }
}

/// What the slow beat has to say, where it is anything.
pub fn of_drift(drift: &DriftStatus) -> Option<News> {
    if drift.found + drift.unchecked == 0 && drift.trouble.is_none() {
        return None;
    }
    let what = drift.what();
    let mut text = format!("{} {}: {what}, between the spec and AWS", stamp(drift.at), drift.pipeline);
    for (count, word) in [(drift.done, "put right"), (drift.failed, "failed"), (drift.left, "left as they are")] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text.push_str(&drift.trouble.as_ref().map(|trouble| format!("\nTrouble: {trouble}")).unwrap_or_default());
    text.push_str("\n`tidegate drift` shows them, `tidegate plan` what would be done.");
    // Who reads the subject alone must not take what was not seen for a difference.
    let subject = match drift.found {
        0 => format!("{}: the look for drift is hindered, {} not checked", drift.pipeline, drift.unchecked),
        _ => format!("{}: drift, {what}", drift.pipeline),
    };
    Some(News {
        format_version: FORMAT,
        topic: Topic::Drift,
        event: "drift".into(),
        at: drift.at,
        pipeline: Some(drift.pipeline.clone()),
        stream: None,
        subject,
        text,
    })
}

/// Remembers which concerns have been told, each with its event.
#[derive(Debug, Default)]
pub struct Watchman {
    told: BTreeMap<(Arc<Key>, ConditionKind), &'static str>,
    troubles: Troubles,
}

/// What makes a condition a concern, for how long it must last, and its words: an event and how it is told.
fn concern(condition: &Condition) -> Option<(Status, i64, &'static str, &'static str)> {
    match condition.kind {
        ConditionKind::Accepted => Some((Status::False, 0, "not-accepted", "is not sized")),
        ConditionKind::Observed if condition.reason == GONE => Some((Status::False, 0, GONE, "is gone")),
        ConditionKind::Observed => Some((Status::False, PATIENCE, "blind", "cannot be observed")),
        ConditionKind::Synced => None,
        ConditionKind::Healthy => Some((Status::False, PATIENCE, "unhealthy", "is unhealthy")),
        ConditionKind::Contended => Some((Status::True, 0, "contended", "is contended")),
        ConditionKind::BudgetExhausted if condition.reason == MONEY => {
            Some((Status::True, 0, "over-budget", "needs more than the month's budget pays for"))
        }
        ConditionKind::BudgetExhausted => Some((Status::True, 0, "calls-used-up", "has no resize left today")),
    }
}

impl Watchman {
    /// What is new since the last look. Pipelines that another replica acts for are that one's to tell of.
    pub fn look(&mut self, fleet: &Fleet) -> Vec<News> {
        let others: BTreeSet<&str> =
            fleet.leases.iter().filter(|lease| !lease.is_mine).map(|lease| lease.pipeline.as_str()).collect();
        let mut news = Vec::new();
        for stream in fleet.streams().iter().filter(|stream| !others.contains(stream.key.pipeline.as_str())) {
            for condition in &stream.conditions {
                let Some((bad, patience, event, words)) = concern(condition) else { continue };
                let one = (Arc::clone(&stream.key), condition.kind);
                let is_bad = condition.status == bad;
                if is_bad && fleet.now - condition.since >= patience && self.told.get(&one) != Some(&event) {
                    self.told.insert(one, event);
                    let text = format!(
                        "{} {} {words} since {}: {}\n{} of {} to {} shards. `tidegate explain {}` shows the newest decisions.",
                        stamp(fleet.now),
                        stream.key,
                        stamp(condition.since),
                        condition.message,
                        stream.shards.map_or_else(|| "unknown".to_owned(), |shards| shards.to_string()),
                        stream.bounds.min,
                        stream.bounds.max,
                        stream.key.stream,
                    );
                    news.push(News::of(&stream.key, Topic::Problems, event, fleet.now, words, text));
                } else if !is_bad
                    && condition.status != Status::Unknown
                    && let Some(event) = self.told.remove(&one)
                {
                    let text = format!("{} {}: {}", stamp(fleet.now), stream.key, condition.message);
                    let over = format!("{event}-over");
                    news.push(News::of(
                        &stream.key,
                        Topic::Problems,
                        &over,
                        fleet.now,
                        &format!("no longer {event}"),
                        text,
                    ));
                }
            }
        }
        news.extend(self.troubles(fleet));
        news
    }

    /// What failed for more than one stream: told when it is new, and when it is over.
    fn troubles(&mut self, fleet: &Fleet) -> Vec<News> {
        let news = |event: &str, subject: &str, text: String| News {
            format_version: FORMAT,
            topic: Topic::Problems,
            event: event.into(),
            at: fleet.now,
            pipeline: None,
            stream: None,
            subject: subject.into(),
            text: format!("{} {text}", stamp(fleet.now)),
        };
        let fresh = fleet.troubles.iter().filter(|trouble| self.troubles.is_news(trouble, fleet.now));
        let fresh = fresh.map(|trouble| news("trouble", "the controller is in trouble", trouble.clone()));
        let mut told: Vec<News> = fresh.collect();
        let over = self.troubles.over(&fleet.troubles, fleet.now).into_iter();
        told.extend(over.map(|trouble| {
            news("trouble-over", "a trouble of the controller is over", format!("it is over: {trouble}"))
        }));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::report::{Lease, Numbers};
    use crate::control::{Rules, Stream};
    use crate::model::Scope;
    use crate::scale::{Bounds, Tidegate};

    fn key() -> Key {
        Key { pipeline: "shop".into(), stream: "clicks".into() }
    }

    fn fleet() -> Fleet {
        let scope =
            Scope { pipeline: "shop".into(), partition: "aws".into(), region: "eu-west-1".into(), account: "1".into() };
        let policy = Box::new(Tidegate::new());
        let stream = Stream::new(key(), "clicks".into(), scope.into(), Bounds { min: 2, max: 8 }, policy);
        Fleet::new(Rules::default(), vec![stream], "0")
    }

    fn set(fleet: &mut Fleet, kind: ConditionKind, status: Status, since: i64, now: i64) {
        let (reason, message) = ("throttling".into(), "1.00 shards of load were rejected in a minute".into());
        fleet.stream(0).0.conditions = vec![Condition { kind, status, reason, message, since }];
        fleet.now = now;
    }

    fn events(news: &[News]) -> Vec<&str> {
        news.iter().map(|news| news.event.as_str()).collect()
    }

    #[test]
    fn a_concern_is_told_once_when_it_lasts_and_once_when_it_is_over() {
        let (mut fleet, mut watchman) = (fleet(), Watchman::default());
        set(&mut fleet, ConditionKind::Healthy, Status::False, 1_000, 1_299);
        assert!(watchman.look(&fleet).is_empty(), "a resize may still mend it");
        set(&mut fleet, ConditionKind::Healthy, Status::False, 1_000, 1_300);
        let told = watchman.look(&fleet);
        assert_eq!(events(&told), ["unhealthy"]);
        assert_eq!(told[0].subject, "shop/clicks: is unhealthy");
        assert!(told[0].text.contains("since 1970-01-01T00:16:40Z") && told[0].text.contains("explain clicks"));
        assert!(watchman.look(&fleet).is_empty());
        set(&mut fleet, ConditionKind::Healthy, Status::Unknown, 1_360, 1_360);
        assert!(watchman.look(&fleet).is_empty(), "not knowing is no end");
        set(&mut fleet, ConditionKind::Healthy, Status::True, 1_420, 1_420);
        assert_eq!(events(&watchman.look(&fleet)), ["unhealthy-over"]);
        set(&mut fleet, ConditionKind::Contended, Status::True, 1_480, 1_480);
        assert_eq!(events(&watchman.look(&fleet)), ["contended"]);
    }

    #[test]
    fn one_replica_alone_tells() {
        let (mut fleet, mut watchman) = (fleet(), Watchman::default());
        set(&mut fleet, ConditionKind::BudgetExhausted, Status::True, 0, 10);
        fleet.leases = vec![Lease { pipeline: "shop".into(), holder: "other".into(), is_mine: false }];
        assert!(watchman.look(&fleet).is_empty());
        fleet.leases[0].is_mine = true;
        assert_eq!(events(&watchman.look(&fleet)), ["calls-used-up"]);
    }

    #[test]
    fn money_and_calls_are_told_apart_and_end_by_the_name_that_they_had() {
        let (mut fleet, mut watchman) = (fleet(), Watchman::default());
        set(&mut fleet, ConditionKind::BudgetExhausted, Status::True, 0, 10);
        fleet.stream(0).0.conditions[0].reason = MONEY.into();
        assert_eq!(events(&watchman.look(&fleet)), ["over-budget"]);
        assert!(watchman.look(&fleet).is_empty());
        set(&mut fleet, ConditionKind::BudgetExhausted, Status::True, 0, 20);
        assert_eq!(events(&watchman.look(&fleet)), ["calls-used-up"]);
        set(&mut fleet, ConditionKind::BudgetExhausted, Status::False, 30, 30);
        assert_eq!(events(&watchman.look(&fleet)), ["calls-used-up-over"]);
    }

    #[test]
    fn troubles_are_told_when_they_are_new_and_when_they_are_over() {
        let (mut fleet, mut watchman) = (fleet(), Watchman::default());
        let mut look = |minute: i64, trouble: Option<&str>| {
            (fleet.now, fleet.troubles) = (minute * 60, trouble.map(str::to_owned).into_iter().collect());
            watchman.look(&fleet)
        };
        assert_eq!(events(&look(0, Some("reading alarms took more than 20 s"))), ["trouble"]);
        assert!(
            (1..300).all(|minute| look(minute, Some(&format!("reading alarms took more than {minute} s"))).is_empty())
        );
        assert!((300..304).all(|minute| look(minute, None).is_empty()));
        let over = look(304, None);
        assert_eq!(events(&over), ["trouble-over"]);
        assert!(over[0].text.contains("it is over: reading alarms took more than"), "{}", over[0].text);
    }

    #[test]
    fn decisions_and_drift_are_told_where_they_matter() {
        let decision = |verb, outcome: Option<&str>| Decision {
            at: 60,
            verb,
            reason: "grow".into(),
            from: 2,
            to: 4,
            desired: 4,
            because: "demand 3.0 of 2 shards".into(),
            outcome: outcome.map(str::to_owned),
            woken_by: "tick".into(),
            lambda: None,
            numbers: Numbers::default(),
        };
        let told = |verb, outcome| of_decision(&key(), &decision(verb, outcome)).map(|news| news.event);
        assert_eq!(told(Verb::Resize, Some("accepted")).as_deref(), Some("resized"));
        assert_eq!(told(Verb::Resize, Some("refused: LimitExceeded")).as_deref(), Some("resize-refused"));
        assert_eq!(told(Verb::Resize, Some("dry-run")), None);
        assert_eq!(told(Verb::Resize, Some("not sent: another replica may have taken over")), None);
        assert_eq!(told(Verb::Settled, None).as_deref(), Some("no-effect"));
        let ended = Decision { reason: "settled".into(), ..decision(Verb::Settled, None) };
        assert_eq!(of_decision(&key(), &ended).map(|news| news.event).as_deref(), Some("settled"));
        assert_eq!(told(Verb::Split, Some("accepted")).as_deref(), Some("split"));
        assert_eq!(told(Verb::Merge, Some("accepted")).as_deref(), Some("merged"));
        assert_eq!(told(Verb::Foreign, None).as_deref(), Some("changed-by-others"));
        assert_eq!(told(Verb::Watch, Some("accepted")).as_deref(), Some("shard-metrics-on"));
        assert_eq!(told(Verb::Unwatch, Some("accepted")).as_deref(), Some("shard-metrics-off"));
        assert_eq!(told(Verb::Watch, Some("refused: AccessDenied")).as_deref(), Some("shard-metrics-refused"));
        assert_eq!(told(Verb::Watch, Some("dry-run")), None);
        assert_eq!(told(Verb::Hold, None), None);
        assert_eq!(of_drift(&DriftStatus::default()), None);
        let drift = DriftStatus { pipeline: "shop".into(), found: 2, done: 1, left: 1, ..DriftStatus::default() };
        let news = of_drift(&drift).expect("news");
        assert!(
            news.text.contains("2 differences, between the spec and AWS, 1 put right, 1 left as they are"),
            "{}",
            news.text
        );
    }

    #[test]
    fn what_was_not_looked_at_is_told_as_that() {
        let trouble = Some("reading the roles: denied".to_owned());
        let blind = DriftStatus { pipeline: "shop".into(), unchecked: 10, trouble, ..DriftStatus::default() };
        let news = of_drift(&blind).expect("news");
        assert_eq!(news.subject, "shop: the look for drift is hindered, 10 not checked");
        assert!(news.text.contains("0 differences in what could be checked, 10 not checked"), "{}", news.text);
        assert!(news.text.contains("\nTrouble: reading the roles: denied"), "{}", news.text);
        let both = of_drift(&DriftStatus { found: 1, ..blind }).expect("news");
        assert_eq!(both.subject, "shop: drift, 1 difference in what could be checked, 10 not checked");
    }
}
