//! Whose turn it is to be looked at, and to have its long past read, where not all can have it in one tick.

use std::collections::{BTreeMap, VecDeque};

use super::Watch;
use super::observe::Look;
use crate::control::Fleet;

/// Looks in one tick: DescribeStreamSummary allows 20 a second, and half of that is left to others.
const LOOKS: usize = 600;
/// Streams whose long past is read in one tick.
const LESSONS: usize = 10;

/// Streams by the first minute whose metrics are wanted.
pub type Wanted = BTreeMap<i64, Vec<String>>;

/// The pipelines take turns, and the streams of each.
pub struct Turns {
    all: Vec<Turn>,
    /// Which pipeline is the first in the next tick.
    first: usize,
}

/// Where the next tick goes on among the streams of one pipeline, so that all have their turn.
struct Turn {
    cloud: usize,
    /// The pipeline's streams, by their places among all.
    places: Vec<usize>,
    /// Where its looks begin.
    look: usize,
    /// Where the reading of long pasts begins.
    lesson: usize,
}

impl Turns {
    pub fn of(watches: &[Watch]) -> Self {
        let mut pipelines: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for (at, watch) in watches.iter().enumerate() {
            pipelines.entry((watch.cloud, &watch.scope.pipeline)).or_default().push(at);
        }
        let turn = |((cloud, _), places)| Turn { cloud, places, look: 0, lesson: 0 };
        Self { all: pipelines.into_iter().map(turn).collect(), first: 0 }
    }

    /// Which looks are due, and from which minute on the metrics of which streams are wanted, by cloud. The pipelines take turns,
    /// and the streams of each, so that one that gets no answer takes no place from another.
    /// `now`: seconds since 1970 by each cloud.
    pub fn due(&mut self, fleet: &Fleet, watches: &[Watch], now: &[i64]) -> (Vec<Look>, Vec<Wanted>) {
        let mut wanted = vec![Wanted::new(); now.len()];
        let (mut looks, mut lessons) = (Vec::new(), Vec::new());
        for turn in &self.all {
            let (now, count) = (now[turn.cloud], turn.places.len());
            let round = |first: usize| (0..count).map(move |step| (first + step) % count);
            let mut queue = VecDeque::new();
            for place in round(turn.look) {
                let at = turn.places[place];
                if queue.len() < LOOKS
                    && let Some(tags) = fleet.streams()[at].wants_look(&fleet.rules, now)
                {
                    queue.push_back((place, Look { at, tags }));
                }
            }
            looks.push(queue);
            let mut queue = VecDeque::new();
            for place in round(turn.lesson) {
                let from = fleet.streams()[turn.places[place]].reads_from(&fleet.rules, now);
                // A stream that has to catch up has its turn; the others are read together.
                if from >= now.div_euclid(60) - 12 {
                    let watch = &watches[turn.places[place]];
                    wanted[turn.cloud].entry(from).or_default().push(watch.physical.clone());
                } else if queue.len() < LESSONS {
                    queue.push_back((place, from));
                }
            }
            lessons.push(queue);
        }
        for (turn, (place, from)) in in_turns(&mut lessons, self.first, LESSONS) {
            let turn = &mut self.all[turn];
            turn.lesson = (place + 1) % turn.places.len();
            let watch = &watches[turn.places[place]];
            wanted[turn.cloud].entry(from).or_default().push(watch.physical.clone());
        }
        let mut due = Vec::new();
        for (turn, (place, look)) in in_turns(&mut looks, self.first, LOOKS) {
            let turn = &mut self.all[turn];
            turn.look = (place + 1) % turn.places.len();
            due.push(look);
        }
        self.first = (self.first + 1) % self.all.len().max(1);
        (due, wanted)
    }
}

/// One of each queue and then the next of each, beginning with the queue `first`, until there are so many.
fn in_turns<T>(queues: &mut [VecDeque<T>], first: usize, most: usize) -> Vec<(usize, T)> {
    let (mut taken, count) = (Vec::new(), queues.len());
    while taken.len() < most && queues.iter().any(|queue| !queue.is_empty()) {
        for at in (0..count).map(|step| (first + step) % count) {
            if taken.len() < most {
                taken.extend(queues[at].pop_front().map(|one| (at, one)));
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_queue_takes_no_place_from_a_short_one() {
        let queues = || [(0..9).collect::<VecDeque<i32>>(), VecDeque::from([100]), VecDeque::new()];
        assert_eq!(in_turns(&mut queues(), 0, 4), [(0, 0), (1, 100), (0, 1), (0, 2)]);
        assert_eq!(in_turns(&mut queues(), 1, 2), [(1, 100), (0, 0)]);
        assert_eq!(in_turns(&mut queues(), 2, 99).len(), 10);
    }
}
