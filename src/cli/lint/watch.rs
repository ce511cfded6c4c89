//! A rule's time limit is kept between the steps of the engine, not within one: a function that is built into it can take
//! for ever, or all memory, or break down. Nothing can stop it then but the end of the program, with the place of the rule
//! that asked.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, Once, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::super::Exit;
use crate::lint::engine::{Engine, RULE_LIMIT};
use crate::lint::policy::PolicyFailure;

/// A rule that has not come back then never will: three times the limit.
const NEVER: Duration = RULE_LIMIT.saturating_mul(3);
/// What policies may take to judge one file, in bytes. The built-in rules take 60 MB for a thousand files, findings included.
const MOST_MEMORY: usize = 256 << 20;
/// How often is looked: memory that is filled as fast as it can be grows by some 30 MB in that time.
const LOOK: Duration = Duration::from_millis(10);

/// Bytes of memory that this program had when they were last looked at.
static RESIDENT: AtomicUsize = AtomicUsize::new(0);
/// What each thread judges.
static JUDGED: LazyLock<Mutex<HashMap<ThreadId, Judging>>> = LazyLock::new(Mutex::default);

/// A file that a thread judges.
struct Judging {
    file: String,
    /// Bytes of memory that the program had at least since.
    before: usize,
    /// Which rule is asked now, and since when.
    asked: Option<(PolicyFailure, Instant)>,
}

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
        measure();
        // Without the thread the limit of the engine is still kept.
        let _ = std::thread::Builder::new().name("watch".into()).spawn(look);
    });
    engine.watched_by(note)
}

fn note(asked: Option<PolicyFailure>) {
    let mut all = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    let me = std::thread::current().id();
    let Some(place) = asked else {
        return all.get_mut(&me).map_or((), |judging| judging.asked = None);
    };
    let begun = || Judging { file: place.judging.clone(), before: RESIDENT.load(Ordering::Relaxed), asked: None };
    let judging = all.entry(me).or_insert_with(begun);
    // The engine keeps what the rules have made until the next file.
    if judging.file != place.judging {
        *judging = begun();
    }
    judging.asked = Some((place, Instant::now()));
}

/// What this thread asks.
fn mine() -> Option<PolicyFailure> {
    let all = JUDGED.try_lock().ok()?;
    all.get(&std::thread::current().id())?.asked.as_ref().map(|(place, _)| place.clone())
}

/// Looks at the memory that is in use; where the system does not tell, at none.
fn measure() -> usize {
    let resident = memory_stats::memory_stats().map_or(0, |memory| memory.physical_mem);
    RESIDENT.store(resident, Ordering::Relaxed);
    resident
}

fn look() {
    loop {
        std::thread::sleep(LOOK);
        let resident = measure();
        let too_much = {
            let mut all = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
            too_much(all.values_mut(), resident, Instant::now())
        };
        if let Some(failure) = too_much {
            end(&failure);
        }
    }
}

/// The rule that takes more time or memory than there is for it, if one does.
fn too_much<'a>(
    all: impl IntoIterator<Item = &'a mut Judging>,
    resident: usize,
    now: Instant,
) -> Option<PolicyFailure> {
    let asking = all.into_iter().filter_map(|judging| {
        judging.before = judging.before.min(resident);
        let (place, since) = judging.asked.as_ref()?;
        Some((now.saturating_duration_since(*since), judging.before, place))
    });
    // Memory belongs to the program and not to a thread: the rule that has been asked for longest is the one that fills it.
    let (took, before, place) = asking.max_by_key(|(took, ..)| *took)?;
    let limit = RULE_LIMIT.as_secs();
    let message = if took > NEVER {
        format!("a function that the rule calls does not come back; a rule has {limit} s for each file")
    } else if resident - before > MOST_MEMORY {
        let most = MOST_MEMORY >> 20;
        format!("the rule takes too much memory; policies have {most} MiB for each file, so let it make fewer values")
    } else {
        return None;
    };
    Some(PolicyFailure { message, ..place.clone() })
}

/// Who tells the end besides standard error.
type Teller = Box<dyn Fn(&PolicyFailure) + Send + Sync>;
static TELLER: OnceLock<Teller> = OnceLock::new();

/// Has the end told in the forms that were asked for as well. Of several the first counts.
pub fn told_by(teller: impl Fn(&PolicyFailure) + Send + Sync + 'static) {
    let _ = TELLER.set(Box::new(teller));
}

fn end(failure: &PolicyFailure) -> ! {
    // Two rules may fail at once; who comes second waits for the end.
    static ENDING: Mutex<()> = Mutex::new(());
    let _alone = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    // If nobody listens there is nothing left to do.
    let _ = writeln!(anstream::stderr(), "error: a policy failed: {failure}");
    if let Some(teller) = TELLER.get() {
        teller(failure);
    }
    std::process::exit(Exit::PolicyFailed.code().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn judging(line: usize, before: usize, since: Option<Instant>) -> Judging {
        let place = PolicyFailure::new("x.rego", line, 1, "");
        Judging { file: "a.yaml".to_owned(), before, asked: since.map(|since| (place, since)) }
    }

    #[test]
    fn the_rule_that_has_been_asked_for_longest_fills_the_memory() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(1);
        let mut all =
            [judging(1, 40 * MIB, None), judging(2, 50 * MIB, Some(later)), judging(3, 60 * MIB, Some(begun))];
        assert_eq!(too_much(&mut all, 300 * MIB, later), None);
        let failure = too_much(&mut all, 320 * MIB, later).unwrap();
        assert!(failure.line == 3 && failure.message.contains("too much memory"), "{failure}");
        let failure = too_much(&mut all, 60 * MIB, begun + Duration::from_secs(7)).unwrap();
        assert!(failure.line == 3 && failure.message.contains("does not come back"), "{failure}");
    }

    #[test]
    fn what_was_freed_in_between_does_not_count_as_there_before() {
        let now = Instant::now();
        let mut all = [judging(1, 400 * MIB, Some(now))];
        assert_eq!(too_much(&mut all, 600 * MIB, now), None);
        assert_eq!(too_much(&mut all, 50 * MIB, now), None, "the values of the file before are gone");
        assert!(too_much(&mut all, 400 * MIB, now).is_some());
    }
}
