//! The plant: what one minute of load does to the shards of a stream. Pure: state and load in, state and metrics out.
//!
//! Writes are fluid: a shard takes a minute's load up to its limits and rejects the rest, which producers send again.
//! Readers follow with twice the write speed, closed parents before their children.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::shards::Shard;
use super::traffic::{Amount, Keys, width};

/// The limits of one shard and the habits of producers and consumers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Records per second (Kinesis quotas).
    pub write_records: f64,
    /// Bytes per second: 1 MiB (API reference of PutRecord).
    pub write_bytes: f64,
    /// Bytes per second for all shared consumers together: 2 MiB (Kinesis quotas).
    pub read_bytes: f64,
    /// Producers send a rejected record again once a minute for so many minutes; then it is lost. 0: at once lost.
    pub retry_minutes: usize,
    /// 1 to 2: half of each minute runs at `burst` times its mean rate, the other half at `2 - burst` times.
    pub burst: f64,
    /// Whole minutes in which nothing is read after a reshard, while consumers take over the new shards (a model).
    pub handover_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            write_records: 1000.0,
            write_bytes: 1_048_576.0,
            read_bytes: 2_097_152.0,
            retry_minutes: 5,
            burst: 1.0,
            handover_minutes: 1,
        }
    }
}

/// One minute of load on a stream.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Minutes since 1970.
    pub minute: i64,
    pub fresh: Amount,
    pub keys: &'a Keys,
    /// Consumers that share the read limit; 0: nobody reads.
    pub readers: u32,
    /// The readers stand still.
    pub outage: bool,
    /// Records a second of one shard that the slowest reader gets done; `None`: as many as the shard gives.
    pub pace: Option<f64>,
    /// Minutes after which unread records expire.
    pub retention: i64,
}

/// Unread records of one minute in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Batch {
    minute: i64,
    /// What was written in that minute, and what of it is still unread.
    whole: Amount,
    left: f64,
}

/// One shard as the plant sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lane {
    shard: u32,
    start: String,
    end: String,
    /// Rejected records by age in minutes, youngest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retries: Vec<Amount>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    unread: VecDeque<Batch>,
    /// Closed parents that must be read to their end first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waits_for: Vec<u32>,
    #[serde(skip)]
    range: Option<(u128, u128)>,
}

/// The state between two minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    open: Vec<Lane>,
    /// Closed shards with unread records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closed: Vec<Lane>,
    /// Minutes of hand-over that are still to come.
    #[serde(default)]
    handover: u32,
}

/// What happened on one shard in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShardMinute {
    pub shard: u32,
    pub written: Amount,
    /// Records rejected.
    pub rejected: f64,
    pub read: Amount,
    /// GetRecords calls rejected.
    pub read_rejected: f64,
    /// Age of the oldest unread record at the end of the minute, in milliseconds.
    pub age_ms: f64,
}

/// What happened on a stream in one minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// Minutes since 1970.
    pub minute: i64,
    pub open_shards: u32,
    /// What producers offered for the first time.
    pub fresh: Amount,
    /// What the shards took.
    pub written: Amount,
    /// Records rejected, first and repeated attempts: what CloudWatch counts.
    pub rejected: f64,
    /// Records rejected at their first attempt.
    pub throttled: f64,
    /// Records that their producers gave up.
    pub lost: f64,
    pub read: Amount,
    pub read_rejected: f64,
    /// `None` when nobody reads.
    pub age_ms: Option<f64>,
    /// By shard, open ones in hash order, then closed ones that are still read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardMinute>,
}

impl Plant {
    pub fn new(shards: &[Shard]) -> Self {
        Self { open: shards.iter().map(Lane::new).collect(), ..Self::default() }
    }

    /// Records written and not yet read, in bytes.
    pub fn unread_bytes(&self) -> f64 {
        self.open.iter().chain(&self.closed).map(Lane::unread_bytes).sum()
    }

    /// Takes over a new set of open shards: new ones wait for those whose ranges they cover.
    #[must_use]
    pub fn reshaped(mut self, shards: &[Shard], settings: &Settings) -> Self {
        let mut old: Vec<Option<Lane>> = std::mem::take(&mut self.open).into_iter().map(Some).collect();
        let mut kept = Vec::with_capacity(shards.len());
        for shard in shards {
            let same = old.iter_mut().find(|lane| lane.as_ref().is_some_and(|lane| lane.shard == shard.number));
            kept.push(same.and_then(Option::take));
        }
        let closing: Vec<Lane> = old.into_iter().flatten().collect();
        let first_covering = |start: u128| closing.partition_point(|lane| lane.range().1 < start);
        self.open = shards
            .iter()
            .zip(kept)
            .map(|(shard, kept)| {
                kept.unwrap_or_else(|| {
                    let covered =
                        closing[first_covering(shard.start)..].iter().take_while(|lane| lane.range().0 <= shard.end);
                    Lane::new(shard).inherit(covered)
                })
            })
            .collect();
        if !closing.is_empty() {
            self.handover = settings.handover_minutes;
        }
        self.closed.extend(closing.into_iter().map(Lane::close).filter(|lane| !lane.unread.is_empty()));
        self.release();
        self
    }

    /// Lets children go whose parents have been read to their end.
    fn release(&mut self) {
        let Self { open, closed, .. } = self;
        closed.retain(|lane| !lane.unread.is_empty());
        let draining: Vec<u32> = closed.iter().map(|lane| lane.shard).collect();
        for lane in open.iter_mut().chain(closed.iter_mut()) {
            lane.waits_for.retain(|parent| draining.contains(parent));
        }
    }
}

/// One minute: the load is offered to the shards, then the readers read.
pub fn step(mut plant: Plant, offer: &Offer, settings: &Settings) -> (Plant, Minute) {
    let mut minute = Minute {
        minute: offer.minute,
        open_shards: u32::try_from(plant.open.len()).unwrap_or(u32::MAX),
        fresh: offer.fresh,
        ..Minute::default()
    };
    let reads = offer.readers > 0 && !offer.outage && plant.handover == 0;
    for (lane, is_open) in
        plant.open.iter_mut().map(|lane| (lane, true)).chain(plant.closed.iter_mut().map(|lane| (lane, false)))
    {
        let mut shard = ShardMinute { shard: lane.shard, ..ShardMinute::default() };
        if is_open {
            let (throttled, lost) = lane.write(offer, settings, &mut shard);
            minute.throttled += throttled;
            minute.lost += lost;
        }
        lane.expire(offer.minute - offer.retention);
        if offer.readers == 0 {
            // Nobody will ever ask for them, so nothing has to be remembered.
            lane.unread.clear();
        }
        if reads && lane.waits_for.is_empty() {
            lane.read(offer, settings, &mut shard);
        }
        shard.age_ms = lane.age_ms(offer.minute);
        minute.count(shard);
    }
    minute.age_ms = minute.age_ms.filter(|_| offer.readers > 0);
    plant.handover = plant.handover.saturating_sub(1);
    plant.release();
    (plant, minute)
}

impl Minute {
    fn count(&mut self, shard: ShardMinute) {
        self.written.records += shard.written.records;
        self.written.bytes += shard.written.bytes;
        self.rejected += shard.rejected;
        self.read.records += shard.read.records;
        self.read.bytes += shard.read.bytes;
        self.read_rejected += shard.read_rejected;
        self.age_ms = Some(self.age_ms.unwrap_or(0.0).max(shard.age_ms));
        self.shards.push(shard);
    }
}

impl Lane {
    fn new(shard: &Shard) -> Self {
        Self {
            shard: shard.number,
            start: shard.start.to_string(),
            end: shard.end.to_string(),
            retries: Vec::new(),
            unread: VecDeque::new(),
            waits_for: Vec::new(),
            range: Some((shard.start, shard.end)),
        }
    }

    /// The hash range; read from its text form only after the plant came from a file.
    fn range(&self) -> (u128, u128) {
        self.range.unwrap_or_else(|| (self.start.parse().unwrap_or(0), self.end.parse().unwrap_or(u128::MAX)))
    }

    fn inherit<'a>(mut self, covered: impl Iterator<Item = &'a Lane>) -> Self {
        let (start, end) = self.range();
        for parent in covered {
            let (from, to) = parent.range();
            let part = width(start.max(from), end.min(to)) / width(from, to);
            if self.retries.len() < parent.retries.len() {
                self.retries.resize(parent.retries.len(), Amount::default());
            }
            for (mine, theirs) in self.retries.iter_mut().zip(&parent.retries) {
                mine.records += theirs.records * part;
                mine.bytes += theirs.bytes * part;
            }
            self.waits_for.push(parent.shard);
            self.waits_for.extend(&parent.waits_for);
        }
        self
    }

    fn close(mut self) -> Self {
        self.retries.clear();
        self
    }

    /// The mean of what is unread.
    fn bytes_of_a_record(&self) -> f64 {
        let records: f64 = self.unread.iter().map(|batch| batch.whole.records * batch.left).sum();
        if records > 0.0 { self.unread_bytes() / records } else { 0.0 }
    }

    fn unread_bytes(&self) -> f64 {
        self.unread.iter().map(|batch| batch.whole.bytes * batch.left).sum()
    }

    /// Fresh and repeated attempts compete equally. Answers records throttled at first attempt, and lost.
    fn write(&mut self, offer: &Offer, settings: &Settings, shard: &mut ShardMinute) -> (f64, f64) {
        let (start, end) = self.range.unwrap_or_else(|| self.range());
        self.range = Some((start, end));
        let share = offer.keys.share(start, end);
        let fresh = Amount { records: offer.fresh.records * share, bytes: offer.fresh.bytes * share };
        let records = fresh.records + self.retries.iter().map(|amount| amount.records).sum::<f64>();
        let bytes = fresh.bytes + self.retries.iter().map(|amount| amount.bytes).sum::<f64>();
        let load = (records / (60.0 * settings.write_records)).max(bytes / (60.0 * settings.write_bytes));
        if load <= 0.0 {
            return (0.0, 0.0);
        }
        let taken = (0.5 * (settings.burst * load).min(1.0) + 0.5 * ((2.0 - settings.burst) * load).min(1.0)) / load;
        // What is left of rounding is no throttling.
        let missed = if 1.0 - taken <= 1e-9 { 0.0 } else { 1.0 - taken };
        shard.written = Amount { records: records * (1.0 - missed), bytes: bytes * (1.0 - missed) };
        shard.rejected = records * missed;
        self.unread.push_back(Batch { minute: offer.minute, whole: shard.written, left: 1.0 });
        let throttled = fresh.records * missed;
        if missed == 0.0 {
            self.retries.clear();
            return (0.0, 0.0);
        }
        self.retries.insert(0, fresh);
        let again: Vec<Amount> = self
            .retries
            .iter()
            .map(|amount| Amount { records: amount.records * missed, bytes: amount.bytes * missed })
            .collect();
        let keep = settings.retry_minutes.min(again.len());
        let lost = again[keep..].iter().map(|amount| amount.records).sum();
        self.retries = again[..keep].to_vec();
        (throttled, lost)
    }

    /// Each reader gets its part of the shard's read limit; all of them are at the same place.
    fn read(&mut self, offer: &Offer, settings: &Settings, shard: &mut ShardMinute) {
        let given = 60.0 * settings.read_bytes / f64::from(offer.readers);
        let wanted = self.unread_bytes();
        let most = offer.pace.map_or(given, |pace| given.min(60.0 * pace * self.bytes_of_a_record()));
        let mut budget = most;
        while let Some(batch) = self.unread.front_mut() {
            let size = batch.whole.bytes * batch.left;
            let part = if size <= budget { batch.left } else { batch.left * budget / size };
            shard.read.records += batch.whole.records * part * f64::from(offer.readers);
            shard.read.bytes += batch.whole.bytes * part * f64::from(offer.readers);
            budget -= batch.whole.bytes * part;
            batch.left -= part;
            if batch.left > 1e-9 {
                break;
            }
            self.unread.pop_front();
        }
        // A model: each reader asks once a second, and is refused for the part of the minute that its share cannot carry. Who is
        // slower than its share asks for no more.
        if wanted > most && most >= given {
            shard.read_rejected = (60.0 * (1.0 - most / wanted)).round() * f64::from(offer.readers);
        }
    }

    fn expire(&mut self, before: i64) {
        while self.unread.front().is_some_and(|batch| batch.minute < before) {
            self.unread.pop_front();
        }
    }

    /// Age of the oldest unread record at the end of `minute`: a batch is read in the order of its writing.
    fn age_ms(&self, minute: i64) -> f64 {
        self.unread.front().map_or(0.0, |batch| ((minute - batch.minute) as f64 + batch.left) * 60_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::shards::ShardMap;
    use super::*;

    const FULL: f64 = 60_000.0;

    fn offer(minute: i64, shards: f64, keys: &Keys) -> Offer<'_> {
        let fresh = Amount { records: shards * FULL, bytes: shards * FULL * 1024.0 };
        Offer { minute, fresh, keys, readers: 1, outage: false, pace: None, retention: 1440 }
    }

    #[test]
    fn what_does_not_fit_is_rejected_and_comes_again() {
        let keys = Keys::uniform();
        let settings = Settings::default();
        let plant = Plant::new(ShardMap::new(4, 0).open());
        let (plant, first) = step(plant, &offer(0, 5.0, &keys), &settings);
        assert_eq!((first.written.records, first.rejected.round(), first.throttled.round()), (4.0 * FULL, FULL, FULL));
        let (plant, second) = step(plant, &offer(1, 2.0, &keys), &settings);
        assert_eq!((second.written.records.round(), second.rejected, second.throttled), (3.0 * FULL, 0.0, 0.0));
        let (_, third) = step(plant, &offer(2, 2.0, &keys), &settings);
        assert_eq!(third.written.records, 2.0 * FULL);
    }

    #[test]
    fn a_slow_reader_takes_what_it_gets_done_and_is_refused_nothing() {
        let keys = Keys::uniform();
        let mut plant = Plant::new(ShardMap::new(2, 0).open());
        let mut read = |at: i64, load: f64, pace: f64| {
            let offer = Offer { pace: Some(pace), ..offer(at, load, &keys) };
            let (next, minute) = step(std::mem::take(&mut plant), &offer, &Settings::default());
            plant = next;
            (minute.read.records.round() / FULL, minute.age_ms.map(|age| age / 60_000.0), minute.read_rejected)
        };
        // Half of what two shards are full of stays unread, in each of them.
        assert_eq!(read(0, 2.0, 500.0), (1.0, Some(0.5), 0.0));
        assert_eq!(read(1, 2.0, 500.0), (1.0, Some(1.0), 0.0));
        assert_eq!(read(2, 2.0, 0.0), (0.0, Some(2.0), 0.0));
        assert_eq!(read(3, 0.0, 2000.0), (4.0, Some(0.0), 0.0));
    }

    #[test]
    fn rejected_records_are_lost_after_the_last_retry() {
        let keys = Keys::uniform();
        let settings = Settings { retry_minutes: 0, ..Settings::default() };
        let (_, minute) = step(Plant::new(ShardMap::new(1, 0).open()), &offer(0, 3.0, &keys), &settings);
        assert_eq!(minute.lost.round(), 2.0 * FULL);
        let mut plant = Plant::new(ShardMap::new(1, 0).open());
        let (mut fresh, mut written, mut lost) = (0.0, 0.0, 0.0);
        for at in 0..60 {
            let (next, minute) = step(plant, &offer(at, if at < 50 { 3.0 } else { 0.0 }, &keys), &Settings::default());
            plant = next;
            fresh += minute.fresh.records;
            written += minute.written.records;
            lost += minute.lost;
        }
        assert!((fresh - written - lost).abs() < 1.0, "every record is written or lost in the end");
    }

    #[test]
    fn one_hot_key_throttles_one_shard_however_many_there_are() {
        let keys = Keys::hot(0, 0.5);
        let (_, minute) = step(Plant::new(ShardMap::new(8, 0).open()), &offer(0, 4.0, &keys), &Settings::default());
        assert!(minute.shards[0].rejected > 0.5 * FULL);
        assert!(minute.shards[1..].iter().all(|shard| shard.rejected == 0.0));
    }

    #[test]
    fn bursts_inside_a_minute_are_throttled_below_the_limit() {
        let keys = Keys::uniform();
        let settings = Settings { burst: 1.5, ..Settings::default() };
        let (_, minute) = step(Plant::new(ShardMap::new(4, 0).open()), &offer(0, 4.0 * 0.8, &keys), &settings);
        assert_eq!(minute.throttled.round(), (4.0 * FULL * 0.1).round());
    }

    #[test]
    fn lag_grows_in_an_outage_and_drains_with_twice_the_write_speed() {
        let keys = Keys::uniform();
        let mut plant = Plant::new(ShardMap::new(2, 0).open());
        let mut ages = Vec::new();
        for at in 0..8 {
            let load = Offer { outage: at < 3, ..offer(at, 2.0, &keys) };
            let (next, minute) = step(plant, &load, &Settings::default());
            plant = next;
            ages.push((minute.age_ms.unwrap() / 60_000.0 * 100.0).round() / 100.0);
        }
        // Records bind before bytes (1,024 B each), so reading runs at 2.048 times the speed of writing.
        assert_eq!(ages, [1.0, 2.0, 3.0, 1.95, 0.9, 0.0, 0.0, 0.0]);
        assert_eq!(plant.unread_bytes(), 0.0);
    }

    #[test]
    fn children_wait_for_their_parents() {
        let keys = Keys::uniform();
        let mut map = ShardMap::new(1, 0);
        let mut plant = Plant::new(map.open());
        for at in 0..4 {
            (plant, _) = step(plant, &Offer { outage: true, ..offer(at, 1.0, &keys) }, &Settings::default());
        }
        map.reshape(4, 240);
        plant = plant.reshaped(map.open(), &Settings::default());
        let (after, minute) = step(plant, &offer(4, 1.0, &keys), &Settings::default());
        assert_eq!(minute.read.records, 0.0, "a minute of hand-over");
        let (after, minute) = step(after, &offer(5, 1.0, &keys), &Settings::default());
        assert!(minute.read.records <= 2.05 * FULL, "only the parent is read, with the speed of one shard");
        let (after, _) = step(after, &offer(6, 1.0, &keys), &Settings::default());
        let (_, minute) = step(after, &offer(7, 1.0, &keys), &Settings::default());
        assert!(minute.read.records > 2.5 * FULL, "then the children, four at a time");
        assert_eq!(minute.age_ms, Some(0.0));
    }

    #[test]
    fn nobody_reads_means_no_age_and_expired_means_lost_to_the_reader() {
        let keys = Keys::uniform();
        let (_, minute) = step(
            Plant::new(ShardMap::new(1, 0).open()),
            &Offer { readers: 0, ..offer(0, 1.0, &keys) },
            &Settings::default(),
        );
        assert_eq!(minute.age_ms, None);
        let mut plant = Plant::new(ShardMap::new(1, 0).open());
        let mut age = None;
        for at in 0..100 {
            let load = Offer { outage: true, retention: 30, ..offer(at, 0.5, &keys) };
            let (next, minute) = step(plant, &load, &Settings::default());
            (plant, age) = (next, minute.age_ms);
        }
        assert_eq!(age, Some(31.0 * 60_000.0));
    }
}
