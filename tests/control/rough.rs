//! A rough world around the local cloud: what AWS and networks do to a controller, and judges of all that it sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tidegate::cloud::{AtOnce, Caller, Claim, Claims, Class, Cloud, Fault, Listed, Outputs, Target};
use tidegate::control::{Entry, SWITCHES_A_DAY};
use tidegate::local::Local;
use tidegate::model::{
    Address, Call, Glance, LEDGER, Ledger as Books, Made, Observed, OpenShard, Quotas, Readings, Scope, State,
};
use tidegate::run::Ledger;
use tidegate::scale::Bounds;

/// How often things go wrong, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Odds {
    pub glance_fails: u32,
    pub call_fails: u32,
    pub answer_lost: u32,
    pub stream_blind: u32,
    pub minute_missing: u32,
    pub half_minute: u32,
}

/// A resize that was sent, by true time.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: i64,
    pub stream: String,
    pub accepted: bool,
    /// SplitShard or MergeShards, which do not count among the day's ten.
    pub split: bool,
}

/// What all controllers of one world have sent, and which rules they broke.
#[derive(Default)]
pub struct Judge {
    pub sent: Vec<Sent>,
    /// Switches of shard metrics that were sent and took effect, by true time and stream.
    pub switches: Vec<(i64, String)>,
    pub broken: Vec<String>,
}

pub struct Rough {
    pub local: Arc<Local>,
    pub judge: Arc<Mutex<Judge>>,
    pub bounds: BTreeMap<String, Bounds>,
    pub odds: Odds,
    random: Mutex<fastrand::Rng>,
    /// Seconds by which this controller's clock is wrong.
    pub skew: AtomicI64,
    /// Steps until the process dies; negative: it does not.
    pub fuse: AtomicI64,
    pub dead: AtomicBool,
    /// Whether the caller's credentials have expired: nothing that is asked is told.
    pub expired: AtomicBool,
    /// Questions and calls so far.
    pub asked: AtomicUsize,
    /// Whether others may act at the same time, so that a call may meet a stream that is not ACTIVE.
    pub alone: bool,
    /// Whether nobody else acts, clocks are right and the process lives: then its books are those of the judge.
    pub calm: bool,
    /// Streams whose shards may be split.
    pub may_split: BTreeSet<String>,
    /// Streams whose shard metrics may be switched.
    pub may_switch: BTreeSet<String>,
    /// Streams whose metrics are read in one question.
    pub batch: usize,
    /// Streams and alarms whose questions nobody answers.
    pub silent: BTreeSet<String>,
    /// Alarms that ring.
    pub rings: BTreeSet<String>,
    /// How often the metrics of a stream were asked for.
    pub read: Mutex<BTreeMap<String, usize>>,
    /// Minutes whose records and bytes this controller has been told.
    told: Mutex<BTreeMap<String, BTreeSet<i64>>>,
}

fn gone(class: Class) -> Fault {
    Fault::new(class, "asking a rough world", "Rough", "it went wrong")
}

impl Rough {
    pub fn new(
        local: Arc<Local>,
        judge: Arc<Mutex<Judge>>,
        bounds: BTreeMap<String, Bounds>,
        odds: Odds,
        seed: u64,
    ) -> Self {
        Self {
            local,
            judge,
            bounds,
            odds,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            skew: AtomicI64::new(0),
            fuse: AtomicI64::new(-1),
            dead: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            alone: true,
            calm: false,
            may_split: BTreeSet::new(),
            may_switch: BTreeSet::new(),
            batch: 1000,
            silent: BTreeSet::new(),
            rings: BTreeSet::new(),
            read: Mutex::default(),
            told: Mutex::default(),
        }
    }

    fn happens(&self, thousandths: u32) -> bool {
        self.random.lock().unwrap().u32(0..1000) < thousandths
    }

    fn signed(&self) -> Result<(), Fault> {
        let expired = || Fault::new(Class::Caller, "asking", "ExpiredTokenException", "the token is expired");
        if self.expired.load(Ordering::SeqCst) { Err(expired()) } else { Ok(()) }
    }

    /// The process may die between any two steps.
    pub async fn step(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fuse.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.store(true, Ordering::SeqCst);
        }
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// Nobody answers a question in which one of the silent stands.
    async fn hear(&self, names: &[String]) {
        if names.iter().any(|name| self.silent.contains(name)) {
            std::future::pending::<()>().await;
        }
    }

    fn see(&self, target: &Target) -> Option<Glance> {
        self.local.glance(target, false).now_or_never().unwrap().ok()
    }

    /// Judges a resize that is sent now.
    fn judge(&self, target: &Target, to: u32) -> Vec<String> {
        let Some(before) = self.see(target) else { return Vec::new() };
        let (name, from) = (target.physical.clone(), before.open_shards);
        let bounds = self.bounds[&name];
        let mut broken = Vec::new();
        let mut must = |holds: bool, rule: String| {
            if !holds {
                broken.push(format!("{name} {from} to {to} at {}: {rule}", self.local.now()));
            }
        };
        must(!self.alone || before.state == State::Ready, format!("sent while {:?}", before.state));
        if before.state == State::Ready {
            must(to <= 2 * from && to >= from.div_ceil(2), "more than double or less than half".into());
            let outside = from < bounds.min || from > bounds.max;
            must((bounds.min..=bounds.max).contains(&to) || outside, format!("outside of {bounds:?}"));
            let minute = self.now().div_euclid(60);
            let told = self.told.lock().unwrap();
            let known = (5..=7).all(|back| told.get(&name).is_some_and(|told| told.contains(&(minute - back))));
            must(to >= from || outside || known, "shrunk although minutes are missing".into());
        }
        must(to != from, "to what it is".into());
        broken
    }

    /// Whether a shard was full in the last minutes while the stream had room, and records were rejected. Not in one minute: where shard
    /// metrics have just been turned on, no shard tells of the minutes that were the reason.
    fn is_hot(&self, name: &str) -> bool {
        let lately = self.local.now() / 60 - 15;
        let minutes: Vec<_> = self.local.truth(name).into_iter().filter(|minute| minute.minute > lately).collect();
        let is_full = minutes.iter().any(|minute| {
            let open = minute.shards.len() as f64;
            let full = minute.shards.iter().any(|shard| shard.written.records >= 47_000.0);
            full && minute.written.records < 48_000.0 * open
        });
        is_full && minutes.iter().any(|minute| minute.rejected > 0.0)
    }

    /// Judges a split or a merge that is sent now.
    fn judge_single(&self, target: &Target, merges: bool) -> Vec<String> {
        let Some(before) = self.see(target) else { return Vec::new() };
        let (name, from, now) = (&target.physical, before.open_shards, self.local.now());
        let bounds = self.bounds[name];
        let mut broken = Vec::new();
        let mut must = |holds: bool, rule: &str| {
            if !holds {
                let what = if merges { "merge" } else { "split" };
                broken.push(format!("{what} of {name} with {from} shards at {now}: {rule}"));
            }
        };
        must(self.may_split.contains(name), "the spec does not allow it");
        must(!self.alone || before.state == State::Ready, "sent while it is not ACTIVE");
        let has_room = if merges { from > bounds.min } else { from < bounds.max };
        must(before.state != State::Ready || has_room, "beyond the bounds");
        if self.calm {
            let day = now - 86_460;
            let judge = self.judge.lock().unwrap();
            let calls = judge.sent.iter().filter(|sent| !sent.split && sent.stream == *name && sent.at > day);
            let sent: Vec<i64> = calls.map(|sent| sent.at / 60).collect();
            // What was announced on the stream and then not sent counts as well: one too many, never one too few.
            let tags = self.local.glance(target, true).now_or_never().unwrap().ok().and_then(|glance| glance.tags);
            let tag = tags.and_then(|tags| tags.get(LEDGER).cloned()).unwrap_or_default();
            let besides = unsent(Books::read(&tag, now).reshards, sent.clone());
            must(sent.len() + besides >= 10 || self.is_hot(name), "calls of the day were left, and no shard is hot");
            let mut lately = self.local.truth(name).into_iter().filter(|minute| minute.minute > now / 60 - 15);
            must(merges || lately.any(|minute| minute.rejected > 0.0), "nothing was rejected");
        }
        broken
    }

    /// Judges a switch of shard metrics that is sent now.
    fn judge_switch(&self, target: &Target, call: &Call) -> Vec<String> {
        let Some(before) = self.see(target) else { return Vec::new() };
        let (name, now, is_on) = (&target.physical, self.local.now(), call.verb() == "EnableEnhancedMonitoring");
        let mut broken = Vec::new();
        let mut must = |holds: bool, rule: &str| {
            if !holds {
                broken.push(format!("{} of {name} at {now}: {rule}", call.verb()));
            }
        };
        must(self.may_switch.contains(name), "the spec does not leave it to the controller");
        must(!self.alone || before.state == State::Ready, "sent while it is not ACTIVE");
        must(!self.alone || before.shard_metrics.is_empty() == is_on, "it is so already");
        if self.calm {
            let judge = self.judge.lock().unwrap();
            let today = judge.switches.iter().filter(|(at, stream)| stream == name && *at > now - 86_400).count();
            must(today < SWITCHES_A_DAY, "more than are allowed in a day");
            let mut lately = self.local.truth(name).into_iter().filter(|minute| minute.minute > now / 60 - 20);
            must(!is_on || lately.any(|minute| minute.rejected > 0.0), "nothing was rejected");
        }
        broken
    }
}

impl Cloud for Rough {
    fn caller(&self) -> BoxFuture<'_, Result<Caller, Fault>> {
        self.local.caller()
    }

    fn observe<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Observed> {
        self.local.observe(target)
    }

    fn state<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        self.local.state(target)
    }

    fn owned<'a>(&'a self, scope: &'a Scope, wanted: &'a BTreeMap<Address, String>) -> BoxFuture<'a, Claims> {
        self.local.owned(scope, wanted)
    }

    fn readers<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        self.local.readers(target)
    }

    fn quotas<'a>(&'a self, kinds: &'a BTreeSet<&'a str>) -> BoxFuture<'a, Result<Quotas, Fault>> {
        self.local.quotas(kinds)
    }

    fn made<'a>(&'a self, operations: &'a BTreeSet<&'a str>, since: i64) -> BoxFuture<'a, Result<Vec<Made>, Fault>> {
        self.local.made(operations, since)
    }

    fn perform<'a>(&'a self, target: &'a Target, call: &'a Call) -> BoxFuture<'a, Result<Outputs, Fault>> {
        async move {
            self.step().await;
            let resize = (call.verb() == "UpdateShardCount").then(|| call.int("shards").unwrap() as u32);
            let merges = call.verb() == "MergeShards";
            let split = merges || call.verb() == "SplitShard";
            let judged = match resize {
                Some(to) => Some(self.judge(target, to)),
                None => split.then(|| self.judge_single(target, merges)),
            };
            if self.happens(self.odds.call_fails) {
                let class = if self.happens(500) { Class::Throttled } else { Class::Unreachable };
                if judged.is_some() {
                    let (at, stream) = (self.local.now(), target.physical.clone());
                    self.judge.lock().unwrap().sent.push(Sent { at, stream, accepted: false, split });
                }
                return Err(gone(class));
            }
            let switch = call.verb().ends_with("EnhancedMonitoring").then(|| self.judge_switch(target, call));
            let answer = self.local.perform(target, call).await;
            if let Some(broken) = switch {
                let mut judge = self.judge.lock().unwrap();
                judge.broken.extend(broken);
                judge.switches.extend(answer.is_ok().then(|| (self.local.now(), target.physical.clone())));
            }
            if let Some(broken) = judged {
                let mut judge = self.judge.lock().unwrap();
                let (at, stream, accepted) = (self.local.now(), target.physical.clone(), answer.is_ok());
                judge.sent.push(Sent { at, stream, accepted, split });
                judge.broken.extend(broken);
            }
            self.step().await;
            if self.happens(self.odds.answer_lost) {
                return Err(gone(Class::Unreachable));
            }
            answer
        }
        .boxed()
    }

    fn glance<'a>(&'a self, target: &'a Target, tags: bool) -> BoxFuture<'a, Result<Glance, Fault>> {
        async move {
            self.step().await;
            self.signed()?;
            if self.happens(self.odds.glance_fails) {
                return Err(gone(Class::Throttled));
            }
            self.local.glance(target, tags).await
        }
        .boxed()
    }

    fn open_shards<'a>(&'a self, target: &'a Target, loads: bool) -> BoxFuture<'a, Result<Vec<OpenShard>, Fault>> {
        async move {
            self.step().await;
            if self.happens(self.odds.glance_fails) {
                return Err(gone(Class::Throttled));
            }
            self.local.open_shards(target, loads).await
        }
        .boxed()
    }

    fn stream_tags<'a>(&'a self, _: &'a Scope, _: Option<String>) -> BoxFuture<'a, Result<Listed, Fault>> {
        async move {
            if self.dead.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            self.signed().map(|()| Listed::default())
        }
        .boxed()
    }

    fn at_once(&self, _: i64) -> AtOnce {
        AtOnce { streams: self.batch, consumers: self.batch, alarms: self.batch }
    }

    fn readings<'a>(&'a self, streams: &'a [String], from: i64, to: i64) -> BoxFuture<'a, Readings> {
        async move {
            self.step().await;
            self.hear(streams).await;
            streams.iter().for_each(|stream| *self.read.lock().unwrap().entry(stream.clone()).or_default() += 1);
            if let Err(fault) = self.signed() {
                let blind = streams.iter().map(|stream| (stream.clone(), fault.to_string())).collect();
                return Readings { blind, ..Readings::default() };
            }
            let mut all = self.local.readings(streams, from, to).await;
            for stream in streams {
                if self.happens(self.odds.stream_blind) {
                    all.found.remove(stream);
                    all.blind.insert(stream.clone(), "half a batch".into());
                }
            }
            let mut told = self.told.lock().unwrap();
            // A clock that went back a day, and a ledger that lost what came since, bring a controller back to what it was told then.
            let horizon = self.local.now().div_euclid(60) - 3000;
            for (stream, minutes) in &mut all.found {
                let told = told.entry(stream.clone()).or_default();
                // A minute that is missing stays missing: it depends on the minute alone.
                let missing = |minute: i64| {
                    (minute.wrapping_mul(2_654_435_761) >> 7).rem_euclid(1000) < self.odds.minute_missing.into()
                };
                minutes.retain(|(minute, _)| !missing(minute.div_euclid(9)));
                for (minute, metrics) in minutes {
                    if self.happens(self.odds.half_minute) {
                        metrics.bytes = None;
                    }
                    if metrics.bytes.is_some() && metrics.records.is_some() {
                        told.insert(*minute);
                    }
                }
                while told.first().is_some_and(|minute| *minute <= horizon) {
                    told.pop_first();
                }
            }
            all
        }
        .boxed()
    }

    fn ringing<'a>(&'a self, alarms: &'a [String]) -> BoxFuture<'a, Result<BTreeSet<String>, Fault>> {
        async move {
            self.hear(alarms).await;
            let mut ringing = self.local.ringing(alarms).await?;
            ringing.extend(alarms.iter().filter(|alarm| self.rings.contains(*alarm)).cloned());
            Ok(ringing)
        }
        .boxed()
    }

    fn now(&self) -> i64 {
        self.local.now() + self.skew.load(Ordering::SeqCst)
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.local.pause(time)
    }
}

/// A ledger that outlives the process; what was not yet durable may die with it.
#[derive(Clone, Default)]
pub struct Kept {
    pub entries: Arc<Mutex<(Vec<Entry>, usize)>>,
    pub world: Option<Arc<Rough>>,
}

impl Kept {
    fn keep(&self, entries: &[Entry], durable: bool) {
        let mut kept = self.entries.lock().unwrap();
        kept.0.extend_from_slice(entries);
        if durable {
            kept.1 = kept.0.len();
        }
    }

    /// The machine crashed: only what was durable is left.
    pub fn crash(&self) {
        let mut kept = self.entries.lock().unwrap();
        let durable = kept.1;
        kept.0.truncate(durable);
    }
}

impl Ledger for Kept {
    fn recall<'a>(&'a mut self, take: &'a mut (dyn FnMut(Entry) + Send)) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            self.entries.lock().unwrap().0.iter().cloned().for_each(take);
            Ok(())
        }
        .boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, entries: &'a [Entry], durable: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            if let Some(world) = &self.world {
                world.step().await;
            }
            self.keep(entries, durable);
            if let Some(world) = &self.world {
                world.step().await;
            }
            Ok(())
        }
        .boxed()
    }
}

/// How many announcements were not followed by a call. A call is sent in the minute of its announcement or the next one, and
/// belongs to one announcement: two may lie a minute apart, of which the first was answered by an error although it was taken.
fn unsent(mut announced: Vec<i64>, mut sent: Vec<i64>) -> usize {
    for late in 0..=1 {
        announced.retain(|at| match sent.iter().position(|sent| sent - at == late) {
            Some(call) => {
                sent.remove(call);
                false
            }
            None => true,
        });
    }
    announced.len()
}
