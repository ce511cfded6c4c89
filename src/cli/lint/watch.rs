//! A rule's time limit is kept between the steps of the engine, not within one: a function that is built into it can take
//! for ever, or break down. Nothing can stop it then but the end of the program, with the place of the rule that asked.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, Mutex, Once, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::super::Exit;
use crate::lint::engine::{Engine, RULE_LIMIT};
use crate::lint::policy::PolicyFailure;

/// A rule that has not come back then never will: three times the limit.
const NEVER: Duration = RULE_LIMIT.saturating_mul(3);
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(200);

type Asked = HashMap<ThreadId, (PolicyFailure, Instant)>;

/// What is being asked now, and since when.
static ASKED: LazyLock<Mutex<Asked>> = LazyLock::new(Mutex::default);

/// The engine, with a watch over the rules that it asks. For policies of users; ours are known to come back.
pub fn over(engine: Engine) -> Engine {
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match mine() {
            Some(mut failure) => {
                failure.message = format!("the engine broke down: {}", panic.payload_as_str().unwrap_or("a panic"));
                end(&failure);
            }
            None => usual(panic),
        }));
        // Without the thread the limit of the engine is still kept.
        let _ = std::thread::Builder::new().name("watch".into()).spawn(look);
    });
    engine.watched_by(note)
}

fn note(asked: Option<PolicyFailure>) {
    let mut all = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let me = std::thread::current().id();
    match asked {
        Some(place) => drop(all.insert(me, (place, Instant::now()))),
        None => drop(all.remove(&me)),
    }
}

/// What this thread asks.
fn mine() -> Option<PolicyFailure> {
    let all = ASKED.try_lock().ok()?;
    all.get(&std::thread::current().id()).map(|(place, _)| place.clone())
}

fn look() {
    loop {
        std::thread::sleep(LOOK);
        let late = {
            let all = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
            all.values().find(|(_, since)| since.elapsed() > NEVER).map(|(place, _)| place.clone())
        };
        if let Some(mut failure) = late {
            failure.message = format!(
                "a function that the rule calls does not come back; a rule has {} s for each file",
                RULE_LIMIT.as_secs()
            );
            end(&failure);
        }
    }
}

fn end(failure: &PolicyFailure) -> ! {
    // If nobody listens there is nothing left to do.
    let _ = writeln!(anstream::stderr(), "error: a policy failed: {failure}");
    std::process::exit(Exit::PolicyFailed.code().into())
}
