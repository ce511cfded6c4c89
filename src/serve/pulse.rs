use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::report::metrics::Durations;

/// Ticks that may be missed before the loop counts as stuck: one may fail, a second may be late.
const MISSED: u32 = 3;
/// Added to that, for a first tick that reads two weeks of the past and for small intervals.
const GRACE: Duration = Duration::from_secs(60);

/// How the loop is doing, by this machine's clock.
pub struct Pulse {
    began: Instant,
    /// Seconds since 1970.
    pub started_at: i64,
    tick_seconds: u32,
    beats: Mutex<Beats>,
}

#[derive(Clone, Copy, Default)]
struct Beats {
    newest: Option<Instant>,
    durations: Durations,
}

impl Pulse {
    /// A loop that begins now and ticks every so many seconds.
    pub fn new(tick_seconds: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_at = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        Self { began: Instant::now(), started_at, tick_seconds, beats: Mutex::default() }
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tick has ended that took so long.
    pub fn ticked(&self, took: Duration) {
        let mut beats = self.beats();
        beats.newest = Some(Instant::now());
        beats.durations.saw(took.as_secs_f64());
    }

    /// How long the ticks took.
    pub fn durations(&self) -> Durations {
        self.beats().durations
    }

    /// Whether a tick has ended.
    pub fn has_ticked(&self) -> bool {
        self.beats().newest.is_some()
    }

    /// Whether the loop lives, in one line either way.
    ///
    /// # Errors
    /// No tick has ended for too long.
    pub fn check(&self) -> Result<String, String> {
        let newest = self.beats().newest;
        judge(newest.map(|at| at.elapsed()), self.began.elapsed(), self.tick_seconds)
    }
}

fn judge(newest: Option<Duration>, began: Duration, tick_seconds: u32) -> Result<String, String> {
    let most = Duration::from_secs(u64::from(tick_seconds)) * MISSED + GRACE;
    let age = newest.unwrap_or(began);
    let said = match newest {
        Some(age) => format!("the last tick ended {} s ago", age.as_secs()),
        None => format!("no tick has ended in the {} s since the start", age.as_secs()),
    };
    if age <= most {
        return Ok(format!("ok: {said}"));
    }
    Err(format!(
        "stuck: {said}, one is due every {tick_seconds} s and {} s are the most that is waited",
        most.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ticks_and_a_minute_are_waited() {
        let seconds = Duration::from_secs;
        assert!(judge(None, seconds(240), 60).is_ok());
        assert!(judge(Some(seconds(240)), seconds(9000), 60).is_ok());
        let stuck = judge(Some(seconds(241)), seconds(9000), 60).unwrap_err();
        assert_eq!(
            stuck,
            "stuck: the last tick ended 241 s ago, one is due every 60 s and 240 s are the most that is waited"
        );
        assert!(judge(None, seconds(64), 1).unwrap_err().starts_with("stuck: no tick has ended in the 64 s"));
    }
}
