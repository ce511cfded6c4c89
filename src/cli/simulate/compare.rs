use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Contender, named};
use crate::cli::Failure;
use crate::model::Prices;
use crate::scale::baseline::Row;
use crate::simulate::registry::ENTRIES;
use crate::simulate::{Demand, Score, Settings, score};

/// The policies that a list names: `all`, or names with commas between them.
pub fn chosen(list: &str) -> Result<Vec<Contender>, Failure> {
    let mut chosen: Vec<Contender> = Vec::new();
    for name in list.split(',').map(str::trim) {
        let named = match name {
            "all" => ENTRIES.iter().map(|entry| (entry, Row::Spec)).collect(),
            name => vec![named(name)?],
        };
        for (entry, row) in named {
            if !chosen.iter().any(|(known, have)| known.name == entry.name && *have == row) {
                chosen.push((entry, row));
            }
        }
    }
    Ok(chosen)
}

/// Runs all of them on the same demand, on every core.
pub fn scores(chosen: &[Contender], demand: &Demand, settings: &Settings, prices: &Prices) -> Vec<Score> {
    let bound = score::bound(demand);
    side_by_side(chosen, |(entry, row)| Score::of((*entry, *row), demand, settings, bound, prices).0)
}

/// Maps on every core; the results are in the order of the items.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let one = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        // A mistake of ours in one of them ends the program as it would without threads.
        let joined = |worker: std::thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(joined).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}
