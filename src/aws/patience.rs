//! Patience with AWS that our own rates do not use up: a call that waits for its turn hangs nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static TURNS: Arc<Turns>;
}

/// How long one question has waited for turns.
#[derive(Default)]
struct Turns(Mutex<Waited>);

#[derive(Default)]
struct Waited {
    before: Duration,
    /// Calls of the question that wait now, and since when the first of them does.
    now: usize,
    since: Option<Instant>,
}

impl Turns {
    fn with<T>(&self, change: impl FnOnce(&mut Waited) -> T) -> T {
        // What a thread that panicked has left is a time like any other.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time so far, and whether a turn is waited for now.
    fn until(&self, now: Instant) -> (Duration, bool) {
        self.with(|waited| {
            let since = waited.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            (waited.before + since, waited.now > 0)
        })
    }
}

/// Ends a wait also where the question is given up in the middle of it.
struct Waiting(Arc<Turns>);

impl Waiting {
    fn begin(turns: Arc<Turns>) -> Self {
        turns.with(|waited| {
            waited.now += 1;
            waited.since.get_or_insert_with(Instant::now);
        });
        Self(turns)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.with(|waited| {
            waited.now = waited.now.saturating_sub(1);
            if waited.now == 0 {
                waited.before += waited.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            }
        });
    }
}

/// Waits for a turn; that time is nobody's silence.
pub(super) async fn waiting<T>(turn: impl Future<Output = T>) -> T {
    let _waiting = TURNS.try_with(Arc::clone).ok().map(Waiting::begin);
    turn.await
}

/// Whether somebody asks whose patience has an end.
pub(super) fn is_asking() -> bool {
    TURNS.try_with(|_| ()).is_ok()
}

/// Why an answer is waited for no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It was asked, and nobody answered within the patience.
    Hangs,
    /// The time of all questions was over before this one had its own.
    NoTurn,
}

/// The answer to a question that is left `patience` from when it has its turn on, and no longer than `end` in all.
///
/// # Errors
/// There was none in that time.
pub async fn within<T>(patience: Duration, end: Instant, ask: impl Future<Output = T>) -> Result<T, Late> {
    let (turns, began) = (Arc::new(Turns::default()), Instant::now());
    let ask = TURNS.scope(Arc::clone(&turns), ask);
    tokio::pin!(ask);
    loop {
        let now = Instant::now();
        let (waited, waits) = turns.until(now);
        let asked = (now - began).saturating_sub(waited);
        if asked >= patience {
            return Err(Late::Hangs);
        }
        if now >= end {
            // Who has had most of its time and is silent would be so with the rest of it.
            return Err(if !waits && asked >= patience / 2 { Late::Hangs } else { Late::NoTurn });
        }
        tokio::select! {
            biased;
            answer = &mut ask => return Ok(answer),
            () = tokio::time::sleep_until(end.min(now + (patience - asked))) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_for_a_turn_is_no_silence() {
        let millis = Duration::from_millis;
        let ask = |patience: u64, end: u64, turn: u64, answer: u64| async move {
            let asked = async {
                waiting(tokio::time::sleep(millis(turn))).await;
                tokio::time::sleep(millis(answer)).await;
            };
            within(millis(patience), Instant::now() + millis(end), asked).await
        };
        const LONG: u64 = 3_600_000;
        assert_eq!(ask(500, LONG, 600, 10).await, Ok(()));
        assert_eq!(ask(20, LONG, 60, LONG).await, Err(Late::Hangs));
        assert_eq!(ask(20, LONG, 0, LONG).await, Err(Late::Hangs));
        assert_eq!(ask(20, 60, LONG, 0).await, Err(Late::NoTurn));
        assert_eq!(ask(LONG, 60, 20, LONG).await, Err(Late::NoTurn), "its own time was cut");
        assert_eq!(ask(100, 80, 0, LONG).await, Err(Late::Hangs));
    }
}
