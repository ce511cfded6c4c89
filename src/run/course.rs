//! How long a tick waits for answers.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::{Late, of_the_caller, within};
use crate::cloud::Fault;

/// A sign of life in the middle of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The loop goes on: something was answered, in whatever words, or is waited for no longer.
    GoesOn,
    /// The cloud told what it was asked for.
    Answered,
}

/// Told each sign of life.
pub type Beat = Arc<dyn Fn(Sign) + Send + Sync>;

/// How long a tick waits for answers, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For one look or reading from its turn on, so that one that hangs holds up nobody.
    pub one: Duration,
    /// For all that is read at once, the waits for turns within AWS's rates among it.
    pub all: Duration,
}

impl Patience {
    /// Half a tick for everything, 30 s to 1 min.
    pub fn of(tick_seconds: u32) -> Self {
        let half = u64::from(tick_seconds / 2);
        Self { one: Duration::from_secs(20), all: Duration::from_secs(half.clamp(30, 60)) }
    }

    /// For somebody who waits for all of so many streams: a minute, and each stream's summary and tags at the rates of the API (20 and 5 a
    /// second).
    pub fn for_all(streams: usize) -> Self {
        Self { one: Duration::from_secs(20), all: Duration::from_secs(60 + streams as u64 / 4) }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// It was not asked, or not for long: that says nothing of whoever was to answer.
    pub no_turn: bool,
    why: String,
}

impl Missed {
    /// What is to be told of it: who had no turn has failed in nothing.
    pub fn trouble(&self) -> Option<String> {
        (!self.no_turn).then(|| self.why.clone())
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.why)
    }
}

/// One round of looks and readings, which has an end.
pub struct Course {
    one: Duration,
    until: Instant,
    beat: Beat,
    /// Whether anything was answered, in whatever words, and what hung first.
    heard: AtomicBool,
    hung: OnceLock<String>,
    /// Whether the cloud told what it was asked for, and why it tells this caller nothing.
    told: AtomicBool,
    refused: OnceLock<String>,
}

impl Course {
    pub fn new(patience: Patience, beat: &Beat) -> Self {
        Self {
            one: patience.one,
            until: Instant::now() + patience.all,
            beat: Arc::clone(beat),
            heard: AtomicBool::new(false),
            hung: OnceLock::new(),
            told: AtomicBool::new(false),
            refused: OnceLock::new(),
        }
    }

    /// Whether its time is up.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// A sign of life.
    pub fn goes_on(&self) {
        (self.beat)(Sign::GoesOn);
    }

    /// The cloud is there, and lets itself be asked.
    pub fn answered(&self) {
        self.told.store(true, Ordering::Relaxed);
        (self.beat)(Sign::Answered);
    }

    /// Takes in a failure, which may be that of all.
    pub fn failed(&self, fault: &Fault) {
        if let Some(why) = of_the_caller(fault) {
            self.refused.get_or_init(|| why);
        }
    }

    /// That the cloud takes nothing from this caller, and what to do, where that is so: it is the one reason of all that failed.
    pub fn refusal(&self) -> Option<String> {
        self.refused.get().filter(|_| !self.told.load(Ordering::Relaxed)).cloned()
    }

    /// The answer, or why it is waited for no longer. A wait for its turn within AWS's rates is none for the answer.
    ///
    /// # Errors
    /// There was none in time.
    pub async fn answer<T>(&self, what: &str, ask: impl Future<Output = T>) -> Result<T, Missed> {
        let answer = within(self.one, self.until, ask).await;
        self.goes_on();
        let answer = answer.map_err(|late| match late {
            Late::Hangs => Missed { no_turn: false, why: format!("{what} took more than {} s", self.one.as_secs()) },
            Late::NoTurn => Missed { no_turn: true, why: format!("{what} did not get its turn in time") },
        });
        match answer.as_ref().map_err(Missed::trouble) {
            Ok(_) => self.heard.store(true, Ordering::Relaxed),
            Err(Some(why)) => _ = self.hung.get_or_init(|| why),
            Err(None) => {}
        }
        answer
    }

    /// That everything hung that was asked, where it did: each of the streams keeps its own silence for minutes.
    pub fn silence(&self) -> Option<String> {
        let hung = self.hung.get().filter(|_| !self.heard.load(Ordering::Relaxed))?;
        Some(format!("AWS takes questions and answers none of them: {hung}"))
    }
}
