//! Whose turn it is to be looked at, and to have its past read, where not all can have it in one tick.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::Watch;
use super::observe::Look;
use crate::control::Fleet;
use crate::model::Scope;

/// Minutes of a day. Who has less than that to catch up goes before those who learn weeks: a call reads it for dozens of streams.
const DAY: i64 = 1440;
/// An hour of minutes. Pasts are read from full hours on, so that streams whose gaps began one after the other are asked for together.
const HOUR: i64 = 60;
/// Seconds after which a pipeline's streams are listed anew: each minute's tick, also where one comes a little early.
const LISTED: i64 = 50;

/// Streams by the first minute whose metrics are wanted.
pub type Wanted = BTreeMap<i64, Vec<String>>;

/// What one tick reads at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Most {
    /// Looks: DescribeStreamSummary allows 20 a second, so these take a third of a minute, and the rest is left to others.
    looks: usize,
    /// Those with tags: ListTagsForStream allows 5 a second.
    tags: usize,
    /// Minutes of the past, of all streams together: twenty fortnights, which take some 40 MB until they are taken in. With six metrics they
    /// are 2.4 million datapoints, which the share of CloudWatch's quota that we take (`aws::rates`) lets through in 40 to 45 s: there is
    /// room for no more before the next tick.
    past: i64,
}

const OF_A_TICK: Most = Most { looks: 400, tags: 100, past: 403_200 };
const OF_ALL: Most = Most { looks: usize::MAX, tags: usize::MAX, past: i64::MAX };

/// The metrics that a tick reads, by cloud.
#[derive(Debug, Default)]
pub struct Due {
    /// Each stream's newest minutes.
    pub newest: Vec<Wanted>,
    /// What lies before them.
    pub past: Vec<Wanted>,
}

/// The pipelines take turns, and the streams of each.
pub struct Turns {
    all: Vec<Turn>,
    /// Which pipeline is the first in the next tick.
    first: usize,
    most: Most,
}

/// Where the next tick goes on among the streams of one pipeline, so that all have their turn.
struct Turn {
    cloud: usize,
    scope: Arc<Scope>,
    /// The pipeline's streams, by their places among all.
    places: Vec<usize>,
    /// Where its looks begin.
    look: usize,
    /// Where the reading of pasts begins: of those that are shorter than a day, and of the others.
    past: [usize; 2],
    /// When its streams were listed, in seconds since 1970.
    listed: Option<i64>,
}

impl Turn {
    /// The streams' places in the pipeline and among all, from one on.
    fn round(&self, first: usize) -> impl Iterator<Item = (usize, usize)> {
        let count = self.places.len();
        (0..count).map(move |step| (first + step) % count).map(|place| (place, self.places[place]))
    }
}

impl Turns {
    pub fn of(watches: &[Watch]) -> Self {
        let mut pipelines: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for (at, watch) in watches.iter().enumerate() {
            pipelines.entry((watch.cloud, &watch.scope.pipeline)).or_default().push(at);
        }
        let turn = |((cloud, _), places): ((usize, &str), Vec<usize>)| {
            let scope = Arc::clone(&watches[places[0]].scope);
            Turn { cloud, scope, places, look: 0, past: [0, 0], listed: None }
        };
        Self { all: pipelines.into_iter().map(turn).collect(), first: 0, most: OF_A_TICK }
    }

    /// Everybody's turn comes at once, for somebody who waits for all.
    pub fn for_all(self) -> Self {
        Self { most: OF_ALL, ..self }
    }

    /// The pipelines whose streams are to be listed, each with its cloud.
    pub fn listings(&mut self, now: &[i64]) -> Vec<(usize, Arc<Scope>)> {
        let mut due = Vec::new();
        for turn in &mut self.all {
            let now = now[turn.cloud];
            // A clock that went back makes a listing of the future of it.
            if turn.listed.is_none_or(|at| !(at..at + LISTED).contains(&now)) {
                turn.listed = Some(now);
                due.push((turn.cloud, Arc::clone(&turn.scope)));
            }
        }
        due
    }

    /// From which minute on the metrics of which streams are wanted: the newest minutes of all, and as much of their pasts as one
    /// tick reads, if none are being read from before. Of `only` some streams where these alone are asked for, the newest minutes.
    /// `now`: seconds since 1970 by each cloud.
    pub fn reads(
        &mut self,
        fleet: &Fleet,
        watches: &[Watch],
        now: &[i64],
        only: Option<&BTreeSet<usize>>,
        is_learning: bool,
    ) -> Due {
        let mut due = Due { newest: vec![Wanted::new(); now.len()], past: vec![Wanted::new(); now.len()] };
        for (at, watch) in watches.iter().enumerate().filter(|(at, _)| is_among(only, *at)) {
            let from = fleet.streams()[at].reads_from(&fleet.rules, now[watch.cloud]);
            due.newest[watch.cloud].entry(from).or_default().push(watch.physical.clone());
        }
        let mut left = if is_learning { 0 } else { self.most.past };
        for class in 0..2 {
            let queue = |turn: &Turn| -> VecDeque<(usize, i64, i64)> {
                let of = |(place, at): (usize, usize)| {
                    let from = fleet.streams()[at].unread_from(&fleet.rules, now[turn.cloud])?;
                    let long = now[turn.cloud].div_euclid(60) - from;
                    ((long >= DAY) == (class == 1)).then_some((place, from, long))
                };
                turn.round(turn.past[class]).filter_map(of).collect()
            };
            let mut queues: Vec<_> = self.all.iter().map(queue).collect();
            for (turn, (place, from, long)) in in_turns(&mut queues, self.first, left, |(_, _, long)| *long) {
                left -= long;
                let turn = &mut self.all[turn];
                turn.past[class] = (place + 1) % turn.places.len();
                let watch = &watches[turn.places[place]];
                let hour = from.div_euclid(HOUR) * HOUR;
                due.past[turn.cloud].entry(hour).or_default().push(watch.physical.clone());
            }
        }
        due
    }

    /// Which looks are due. The pipelines take turns, and the streams of each, so that one that gets no answer takes no place from
    /// another.
    pub fn looks(&mut self, fleet: &Fleet, now: &[i64], only: Option<&BTreeSet<usize>>) -> Vec<Look> {
        let queue = |turn: &Turn| -> VecDeque<(usize, Look)> {
            let of = |(place, at): (usize, usize)| {
                let tags = fleet.streams()[at].wants_look(&fleet.rules, now[turn.cloud])?;
                is_among(only, at).then_some((place, Look { at, tags }))
            };
            turn.round(turn.look).filter_map(of).take(self.most.looks).collect()
        };
        let mut queues: Vec<_> = self.all.iter().map(queue).collect();
        let most = i64::try_from(self.most.looks).unwrap_or(i64::MAX);
        let (mut due, mut tags) = (Vec::new(), 0);
        for (turn, (place, look)) in in_turns(&mut queues, self.first, most, |_| 1) {
            let turn = &mut self.all[turn];
            turn.look = (place + 1) % turn.places.len();
            tags += usize::from(look.tags);
            due.push(Look { tags: look.tags && tags <= self.most.tags, ..look });
        }
        if only.is_none() {
            self.first = (self.first + 1) % self.all.len().max(1);
        }
        due
    }
}

/// Whether a stream is asked about, where `only` some are.
pub fn is_among(only: Option<&BTreeSet<usize>>, at: usize) -> bool {
    only.is_none_or(|only| only.contains(&at))
}

/// One of each queue and then the next of each, beginning with the queue `first`, until what they take comes to `most`.
fn in_turns<T>(queues: &mut [VecDeque<T>], first: usize, most: i64, takes: impl Fn(&T) -> i64) -> Vec<(usize, T)> {
    let (mut taken, mut left, count) = (Vec::new(), most, queues.len());
    while left > 0 && queues.iter().any(|queue| !queue.is_empty()) {
        for at in (0..count).map(|step| (first + step) % count) {
            if left > 0
                && let Some(one) = queues[at].pop_front()
            {
                left -= takes(&one);
                taken.push((at, one));
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Key, Record, Rules, Stream};
    use crate::scale::{Bounds, Tidegate};

    #[test]
    fn a_long_queue_takes_no_place_from_a_short_one() {
        let queues = || [(0..9).collect::<VecDeque<i32>>(), VecDeque::from([100]), VecDeque::new()];
        assert_eq!(in_turns(&mut queues(), 0, 4, |_| 1), [(0, 0), (1, 100), (0, 1), (0, 2)]);
        assert_eq!(in_turns(&mut queues(), 1, 2, |_| 1), [(1, 100), (0, 0)]);
        assert_eq!(in_turns(&mut queues(), 2, 99, |_| 1).len(), 10);
        assert_eq!(in_turns(&mut queues(), 0, 4, |_| 3), [(0, 0), (1, 100)], "what is begun may go beyond it");
    }

    /// Streams of one pipeline whose books end so many minutes before now; `None`: nothing is known of one.
    fn fleet(ended: &[Option<i64>]) -> (Vec<Watch>, Fleet) {
        let scope =
            Scope { pipeline: "shop".into(), partition: "aws".into(), region: "eu-west-1".into(), account: "1".into() };
        let (scope, rules) = (Arc::new(scope), Rules::default());
        let (mut watches, mut streams) = (Vec::new(), Vec::new());
        for (at, ended) in ended.iter().enumerate() {
            let (name, scope) = (format!("s{at}"), Arc::clone(&scope));
            let key = Key { pipeline: "shop".into(), stream: name.clone() };
            let bounds = Bounds { min: 1, max: 8 };
            let policy = Box::new(Tidegate::new());
            let mut stream = Stream::new(key, name.clone(), Arc::clone(&scope), bounds, policy);
            if let Some(ended) = ended {
                let (minute, none) = (NOW / 60 - ended, None);
                stream.recall(&Record::Sample { minute, accepted: Some(1.0), rejected: none, age: none }, &rules);
            }
            streams.push(stream);
            let (alarms, consumers) = (Vec::new(), Vec::new());
            watches.push(Watch { physical: name.clone(), name, scope, cloud: 0, alarms, consumers });
        }
        (watches, Fleet::new(rules, streams, "test"))
    }

    const NOW: i64 = 1_795_500_000;

    fn streams(wanted: &Wanted) -> Vec<&str> {
        wanted.values().flatten().map(String::as_str).collect()
    }

    #[test]
    fn all_have_their_newest_minutes_read_and_gaps_go_before_fortnights() {
        let mut ended = vec![None; 30];
        ended.extend([Some(5), Some(100), Some(100), Some(130)]);
        let (watches, fleet) = fleet(&ended);
        let mut turns = Turns::of(&watches);
        let mut had: BTreeSet<String> = BTreeSet::new();
        for _ in 0..3 {
            let due = turns.reads(&fleet, &watches, &[NOW], None, false);
            assert_eq!(streams(&due.newest[0]).len(), ended.len());
            assert_eq!(due.newest[0].keys().map(|from| NOW / 60 - from).collect::<Vec<_>>(), [60, 12]);
            let past = streams(&due.past[0]);
            assert!(["s31", "s32", "s33"].iter().all(|gap| past.contains(gap)) && !past.contains(&"s30"), "{past:?}");
            assert_eq!(past.len(), 3 + 20, "a tick begins with twenty fortnights");
            had.extend(past.into_iter().map(str::to_owned));
        }
        assert_eq!(had.len(), 33, "none of them was answered, and all had their turn");
        assert!(turns.reads(&fleet, &watches, &[NOW], None, true).past[0].is_empty());
    }

    #[test]
    fn a_tick_asks_for_no_more_than_the_rates_allow() {
        let (watches, fleet) = fleet(&[None; 1000]);
        let mut turns = Turns::of(&watches);
        let mut had = BTreeSet::new();
        for _ in 0..3 {
            let looks = turns.looks(&fleet, &[NOW], None);
            assert_eq!((looks.len(), looks.iter().filter(|look| look.tags).count()), (400, 100));
            had.extend(looks.into_iter().map(|look| look.at));
        }
        assert_eq!(had.len(), 1000);
        assert_eq!(turns.for_all().looks(&fleet, &[NOW], None).len(), 1000);
    }

    #[test]
    fn a_pipeline_is_listed_once_a_minute() {
        let (watches, _) = fleet(&[None]);
        let mut turns = Turns::of(&watches);
        let listed = |after: &i64| !turns.listings(&[NOW + after]).is_empty();
        let told: Vec<bool> = [0, 1, 49, 55, 56, -600].iter().map(listed).collect();
        assert_eq!(told, [true, false, false, true, false, true]);
    }
}
