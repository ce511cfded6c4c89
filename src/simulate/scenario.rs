//! Days that the reference plant does not know: uneven keys, readers that stand still, late metrics; and batches by the clock. They
//! run on the plant of single shards that the local cloud has, so that a hot shard is one.

use super::function::{Function, LAMBDA_PACE};
use super::plant::{Actuator, Answer, Stream};
use super::registry::{ENTRIES, Entry, Kind};
use super::synthetic;
use super::uneven::{HOT, RETENTION, settings};
use crate::local::Keys;
use crate::local::Profile;
use crate::local::plant::{self, Minute, Offer, Plant};
use crate::local::shards::ShardMap;
use crate::local::traffic::Amount;
use crate::model::{BYTES_PER_SHARD_MINUTE, PARALLELIZATION, RECORDS_PER_SHARD_MINUTE};
use crate::scale::baseline::Row;
use crate::scale::baseline::awslabs::{Awslabs, Step};
use crate::scale::hot::{Action, Operation, Range, Ward, unparted};
use crate::scale::lambda::Factors;
use crate::scale::{Bounds, Care, Inputs, Notice, Policy, Reads, Sample, View, Window};

/// The price of a throttled record in all of them.
pub const PRICE: f64 = 100.0;
/// Shards that the level of the traffic fills.
const LEVEL: f64 = 8.0;
/// 2025-11-24, a Monday, in minutes since 1970.
const START: i64 = 29_398_000 - 29_398_000 % 1440;
const SEED: u64 = 1;
/// What the spec of such a stream would allow.
const BOUNDS: Bounds = Bounds { min: 1, max: 128 };
/// Bytes of a record, with which records and bytes fill a shard alike.
const BYTES: f64 = 1024.0;
/// Readers that are at most so far behind are where they should be, in minutes.
const CURRENT: f64 = 1.0;
/// Records that a plant rejects below this count are rounding.
const NOTHING: f64 = 1e-6;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub what: &'static str,
    /// The first ones teach the policies.
    pub days: usize,
    traffic: synthetic::Kind,
    keys: fn() -> Keys,
    /// Minutes, from and to, in which the readers stand still.
    outage: Option<(usize, usize)>,
    /// The share of the records that PutRecord sends; the rest goes by PutRecords.
    pub single: f64,
    /// Minutes until the metrics of a minute arrive.
    delay: usize,
    /// Whether it is worth asking what single splits would do.
    skewed: bool,
    /// A Lambda function reads: records of one shard that it gets done in a second for each step of its parallelization factor.
    lambda: Option<f64>,
}

/// What the spec allows in a run besides resizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    Nothing,
    /// Hot shards are split one by one: `splitMerge: allow`.
    Splits,
    /// The parallelization factor of the Lambda function that reads may be changed within [`FACTORS`].
    Factor,
}

/// The range of the parallelization factor where it may be changed: all that AWS takes.
pub const FACTORS: Factors = Factors { min: *PARALLELIZATION.start(), max: *PARALLELIZATION.end() };

/// Plain days, from which each scenario differs in one thing.
const PLAIN: Scenario = Scenario {
    name: "plain",
    what: "even keys, metrics after 2 min, one reader",
    days: 2,
    traffic: synthetic::Kind::Diurnal,
    keys: Keys::uniform,
    outage: None,
    single: 0.0,
    delay: 2,
    skewed: false,
    lambda: None,
};

const fn late(name: &'static str, what: &'static str, delay: usize) -> Scenario {
    Scenario { name, what, delay, traffic: synthetic::Kind::FlashCrowd, ..PLAIN }
}

/// All of them, in the order of the page.
pub const SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario {
        name: "zipf",
        what: "60 keys whose loads fall with the root of their rank",
        keys: || Keys::zipf(60, 0.5, SEED),
        skewed: true,
        ..PLAIN
    },
    Scenario {
        name: "hot-key",
        what: "one key has 25 % of the load, more than a shard takes at noon",
        keys: || Keys::hot(HOT, 0.25),
        skewed: true,
        ..PLAIN
    },
    Scenario {
        name: "outage",
        what: "the reader stands still for three hours of the second day, then reads at twice the writers' speed",
        outage: Some((1440 + 600, 1440 + 780)),
        ..PLAIN
    },
    Scenario {
        name: "mixed",
        what: "half of the records by PutRecord, half by PutRecords, which CloudWatch counts apart",
        single: 0.5,
        ..PLAIN
    },
    late("delay-1", "flash crowds, metrics after 1 min", 1),
    late("delay-2", "the same, after 2 min", 2),
    late("delay-3", "the same, after 3 min", 3),
    late("delay-4", "the same, after 4 min", 4),
    late("delay-5", "the same, after 5 min", 5),
    Scenario {
        name: "daily-batch",
        what: "4 shards, and 32 for 50 minutes from 02:13 on, every day for two weeks",
        days: 14,
        traffic: synthetic::Kind::DailyBatch,
        ..PLAIN
    },
    Scenario {
        name: "weekday-batch",
        what: "the same from Monday to Friday, for three weeks",
        days: 21,
        traffic: synthetic::Kind::WeekdayBatch,
        ..PLAIN
    },
    Scenario {
        name: "lambda",
        what: "a Lambda function reads, which gets 400 records a second of each shard done for each step of its parallelization factor",
        lambda: Some(LAMBDA_PACE),
        ..PLAIN
    },
];

/// What one policy made of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub policy: &'static str,
    /// What was allowed besides resizes.
    pub extra: Extra,
    /// Open shards over the demand.
    pub cost: f64,
    /// Rejected first attempts as a share, 0 to 1.
    pub throttled: f64,
    /// Cost and throttled records at [`PRICE`], over the demand.
    pub loss: f64,
    /// The highest iterator age, in minutes.
    pub age_max: f64,
    /// Minutes in which readers were more than a minute behind.
    pub behind: u32,
    pub calls_a_day: f64,
    pub operations_a_day: f64,
    pub refused: u32,
    /// Whether somebody was told of a hot key or shard.
    pub told: bool,
}

/// Ours, ours with single splits where keys are uneven, ours with a range of the factor where a function reads, and the best of the peers in each row that they have.
pub fn compare(scenario: &Scenario) -> Vec<Outcome> {
    let ours = &ENTRIES[0];
    let mut found: Vec<Outcome> = play(scenario, ours, Row::Spec, Extra::Nothing).into_iter().collect();
    if scenario.skewed {
        found.extend(play(scenario, ours, Row::Spec, Extra::Splits));
    }
    if scenario.lambda.is_some() {
        found.extend(play(scenario, ours, Row::Spec, Extra::Factor));
    }
    let peers = ENTRIES.iter().skip(1).filter_map(|entry| play(scenario, entry, Row::Spec, Extra::Nothing));
    found.extend(peers.min_by(|a, b| a.loss.total_cmp(&b.loss)));
    found
}

/// Runs one policy; `None` for those that do not ask for counts.
pub fn play(scenario: &Scenario, entry: &'static Entry, row: Row, extra: Extra) -> Option<Outcome> {
    // Whoever splits and merges one by one is shown on the reference plant; a sweep to even ranges would flatter it here.
    let Kind::Policy(make, actuator) = entry.kind else { return None };
    if actuator == Actuator::SplitMerge {
        return None;
    }
    let mut policy = match entry.name {
        "awslabs-count" => Box::new(Awslabs::new(row, Step::One).mixed(scenario.single)),
        "awslabs-percent" => Box::new(Awslabs::new(row, Step::Percent).mixed(scenario.single)),
        _ => make(row),
    };
    let mut stage = Stage::new(scenario, actuator, extra);
    let load = synthetic::synthetic(scenario.traffic, LEVEL, scenario.days, START, SEED).load;
    load.iter().enumerate().for_each(|(minute, load)| stage.minute(minute, *load, &mut *policy));
    Some(stage.outcome(entry.name))
}

/// The stream, what is known of it and what is counted.
struct Stage<'a> {
    scenario: &'a Scenario,
    keys: Keys,
    stream: Stream,
    map: ShardMap,
    plant: Plant,
    settings: plant::Settings,
    window: Window,
    minutes: Vec<Minute>,
    inputs: Inputs,
    ward: Option<Nurse>,
    function: Option<Function>,
    extra: Extra,
    calls: u32,
    refused: u32,
    told: bool,
}

/// What is kept for the care of single shards.
#[derive(Default)]
struct Nurse {
    watched: bool,
    pending: Option<Operation>,
    /// The newest minute in which something was throttled.
    throttled: Option<usize>,
    /// Splits in a row that parted nothing, and the load of the parent, by child.
    children: Vec<(u32, u8, f64)>,
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, actuator: Actuator, extra: Extra) -> Self {
        let first = LEVEL as u32;
        let map = ShardMap::new(first, 0);
        Self {
            scenario,
            keys: (scenario.keys)(),
            stream: Stream::new(first, Profile::Fast, actuator, 10, SEED),
            plant: Plant::new(map.open()),
            map,
            settings: settings(1.0),
            window: Window::new(15 * 1440),
            minutes: Vec::new(),
            inputs: Inputs { care: Some(Care::default()), ..Inputs::default() },
            ward: (extra == Extra::Splits).then(Nurse::default),
            function: scenario.lambda.map(|pace| Function::new(pace, (extra == Extra::Factor).then_some(FACTORS))),
            extra,
            calls: 0,
            refused: 0,
            told: false,
        }
    }

    fn minute(&mut self, at: usize, load: f64, policy: &mut dyn Policy) {
        let now = START + at as i64;
        let before = self.stream.shards;
        let was_busy = !self.stream.is_active();
        self.stream.complete(now);
        if was_busy && self.stream.is_active() {
            self.reshape(before, now);
        }
        if let Some(visible) = at.checked_sub(1 + self.scenario.delay) {
            self.window.put(START + visible as i64, sample(&self.minutes[visible]));
            self.tune(now, visible);
            if self.stream.is_active() {
                self.decide(now, visible, policy);
            }
        }
        let outage = self.scenario.outage.is_some_and(|(from, to)| (from..to).contains(&at));
        let records = load * RECORDS_PER_SHARD_MINUTE;
        let fresh = Amount { records, bytes: records * BYTES };
        let pace = self.function.as_mut().map(|function| function.pace(now));
        let offer = Offer { minute: now, fresh, keys: &self.keys, readers: 1, outage, pace, retention: RETENTION };
        let (plant, minute) = plant::step(std::mem::take(&mut self.plant), &offer, &self.settings);
        self.plant = plant;
        self.minutes.push(minute);
    }

    /// The shards of the change that just ended.
    fn reshape(&mut self, before: u32, now: i64) {
        let pending = self.ward.as_mut().and_then(|ward| ward.pending.take());
        match pending {
            Some(Operation::Split { shard, at }) => {
                // The ids are those of open shards and the key lies inside: the ward read them from this map.
                let done = self.map.split(&shard, at, now * 60);
                debug_assert!(done.is_ok(), "{done:?}");
            }
            Some(Operation::Merge { shard, adjacent }) => {
                let done = self.map.merge(&shard, &adjacent, now * 60);
                debug_assert!(done.is_ok(), "{done:?}");
            }
            // A sweep back to the same count begins and ends nothing.
            None if self.stream.shards == before => return,
            None => self.map.reshape(self.stream.shards, now * 60),
        }
        self.plant = std::mem::take(&mut self.plant).reshaped(self.map.open(), &self.settings);
    }

    /// Asks the policy, then the ward, if the stream is still ACTIVE.
    fn decide(&mut self, now: i64, visible: usize, policy: &mut dyn Policy) {
        let proposal = policy.propose(&view(&self.stream, &self.window, &self.inputs, now));
        self.told |= proposal.evidence.skewed.is_some();
        let wanted = proposal.shards.clamp(BOUNDS.min, BOUNDS.max);
        if wanted != self.stream.shards {
            match self.stream.ask(wanted, now) {
                Answer::Until(_) => self.calls += 1,
                Answer::Swept(_) => {}
                Answer::Refused(_) => self.refused += 1,
            }
        }
        if self.stream.is_active() {
            self.nurse(now, visible, wanted);
        }
    }

    /// Asks what is to be done about the function that reads, and does it.
    fn tune(&mut self, now: i64, visible: usize) {
        let Some(function) = self.function.as_mut() else { return };
        let minute = &self.minutes[visible];
        function.saw(START + visible as i64, minute.age_ms.map(|age| age / 60_000.0));
        let view = view(&self.stream, &self.window, &self.inputs, now);
        self.inputs.lambda_first = function.tune(&view, minute.read_rejected > 0.0);
    }

    /// Asks what is to be done about single shards, and does it.
    fn nurse(&mut self, now: i64, visible: usize, wanted: u32) {
        let Some(ward) = self.ward.as_mut() else { return };
        let minute = &self.minutes[visible];
        if minute.rejected > NOTHING {
            ward.throttled = Some(visible);
        }
        let load = |number: u32| {
            let own = minute.shards.iter().find(|shard| shard.shard == number)?;
            Some((own.written.records + own.rejected) / RECORDS_PER_SHARD_MINUTE)
        };
        let ranges: Vec<Range> = self
            .map
            .open()
            .iter()
            .map(|shard| {
                let own = load(shard.number).filter(|_| ward.watched);
                let parent = ward.children.iter().find(|child| child.0 == shard.number);
                let unparted = parent.zip(own).map_or(0, |((_, row, parent), own)| unparted(*row, *parent, own));
                let (start, end) = (shard.start, shard.end);
                Range { shard: shard.id(), start, end, load: own, pieces: vec![], unparted, young: false }
            })
            .collect();
        let fill = minute.written.records / RECORDS_PER_SHARD_MINUTE / f64::from(minute.open_shards.max(1));
        let calm = ward.throttled.map(|then| (visible - then) as i64);
        let asked = Ward {
            ranges: &ranges,
            watched: ward.watched,
            calm,
            fill: Some(fill),
            allowed: true,
            wanted,
            min: BOUNDS.min,
            max: BOUNDS.max,
        };
        self.inputs.hot_keys = None;
        match asked.treat() {
            Action::Nothing => {}
            Action::Watch => ward.watched = true,
            Action::Unwatch => ward.watched = false,
            Action::Tell(notice) => {
                self.told = true;
                let Notice::HotKey { shard, .. } = notice else { return };
                let hot = self.map.open().iter().find(|open| open.id() == shard).map(|open| open.number);
                let hot = minute.shards.iter().filter(|of| Some(of.shard) == hot).map(|of| of.rejected).sum::<f64>();
                let tried = minute.written.records + minute.rejected;
                self.inputs.hot_keys = Some(hot / tried).filter(|share| *share > 0.0);
            }
            Action::Call(operation) => {
                let to = match &operation {
                    Operation::Split { shard, .. } => {
                        let split = ranges.iter().find(|range| range.shard == *shard);
                        let row = split.map_or((0, 0.0), |range| (range.unparted, range.load.unwrap_or_default()));
                        let next = self.map.next_number();
                        ward.children.extend([(next, row.0, row.1), (next + 1, row.0, row.1)]);
                        self.stream.shards + 1
                    }
                    Operation::Merge { .. } => self.stream.shards - 1,
                };
                ward.pending = Some(operation);
                self.stream.single(to, now);
            }
        }
    }

    fn outcome(self, policy: &'static str) -> Outcome {
        let demand: f64 = self.minutes.iter().map(|minute| minute.fresh.records).sum();
        let paid: f64 = self.minutes.iter().map(|minute| f64::from(minute.open_shards)).sum();
        let missed: f64 = self.minutes.iter().map(|minute| minute.throttled).sum();
        let (cost, throttled) = (paid * RECORDS_PER_SHARD_MINUTE / demand, missed / demand);
        let ages = || self.minutes.iter().filter_map(|minute| minute.age_ms).map(|age| age / 60_000.0);
        let days = self.minutes.len() as f64 / 1440.0;
        Outcome {
            policy,
            extra: self.extra,
            cost,
            throttled,
            loss: cost + PRICE * throttled,
            age_max: ages().fold(0.0, f64::max),
            behind: u32::try_from(ages().filter(|age| *age > CURRENT).count()).unwrap_or(u32::MAX),
            calls_a_day: f64::from(self.calls) / days,
            operations_a_day: self.stream.operations as f64 / days,
            refused: self.refused,
            told: self.told,
        }
    }
}

/// What a policy is shown.
fn view<'a>(stream: &'a Stream, window: &'a Window, inputs: &'a Inputs, now: i64) -> View<'a> {
    let (shards, resizes) = (stream.shards, stream.resizes());
    View { now, shards, window, resizes, calls_a_day: 10, bounds: BOUNDS, price: PRICE, inputs }
}

/// What CloudWatch says of a minute.
fn sample(minute: &Minute) -> Sample {
    let load = |amount: Amount| (amount.records / RECORDS_PER_SHARD_MINUTE).max(amount.bytes / BYTES_PER_SHARD_MINUTE);
    Sample {
        accepted: Some(load(minute.written)),
        rejected: Some(if minute.rejected > NOTHING { minute.rejected / RECORDS_PER_SHARD_MINUTE } else { 0.0 }),
        age: minute.age_ms.map(|age| age / 60_000.0),
        reads: Reads::of(Some(minute.read.bytes / (2.0 * BYTES_PER_SHARD_MINUTE)), []),
    }
}
