//! The reference plant: one stream as a single fluid, exactly as the public judge of shard timelines computes it.
//!
//! Unit of load: one shard-minute, 60,000 records of 1 KiB. Even keys, one-minute steps. Inside a minute an action that
//! is due completes, then the policy may call, then the minute is served. The operations and their order are those of
//! the judge's program, so that figures agree to the last digit: do not reorder sums.

/// Minutes for which producers send a rejected record again.
pub const RETRY_MINUTES: usize = 5;
/// A reader is twice as fast as the writers.
const READ_FACTOR: f64 = 2.0;
/// What is left of rounding.
const NOTHING: f64 = 1e-9;

/// Rejected records by age in minutes, youngest first.
pub type Retries = [f64; RETRY_MINUTES];

/// What became of a minute's load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    pub accepted: f64,
    /// Rejected attempts, repeated ones included.
    pub rejected: f64,
    /// Rejected first attempts: what counts as throttled.
    pub throttled: f64,
    pub lost: f64,
}

/// Unread load of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unread {
    pub all: f64,
    /// The part that is in closed parents.
    pub in_parents: f64,
    /// Shards before the last reshard.
    pub parents: f64,
}

/// One minute of writes of `fresh` shard-minutes to `shards` shards. `burst` from 1 to 2: half of the minute runs at
/// `burst` times the mean rate. Fresh and repeated attempts compete equally.
pub fn serve(fresh: f64, shards: u32, retries: Retries, burst: f64) -> (Served, Retries) {
    serve_capacity(fresh, f64::from(shards), retries, burst)
}

/// The same for a capacity in shards that need not be whole: on-demand streams grow with their peak.
pub fn serve_capacity(fresh: f64, capacity: f64, retries: Retries, burst: f64) -> (Served, Retries) {
    let offered = fresh + retries.iter().sum::<f64>();
    let accepted = 0.5 * (burst * offered).min(capacity) + 0.5 * ((2.0 - burst) * offered).min(capacity);
    if offered - accepted <= NOTHING {
        return (Served { accepted: offered, ..Served::default() }, [0.0; RETRY_MINUTES]);
    }
    let missed = 1.0 - accepted / offered;
    let mut next = [0.0; RETRY_MINUTES];
    next[0] = fresh * missed;
    for age in 1..RETRY_MINUTES {
        next[age] = retries[age - 1] * missed;
    }
    let lost = retries[RETRY_MINUTES - 1] * missed;
    (Served { accepted, rejected: offered - accepted, throttled: fresh * missed, lost }, next)
}

/// One minute of reading. `moved` is the old count where a reshard completed in this minute: that costs a minute of
/// hand-over, and closed parents drain first, no faster than the fewer of old and new shards can.
/// Answers the iterator age in minutes.
pub fn consume(mut unread: Unread, accepted: f64, shards: u32, moved: Option<u32>) -> (f64, Unread) {
    if let Some(old) = moved {
        unread.in_parents = unread.all;
        unread.parents = f64::from(old);
    }
    let serving = if unread.in_parents > 0.0 { f64::from(shards).min(unread.parents) } else { f64::from(shards) };
    let read = if moved.is_some() { 0.0 } else { (unread.all + accepted).min(READ_FACTOR * serving) };
    unread.in_parents = (unread.in_parents - read).max(0.0);
    unread.all = unread.all + accepted - read;
    let age = if unread.all > NOTHING { unread.all / accepted.max(1e-6) } else { 0.0 };
    (age, unread)
}

/// Whole minutes until the shards of a call serve, from the profile's seconds.
pub fn whole_minutes(seconds: f64) -> u32 {
    // Seconds are far below 2^32; a fraction of a minute counts as one.
    (seconds / 60.0).ceil().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::super::plant::{Offer, Plant, Settings, step};
    use super::super::shards::ShardMap;
    use super::super::traffic::{Amount, Keys};
    use super::*;
    use crate::model::operations;

    /// A load that swings through throttling, and the counts that serve it.
    fn story() -> impl Iterator<Item = (f64, u32)> {
        (0..120u32).map(|t| {
            (
                1.0 + f64::from(t * 7 % 23) / 3.0,
                if t < 40 {
                    3
                } else if t < 80 {
                    6
                } else {
                    4
                },
            )
        })
    }

    #[test]
    fn figures_agree_with_the_judge() {
        let (mut retries, mut unread) = ([0.0; RETRY_MINUTES], Unread::default());
        let (mut throttled, mut lost, mut ages, mut before) = (0.0, 0.0, 0.0, 3);
        for (fresh, shards) in story() {
            let (served, next) = serve(fresh, shards, retries, 1.0);
            retries = next;
            throttled += served.throttled;
            lost += served.lost;
            let moved = (shards != before).then_some(before);
            before = shards;
            let (age, rest) = consume(unread, served.accepted, shards, moved);
            unread = rest;
            ages += age;
        }
        // From the judge's own program over the same story.
        assert_eq!(format!("{throttled:?} {lost:?} {ages:?}"), "307.04723796793684 76.72393886005291 2.0");
    }

    #[test]
    fn the_plant_of_shards_throttles_the_same_where_keys_are_even() {
        let settings = Settings { write_bytes: 1e12, ..Settings::default() };
        let mut map = ShardMap::new(3, 0);
        let (mut plant, keys) = (Plant::new(map.open()), Keys::uniform());
        let mut retries = [0.0; RETRY_MINUTES];
        for (minute, (fresh, shards)) in (0..).zip(story()) {
            if shards != map.open_count() {
                map.reshape(shards, minute * 60);
                plant = plant.reshaped(map.open(), &settings);
            }
            let amount = Amount { records: fresh * 60_000.0, bytes: fresh * 60_000.0 * 1024.0 };
            let offer =
                Offer { minute, fresh: amount, keys: &keys, readers: 1, outage: false, pace: None, retention: 1440 };
            let (next, done) = step(plant, &offer, &settings);
            plant = next;
            let (served, rest) = serve(fresh, shards, retries, 1.0);
            retries = rest;
            assert!((done.throttled / 60_000.0 - served.throttled).abs() < 1e-6, "minute {minute}");
            assert!((done.lost / 60_000.0 - served.lost).abs() < 1e-6, "minute {minute}");
        }
    }

    #[test]
    fn durations_are_those_of_the_table() {
        // From the table of duration profiles, with the mean start of 20 s.
        for (from, to, fast, slow) in
            [(100, 200, 140.0, 395.0), (100, 150, 170.0, 582.5), (100, 101, 199.4, 766.25), (8, 16, 84.8, 50.0)]
        {
            assert!((Profile::Fast.seconds(operations(from, to), 20.0) - fast).abs() < 1e-9);
            assert!((Profile::Slow.seconds(operations(from, to), 20.0) - slow).abs() < 1e-9);
        }
        assert_eq!(Profile::Legacy.seconds(operations(8, 16), 20.0), 240.0);
        assert_eq!((whole_minutes(61.0), whole_minutes(60.0), whole_minutes(3.0)), (2, 1, 1));
    }
}
