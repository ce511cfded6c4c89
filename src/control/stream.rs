use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::report::{Condition, Decision, Numbers, Pause, Pin, Verb};
use super::series::Day;
use super::{Delivery, Foreign, Function, FunctionSeen, Key, Loads, Record};
use crate::model::{Glance, Metrics, OpenShard, Scope};
use crate::scale::{
    Alarm, Bounds, Budget, Floor, Inputs, Money, Policy, Proposal, Quota, Resize, Sample, View, Window, calls_used,
    month,
};

/// Minutes of samples in memory: the policy has taken in what is older. The guard looks back an hour.
pub(super) const WINDOW: usize = 72;
/// The policy is shown old minutes in pieces that are no longer than this.
const PIECE: i64 = 60;

/// Seconds for which changes of the count are told before holds.
const DAY: i64 = 86_400;
/// Holds and the like that are kept however many changes there were.
const LEAST: usize = 4;
/// Seconds in which a hold that comes back is not told again.
const TOLD: i64 = 3600;

/// Reasons to hold that a person is behind: both ends are told, whatever was told within the hour.
const BY_HAND: [&str; 3] = ["paused", "pin", "contended"];
/// Others that no load is behind. The end of each is told: who reads the newest line of a stream must not believe that it still is so.
const APART_FROM_LOAD: [&str; 9] =
    ["unreadable", "gone", "not-ours", "on-demand", "clock", "back-off", "not-active", "ledger", "stale-metrics"];

/// The outcome of a decision that is only told.
pub const DRY_RUN: &str = "dry-run";

/// What holds for all streams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Calls of UpdateShardCount that AWS allows in a rolling 24 hours.
    pub calls_a_day: u32,
    pub dry_run: bool,
    pub tick_seconds: u32,
    /// A stream is looked at at least this often, in seconds; the more streams, the less often.
    pub look_seconds: i64,
    /// The same for its tags.
    pub tag_seconds: i64,
    /// Minutes of the past that are asked for where nothing is known.
    pub learn_minutes: i64,
    /// Streams of one account and region that may reshard at the same time.
    pub at_once: usize,
    /// Decisions of each stream in memory, for the report; the ledger has them all.
    pub decisions: usize,
    /// Of these the resizes, splits and changes by others of a day, which holds do not push out.
    pub changes: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            calls_a_day: 10,
            dry_run: false,
            tick_seconds: 60,
            look_seconds: 60,
            tag_seconds: 60,
            learn_minutes: 14 * 1440,
            at_once: 20,
            decisions: 20,
            changes: 40,
        }
    }
}

/// When, and under which rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub rules: &'a Rules,
    /// Seconds since 1970.
    pub now: i64,
}

impl Moment<'_> {
    /// Minutes since 1970.
    pub fn minute(&self) -> i64 {
        self.now.div_euclid(60)
    }
}

/// What one tick learned of a stream. `None`: it was not asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    pub glance: Option<Result<&'a Glance, &'a str>>,
    /// That look failed since AWS knows no such stream.
    pub gone: bool,
    /// Its newest minutes, from [`Stream::reads_from`] on.
    pub metrics: Option<Result<&'a [(i64, Metrics)], &'a str>>,
    /// A piece of what lies before them, from [`Stream::unread_from`] on or earlier.
    pub past: Option<super::Past<'a>>,
    /// Alarms of this stream in state ALARM; `None`: not known.
    pub alarms: Option<&'a [Alarm]>,
    /// The one of them that the wake-up queue told of.
    pub heard: Option<&'a str>,
    /// Its fan-out consumers, where they were read.
    pub consumers: Option<&'a [Delivery]>,
    /// Its Lambda functions, in the order of the spec.
    pub functions: Option<&'a [FunctionSeen]>,
    /// Its open shards with what each took, where that is worth a question ([`Stream::asks_shards`]) and known.
    pub shards: Option<Result<&'a [OpenShard], &'a str>>,
    /// Open shards of the account, where they were asked for lately.
    pub quota: Option<Quota>,
    /// When the looks had ended, in seconds since 1970: waits after a failure count from there. `None`: at the tick's own moment.
    pub ended: Option<i64>,
}

/// What a tick made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// To be written down.
    pub records: Vec<Record>,
    pub decision: Decision,
    /// It differs from the decision before: worth a line in the log.
    pub is_news: bool,
}

/// One stream under control: all that is known of it.
pub struct Stream {
    pub key: Arc<Key>,
    pub physical: String,
    pub scope: Arc<Scope>,
    pub bounds: Bounds,
    /// What a rejected record is worth, in units of the capacity that would have carried it.
    pub price: f64,
    /// What the user wants besides: schedules, times without shrinking; alarms as they ring.
    pub inputs: Inputs,
    pub money: Option<Money>,
    /// Whether single shards may be split and merged.
    pub splits: bool,
    /// Who turns on the metrics by which shards say how full they are.
    pub loads: Loads,
    pub(super) switch: super::watch::Switch,
    /// Lambda functions that read it, whose parallelization factor may be changed.
    pub functions: Vec<Function>,
    pub(super) policy: Box<dyn Policy + Send>,
    pub(super) window: Window,
    /// The newest minutes, while minutes before them are still to be read.
    pub(super) apart: Option<Box<Window>>,
    /// All minutes before this one were asked for when their datapoints had come, and the answers taken in; minutes since 1970.
    pub(super) asked_to: Option<i64>,
    /// The first minute that the policy has not been asked about.
    pub(super) unprimed: Option<i64>,
    /// Oldest first; those of other programs among them.
    pub(super) resizes: Vec<Resize>,
    /// The newest call that AWS answered with success, by its minute since 1970.
    pub(super) accepted: Option<i64>,
    pub(super) foreign: Vec<Foreign>,
    /// Minutes of the calls that only the stream's tags told of.
    pub(super) told: Vec<i64>,
    pub(super) decisions: VecDeque<Decision>,
    pub(super) last: Option<Decision>,
    /// The share of records that is rejected however many shards there are.
    pub(super) skewed: Option<f64>,
    pub(super) conditions: Vec<Condition>,
    pub(super) day: Day,
    /// Open shards at the newest look.
    pub(super) shards: Option<u32>,
    pub(super) state: Option<String>,
    pub(super) seen_at: Option<i64>,
    pub(super) tags_at: Option<i64>,
    pub(super) on_demand: bool,
    /// A fingerprint of the tags that the newest listing told.
    pub(super) listed: Option<u64>,
    /// Whether it carries our tags; `None` until they were read.
    pub(super) ours: Option<bool>,
    pub(super) pin: Option<Pin>,
    pub(super) pause: Option<Pause>,
    /// The minute in which a person's pin or pause was seen to have changed last.
    pub(super) word_at: i64,
    pub(super) reads_refused: Option<f64>,
    /// Why the newest look or reading failed.
    pub(super) blind: Option<String>,
    /// Whether the newest reading of metrics was answered, and nothing before it is still to be read.
    pub(super) is_answered: bool,
    pub(super) failures: u32,
    /// Looks in a row that found that there is no such stream.
    pub(super) missed: u32,
    /// No look before this moment, and no call.
    pub(super) look_after: i64,
    pub(super) quiet_until: i64,
    pub(super) refusals: u32,
    pub(super) desired: Option<u32>,
    /// The demand that the policy saw when it was asked last.
    pub(super) estimate: Option<f64>,
    /// Splits in a row that parted nothing, by the shards that they led to.
    pub(super) unparted: BTreeMap<String, u8>,
    /// Shards that were split lately, and when they were.
    pub(super) parted: BTreeMap<String, i64>,
    pub(super) single: Option<Box<super::hot::Single>>,
    /// What the newest decision found that the month's money does not pay for.
    pub(super) unpaid: Option<String>,
}

impl Stream {
    pub fn new(key: Key, physical: String, scope: Arc<Scope>, bounds: Bounds, policy: Box<dyn Policy + Send>) -> Self {
        Self {
            key: Arc::new(key),
            physical,
            scope,
            bounds,
            price: 100.0,
            inputs: Inputs::default(),
            money: None,
            splits: false,
            loads: Loads::default(),
            switch: super::watch::Switch::default(),
            functions: Vec::new(),
            unparted: BTreeMap::new(),
            parted: BTreeMap::new(),
            single: None,
            policy,
            window: Window::new(WINDOW),
            apart: None,
            asked_to: None,
            unprimed: None,
            resizes: Vec::new(),
            accepted: None,
            foreign: Vec::new(),
            told: Vec::new(),
            decisions: VecDeque::new(),
            last: None,
            skewed: None,
            conditions: Vec::new(),
            day: Day::default(),
            shards: None,
            state: None,
            seen_at: None,
            tags_at: None,
            on_demand: false,
            listed: None,
            ours: None,
            pin: None,
            pause: None,
            word_at: i64::MIN,
            reads_refused: None,
            blind: None,
            is_answered: false,
            failures: 0,
            missed: 0,
            look_after: i64::MIN,
            quiet_until: i64::MIN,
            refusals: 0,
            desired: None,
            estimate: None,
            unpaid: None,
        }
    }

    /// Whether a reshard is under way, ours or not.
    pub fn is_resharding(&self) -> bool {
        self.pending().is_some() || self.state.as_deref() == Some("UPDATING")
    }

    /// A pin that says how many shards there are to be.
    pub(super) fn exact(&self) -> Option<Pin> {
        self.pin.filter(|pin| !pin.at_least)
    }

    /// A pin that is a floor goes beside the schedules.
    pub(super) fn floor(&mut self) {
        self.inputs.floors.retain(|floor| !matches!(floor, Floor::Pin { .. }));
        let floor = self.pin.filter(|pin| pin.at_least);
        self.inputs.floors.extend(floor.map(|pin| Floor::Pin { min: pin.shards, until: pin.until.div_euclid(60) }));
    }

    /// The bounds as the pin narrows them.
    pub(super) fn narrowed(&self) -> Bounds {
        let Bounds { min, max } = self.bounds;
        self.exact().map_or(self.bounds, |pin| {
            let shards = pin.shards.clamp(min, max);
            Bounds { min: shards, max: shards }
        })
    }

    /// Whether a look is due: nothing is decided on an old one. A look with tags is due less often.
    pub fn wants_look(&self, rules: &Rules, now: i64) -> Option<bool> {
        // Where the clock went back, the last look lies in the future: that is old, too.
        let old = |at: Option<i64>, seconds: i64| at.is_none_or(|at| now >= at + seconds || now < at);
        let moving = self.pending().is_some() || self.state.as_deref().is_some_and(|state| state != "ACTIVE");
        // Half a tick of grace, since ticks do not come on the second.
        let grace = i64::from(rules.tick_seconds) / 2;
        let due = moving || old(self.seen_at, rules.look_seconds - grace);
        let waits = self.look_after > now && self.look_after < now + 3600;
        (due && !waits).then(|| old(self.tags_at, rules.tag_seconds - grace))
    }

    /// The call that nobody has seen end.
    pub(super) fn pending(&self) -> Option<usize> {
        self.resizes.iter().rposition(|resize| resize.done.is_none())
    }

    /// Takes in what was written down before.
    pub fn recall(&mut self, record: &Record, rules: &Rules) {
        match record {
            Record::Sample { minute, accepted, rejected, age } => {
                self.put(
                    *minute,
                    Sample { accepted: *accepted, rejected: *rejected, age: *age, ..Sample::default() },
                    rules,
                );
            }
            Record::Decided { decision } => {
                self.recall_factor(decision);
                self.recall_switch(decision);
                self.recall_answer(decision);
                self.remember((**decision).clone(), rules);
            }
            other => {
                if let Record::Splitting { called, shard, unparted, .. } = other {
                    self.parts(shard, *called, *unparted);
                }
                let mut memory = super::Memory { resizes: std::mem::take(&mut self.resizes), ..Default::default() };
                memory.foreign = std::mem::take(&mut self.foreign);
                memory.take(other);
                (self.resizes, self.foreign) = (memory.resizes, memory.foreign);
                if let Some(last) = self.resizes.last() {
                    self.day.had(last.called, last.from);
                }
                if let [.., before, last] = self.resizes[..]
                    && before.to == last.from
                {
                    self.day.kept(before.done.unwrap_or(last.called), last.called, last.from);
                }
            }
        }
    }

    /// What must not be forgotten of it.
    pub(super) fn memory(&self) -> super::Memory {
        let window = &self.window;
        let minutes = window.oldest().into_iter().flat_map(|oldest| oldest..=window.newest().unwrap_or(oldest));
        let known =
            minutes.map(|minute| (minute, window.at(minute))).filter(|(_, sample)| *sample != Sample::default());
        super::Memory {
            samples: known.collect(),
            resizes: self.resizes.clone(),
            foreign: self.foreign.clone(),
            decisions: self.decisions.clone(),
        }
    }

    /// Forgets what was done and decided, not what was measured.
    pub(super) fn forget(&mut self) {
        self.resizes.clear();
        self.accepted = None;
        self.foreign.clear();
        self.told.clear();
        self.decisions.clear();
        self.forget_functions();
        self.switch.forget();
        (self.last, self.refusals, self.quiet_until) = (None, 0, i64::MIN);
    }

    pub(super) fn remember(&mut self, decision: Decision, rules: &Rules) {
        let day = decision.at - DAY;
        self.decisions.push_back(decision);
        let is_change = |of: &Decision| !matches!(of.verb, Verb::Hold | Verb::Settled) && of.at > day;
        let changes = self.decisions.iter().filter(|decision| is_change(decision)).count();
        let others = self.decisions.len() - changes;
        let (mut spare_changes, mut spare) = (
            changes.saturating_sub(rules.changes),
            others.saturating_sub(rules.decisions.saturating_sub(changes).max(LEAST)),
        );
        self.decisions.retain(|decision| {
            let left = if is_change(decision) { &mut spare_changes } else { &mut spare };
            let goes = *left > 0;
            *left -= usize::from(goes);
            !goes
        });
    }

    /// Takes a minute in; the policy is shown old minutes before they leave the window.
    pub(super) fn put(&mut self, minute: i64, sample: Sample, rules: &Rules) {
        // Before the window moves on, also where minutes are missing.
        if self.unprimed.is_some_and(|first| minute >= first + PIECE) {
            let shards = self.shards.or(self.resizes.last().map(|resize| resize.to)).unwrap_or(self.bounds.min);
            self.propose(rules, minute, shards);
        }
        self.window.put(minute, sample);
        self.day.saw(minute, &sample);
        self.unprimed.get_or_insert(minute);
    }

    /// Asks the policy, which learns from being asked.
    pub(super) fn propose(&mut self, rules: &Rules, minute: i64, shards: u32) -> Proposal {
        self.unprimed = None;
        self.allot(minute);
        let (bounds, calls_a_day, price) = (self.bounds, rules.calls_a_day, self.price);
        let (window, resizes, inputs) = (&self.window, &self.resizes[..], &self.inputs);
        let view = View { now: minute, shards, window, resizes, calls_a_day, bounds, price, inputs };
        let proposal = self.policy.propose(&view);
        self.estimate = proposal.evidence.demand.filter(|demand| demand.is_finite());
        if let Some((demand, at)) = self.estimate.zip(self.newest_known()) {
            self.day.wanted(at, demand);
        }
        proposal
    }

    /// What the policy and the guard are shown.
    pub(super) fn view(&self, bounds: Bounds, rules: &Rules, minute: i64, shards: u32) -> View<'_> {
        let (window, resizes, inputs) = (self.newest(), &self.resizes[..], &self.inputs);
        View { now: minute, shards, window, resizes, calls_a_day: rules.calls_a_day, bounds, price: self.price, inputs }
    }

    /// What is left of the month's money, for whoever is asked next.
    pub(super) fn allot(&mut self, minute: i64) {
        self.inputs.budget = self.money.and_then(|money| self.budget(money, minute));
    }

    /// What this month's shards have cost so far, from the counts that are known; before the oldest known change the
    /// stream is taken to have had the count that it changed from.
    fn budget(&self, money: Money, minute: i64) -> Option<Budget> {
        let (first, next) = month(minute)?;
        let (mut end, mut count, mut shard_minutes) = (minute, self.shards?, 0);
        for resize in self.resizes.iter().rev().filter(|resize| resize.from != resize.to) {
            let done = resize.done.unwrap_or(minute).clamp(first, end);
            shard_minutes += (end - done) * i64::from(count);
            (end, count) = (done, resize.from);
        }
        shard_minutes += (end - first).max(0) * i64::from(count);
        Some(money.after(shard_minutes as f64, next - minute))
    }

    /// Calls that count against AWS's limit in this minute.
    pub(super) fn calls_used(&self, minute: i64) -> u32 {
        calls_used(&self.resizes, minute)
    }

    /// The figures behind a decision.
    pub(super) fn numbers(&self, rules: &Rules, minute: i64) -> Numbers {
        let known = self.newest_known();
        let sample = known.map(|at| self.newest().at(at)).unwrap_or_default();
        Numbers {
            metrics_at: known.map(|at| at * 60),
            demand: sample.accepted.map(|accepted| accepted + sample.rejected.unwrap_or(0.0)),
            estimate: self.estimate,
            rejected: sample.rejected,
            age_seconds: sample.age.map(|age| age * 60.0),
            calls_left: rules.calls_a_day.saturating_sub(self.calls_used(minute)),
        }
    }

    pub(super) fn newest_known(&self) -> Option<i64> {
        let window = self.newest();
        let (oldest, newest) = (window.oldest()?, window.newest()?);
        (oldest..=newest).rev().find(|minute| window.at(*minute).accepted.is_some())
    }

    /// Whether the same hold was told within the hour, and nothing but holds since: a load at the edge of a bound would else be
    /// told each minute.
    fn was_told(&self, decision: &Decision) -> bool {
        let lately = decision.at - TOLD..=decision.at;
        let of_shards = self.decisions.iter().rev().filter(|told| told.is_of_count());
        let (now, before) = (decision.reason.as_str(), of_shards.clone().next().map(|told| told.reason.as_str()));
        let by_hand = |reason: &str| BY_HAND.contains(&reason);
        let ends = |reason: &str| by_hand(reason) || APART_FROM_LOAD.contains(&reason);
        if before != Some(now) && (by_hand(now) || before.is_some_and(ends)) {
            return false;
        }
        let holds = of_shards.take_while(|told| told.verb == Verb::Hold && lately.contains(&told.at));
        decision.verb == Verb::Hold && holds.into_iter().any(|told| told.reason == decision.reason)
    }

    /// Ends a decision with what came of it. Answers the record if it is news.
    pub fn conclude(&mut self, decision: &Decision, rules: &Rules) -> Option<Record> {
        // What is only told in a dry run would else be told every minute.
        let idle = decision.verb == Verb::Hold || decision.outcome.as_deref() == Some(DRY_RUN);
        let same = |before: &Decision| {
            let to = |of: &Decision| if of.verb == Verb::Hold { 0 } else { of.to };
            (before.verb, &before.reason, to(before)) == (decision.verb, &decision.reason, to(decision))
        };
        let news = !idle || !(self.last.as_ref().is_some_and(same) || self.was_told(decision));
        self.last = Some(decision.clone());
        if !news {
            return None;
        }
        self.remember(decision.clone(), rules);
        Some(Record::Decided { decision: Box::new(decision.clone()) })
    }
}
