use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::model::published_rate;

/// One token bucket for each operation, shared by everything in this process, and a pause that throttling prolongs.
pub struct Rates {
    /// The published rates times this.
    factor: f64,
    buckets: Mutex<BTreeMap<&'static str, Arc<Bucket>>>,
    /// When the next old datapoints may be asked for.
    old: Mutex<Option<Instant>>,
}

struct Bucket {
    limiter: DefaultDirectRateLimiter,
    /// Nobody calls before this moment; `None` once calls go through again.
    quiet: Mutex<Option<(Instant, Duration)>>,
}

/// The longest pause that throttling can cause.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

/// Datapoints a second that GetMetricData tells of an account and region where a call begins more than three hours ago, by what it asks
/// for and not by what there is (CloudWatch service quotas, November 2026; it is 180,000 for newer ones).
const OLD_DATAPOINTS: f64 = 90_000.0;
/// The share of them that learning takes: dashboards and other tools of the account have the same quota.
const LEARNING: f64 = 2.0 / 3.0;

impl Rates {
    /// `factor`: the share of the published rates that is used.
    pub fn new(factor: f64) -> Self {
        Self { factor, buckets: Mutex::default(), old: Mutex::default() }
    }

    fn bucket(&self, operation: &'static str) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(operation).or_insert_with(|| {
            let rate = f64::from(published_rate(operation)) * self.factor;
            // A nanosecond is the shortest period there is.
            let period = Duration::from_secs_f64(1.0 / rate.clamp(1e-3, 1e9)).max(Duration::from_nanos(1));
            let burst = NonZeroU32::new(rate as u32).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
            Arc::new(Bucket { limiter: RateLimiter::direct(quota), quiet: Mutex::new(None) })
        });
        Arc::clone(bucket)
    }

    /// Waits until the operation may be called.
    pub async fn admit(&self, operation: &'static str) {
        let bucket = self.bucket(operation);
        let quiet = *bucket.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, _)) = quiet {
            tokio::time::sleep_until(until.into()).await;
        }
        let clock = DefaultClock::default();
        while let Err(not_until) = bucket.limiter.check() {
            tokio::time::sleep(not_until.wait_time_from(clock.now())).await;
        }
    }

    /// Waits until so many old datapoints may be asked for.
    pub async fn spread(&self, datapoints: f64) {
        let takes = datapoints / (OLD_DATAPOINTS * LEARNING * self.factor.max(1e-3));
        let turn = {
            let mut next = self.old.lock().unwrap_or_else(PoisonError::into_inner);
            let (now, turn) = (Instant::now(), next.unwrap_or_else(Instant::now));
            let turn = turn.max(now);
            *next = Some(turn + Duration::from_secs_f64(takes.clamp(0.0, 3600.0)));
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
    }

    /// AWS throttled the operation: everybody pauses, twice as long as the last time.
    pub fn slow_down(&self, operation: &'static str) {
        let bucket = self.bucket(operation);
        let mut quiet = bucket.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let pause = match *quiet {
            Some((until, last)) if now < until + last * 4 => (last * 2).min(LONGEST_QUIET),
            _ => Duration::from_millis(200),
        };
        *quiet = Some((now + pause, pause));
    }
}
