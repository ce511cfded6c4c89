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
    /// The newest sign of life in the middle of a tick.
    sign: Option<Instant>,
    /// Whether the cloud has ever told what it was asked for.
    is_answered: bool,
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

    /// The tick that is under way goes on: something was answered, or is waited for no longer.
    pub fn goes_on(&self) {
        self.beats().sign = Some(Instant::now());
    }

    /// The cloud told what it was asked for.
    pub fn answered(&self) {
        self.beats().is_answered = true;
        self.goes_on();
    }

    /// How long the ticks took.
    pub fn durations(&self) -> Durations {
        self.beats().durations
    }

    /// Whether it may be relied on, in one line either way. The specs are read, the caller is known and the ledger is open before there
    /// is a pulse; what is left is that the cloud tells what it is asked. It need not have told all: a first tick over many streams
    /// takes a third of a minute at AWS's rates, and a rolling update would wait for it. Once it has answered, an outage makes
    /// nothing unready: the page and the metrics are wanted then more than ever.
    ///
    /// # Errors
    /// The cloud has told nothing yet, or the loop is stuck.
    pub fn ready(&self) -> Result<&'static str, String> {
        self.check()?;
        let Beats { newest, is_answered, .. } = *self.beats();
        readiness(is_answered, newest.is_some())
    }

    /// Whether the loop lives, in one line either way. Slow answers of AWS are no dead loop.
    ///
    /// # Errors
    /// No tick has ended for too long, and nothing was answered or given up in one.
    pub fn check(&self) -> Result<String, String> {
        let Beats { newest, sign, .. } = *self.beats();
        let ago = |at: Option<Instant>| at.map(|at| at.elapsed());
        judge(ago(newest), ago(sign), self.began.elapsed(), self.tick_seconds)
    }
}

fn readiness(is_answered: bool, has_ticked: bool) -> Result<&'static str, String> {
    match (is_answered, has_ticked) {
        (true, true) => Ok("ready"),
        (true, false) => Ok("ready: the first tick is at work, and /api/streams tells what has been decided by then"),
        (false, false) => Err("not ready: nothing that was asked of AWS has been answered yet".into()),
        (false, true) => Err("not ready: AWS has answered nothing of all that the ticks asked".into()),
    }
}

fn judge(
    newest: Option<Duration>,
    sign: Option<Duration>,
    began: Duration,
    tick_seconds: u32,
) -> Result<String, String> {
    let most = Duration::from_secs(u64::from(tick_seconds)) * MISSED + GRACE;
    let age = newest.unwrap_or(began);
    let said = match newest {
        Some(age) => format!("the last tick ended {} s ago", age.as_secs()),
        None => format!("no tick has ended in the {} s since the start", age.as_secs()),
    };
    if age <= most {
        return Ok(format!("ok: {said}"));
    }
    if let Some(sign) = sign.filter(|sign| *sign <= most) {
        return Ok(format!("ok, but slow: {said}, the last answer came or was given up {} s ago", sign.as_secs()));
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
    fn it_is_ready_once_the_cloud_has_told_something() {
        let pulse = Pulse::new(60);
        pulse.goes_on();
        assert!(pulse.ready().unwrap_err().starts_with("not ready: nothing that was asked of AWS"));
        pulse.answered();
        pulse.goes_on();
        assert!(pulse.ready().unwrap().starts_with("ready: the first tick is at work"));
        pulse.ticked(Duration::from_secs(1));
        assert_eq!(pulse.ready(), Ok("ready"));
        let deaf = Pulse::new(60);
        deaf.ticked(Duration::from_secs(30));
        assert!(
            deaf.ready().is_err(),
            "a tick that was told nothing is no reason to end the replica that is known to work"
        );
    }

    #[test]
    fn three_ticks_and_a_minute_are_waited() {
        let seconds = Duration::from_secs;
        assert!(judge(None, None, seconds(240), 60).is_ok());
        assert!(judge(Some(seconds(240)), None, seconds(9000), 60).is_ok());
        let stuck = judge(Some(seconds(241)), Some(seconds(241)), seconds(9000), 60).unwrap_err();
        assert_eq!(
            stuck,
            "stuck: the last tick ended 241 s ago, one is due every 60 s and 240 s are the most that is waited"
        );
        let slow = judge(Some(seconds(900)), Some(seconds(20)), seconds(9000), 60).unwrap();
        assert_eq!(
            slow, "ok, but slow: the last tick ended 900 s ago, the last answer came or was given up 20 s ago",
            "AWS is slow, and the loop is not dead: killing it would not help"
        );
        assert!(judge(None, None, seconds(64), 1).unwrap_err().starts_with("stuck: no tick has ended in the 64 s"));
    }
}
