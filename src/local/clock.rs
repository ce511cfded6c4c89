//! The cloud's clock: real time enters once, at construction; from then on time passes by pauses alone.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// How pauses pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At once.
    Virtual,
    /// A pause of `time` takes `time / factor` in reality; 1.0 is real time.
    Fast(f64),
}

/// Rounds that a waiter lets others go first. More tasks than this that never wait are no reason to stand still:
/// order among waiters is kept where it can be, and a waiter that nobody polls cannot hold up the others.
const PATIENCE: u32 = 64;

#[derive(Debug)]
pub struct Clock {
    times: Mutex<Times>,
    pace: Pace,
    began: Instant,
}

#[derive(Debug, Default)]
struct Times {
    /// Milliseconds since 1970.
    now: i64,
    /// Real time at construction.
    base: i64,
    tickets: u64,
    /// When each waiter wants to wake, earliest first.
    waiting: BTreeSet<(i64, u64)>,
}

impl Clock {
    /// `now` in seconds since 1970.
    pub fn new(now: i64, pace: Pace) -> Self {
        let now = now * 1000;
        Self { times: Mutex::new(Times { now, base: now, ..Times::default() }), pace, began: Instant::now() }
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.times().now
    }

    /// Real milliseconds that passed since construction, where pauses take real time: who opens the file then has them in its own
    /// real time already. At once nothing passes but pauses.
    fn passed(&self) -> i64 {
        match self.pace {
            Pace::Fast(factor) if factor > 0.0 => millis(self.began.elapsed()),
            Pace::Fast(_) | Pace::Virtual => 0,
        }
    }

    /// Milliseconds by which this clock is ahead of real time.
    pub fn ahead(&self) -> i64 {
        let times = self.times();
        (times.now - times.base - self.passed()).max(0)
    }

    /// Time never goes back: another process may have moved further.
    pub fn catch_up(&self, ahead: i64) {
        let base = self.times().base;
        self.reach(base + self.passed() + ahead);
    }

    /// The same for a moment in milliseconds since 1970. Answers whether it lay ahead.
    pub fn reach(&self, moment: i64) -> bool {
        let mut times = self.times();
        let is_later = moment > times.now;
        times.now = times.now.max(moment);
        is_later
    }

    pub fn advance(&self, time: Duration) {
        self.times().now += millis(time);
    }

    /// Waiters wake in the order of their times, so that the longest of several pauses does not swallow the others.
    pub async fn pause(&self, time: Duration) {
        let waiter = Waiter::new(self, time);
        match self.pace {
            Pace::Fast(factor) if factor > 0.0 => tokio::time::sleep(time.div_f64(factor)).await,
            Pace::Fast(_) | Pace::Virtual => {
                let (mut polled, mut seen) = (0, self.now_ms());
                poll_fn(|context| {
                    // Where time passes, the others are at work: only who stands still for so many rounds waits for nobody.
                    polled = if std::mem::replace(&mut seen, self.now_ms()) == seen { polled + 1 } else { 1 };
                    if polled > PATIENCE || (polled > 2 && waiter.is_first()) {
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
            }
        }
        let mut times = self.times();
        times.now = times.now.max(waiter.at);
    }
}

struct Waiter<'a> {
    clock: &'a Clock,
    at: i64,
    ticket: u64,
}

impl<'a> Waiter<'a> {
    fn new(clock: &'a Clock, time: Duration) -> Self {
        let mut times = clock.times();
        times.tickets += 1;
        let (at, ticket) = (times.now + millis(time), times.tickets);
        times.waiting.insert((at, ticket));
        Self { clock, at, ticket }
    }

    fn is_first(&self) -> bool {
        self.clock.times().waiting.first() == Some(&(self.at, self.ticket))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.clock.times().waiting.remove(&(self.at, self.ticket));
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_at_the_same_time_pass_together_and_in_order() {
        let clock = Clock::new(1000, Pace::Virtual);
        let woke = Mutex::new(Vec::new());
        let wait = |seconds: u64| {
            let (clock, woke) = (&clock, &woke);
            async move {
                clock.pause(Duration::from_secs(seconds)).await;
                woke.lock().unwrap().push((seconds, clock.now()));
            }
        };
        futures::join!(wait(60), wait(5), wait(20));
        assert_eq!(*woke.lock().unwrap(), [(5, 1005), (20, 1020), (60, 1060)]);
        assert_eq!(clock.ahead(), 60_000);
    }

    #[tokio::test]
    async fn real_time_that_passed_is_nothing_to_be_ahead_by() {
        let clock = Clock::new(1000, Pace::Fast(100.0));
        clock.pause(Duration::from_secs(10)).await;
        assert_eq!(clock.now(), 1010);
        assert!((9_000..10_000).contains(&clock.ahead()), "a tenth of a second of them was real: {}", clock.ahead());
        assert!(!clock.reach(1_009_000) && clock.reach(1_011_000));
        assert_eq!(clock.now(), 1011);
    }

    #[tokio::test]
    async fn a_long_pause_is_no_shorter_for_many_short_ones_beside_it() {
        let clock = Clock::new(0, Pace::Virtual);
        let short = async {
            for minute in 1..=120 {
                clock.pause(Duration::from_secs(60)).await;
                assert_eq!(clock.now(), minute * 60);
            }
        };
        futures::join!(clock.pause(Duration::from_secs(7200)), short);
        assert_eq!(clock.now(), 7200);
    }

    #[tokio::test]
    async fn a_waiter_that_nobody_polls_holds_up_nobody() {
        let clock = Clock::new(0, Pace::Virtual);
        let mut forgotten = Box::pin(clock.pause(Duration::from_secs(1)));
        assert!(futures::poll!(&mut forgotten).is_pending());
        clock.pause(Duration::from_secs(10)).await;
        assert_eq!(clock.now(), 10);
        drop(forgotten);
        assert!(clock.times().waiting.is_empty());
    }
}
