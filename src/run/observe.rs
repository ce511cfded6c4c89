//! Looks at all streams at once. What fails is that stream's own trouble.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Watch;
use crate::cloud::Cloud;
use crate::control::{Delivery, FunctionSeen};
use crate::model::{Deliveries, FanOut, Glance, OpenShard, Readings};

/// Looks in flight at once for one pipeline, so that one whose region hangs takes nobody else's place; the rates of the API hold
/// beside it.
const AT_ONCE: usize = 32;
/// Looks in flight at once for all pipelines.
const ALL_AT_ONCE: usize = 128;
/// Looks of one pipeline that hang one after the other, after which its others are not tried in this tick.
const IN_A_ROW: usize = 8;
/// Minutes of fan-out consumers that are read: those in which CloudWatch still corrects itself.
const NEWEST: i64 = 12;
/// Minutes of metrics that are asked for at once: a fortnight is many calls, and what has come of it is kept.
const DAY: i64 = 1440;

/// Told that the loop goes on, at each answer and each one that is waited for no longer.
pub type Beat = Arc<dyn Fn() + Send + Sync>;

/// How long a tick waits for answers, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For one look or reading, so that one that hangs holds up nobody.
    pub one: Duration,
    /// For all that is read at once.
    pub all: Duration,
}

impl Patience {
    /// Half a tick for everything, 30 s to 1 min.
    pub fn of(tick_seconds: u32) -> Self {
        let half = u64::from(tick_seconds / 2);
        Self { one: Duration::from_secs(20), all: Duration::from_secs(half.clamp(30, 60)) }
    }
}

/// One round of looks and readings, which has an end.
pub struct Course {
    one: Duration,
    until: Instant,
    beat: Beat,
}

impl Course {
    pub fn new(patience: Patience, beat: &Beat) -> Self {
        Self { one: patience.one, until: Instant::now() + patience.all, beat: Arc::clone(beat) }
    }

    /// The answer, or why it is waited for no longer.
    pub async fn answer<T>(&self, what: &str, ask: impl Future<Output = T>) -> Result<T, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            (self.beat)();
            return Err(format!("{what} did not get its turn in time, since other answers did not come"));
        }
        let patience = self.one.min(left);
        let answer = tokio::time::timeout(patience, ask).await;
        (self.beat)();
        answer.map_err(|_| format!("{what} took more than {} s", patience.as_secs()))
    }
}

/// What a tick read; metrics and alarms by cloud.
pub struct Observation {
    pub looks: BTreeMap<usize, Result<Glance, String>>,
    pub metrics: Vec<Read>,
    pub consumers: Vec<Deliveries>,
    /// What was learned of Lambda functions, by stream.
    pub functions: BTreeMap<usize, Vec<FunctionSeen>>,
    /// `None`: not known.
    pub alarms: Vec<Option<BTreeSet<String>>>,
    /// When everything had come, or was waited for no longer: seconds since 1970 by each cloud.
    pub ended: Vec<i64>,
    pub troubles: Vec<String>,
}

impl Observation {
    /// Looks and readings that failed.
    pub fn failed(&self) -> u64 {
        let looks = self.looks.values().filter(|look| look.is_err()).count();
        (looks + self.metrics.iter().map(|read| read.readings.blind.len()).sum::<usize>()) as u64
    }
}

/// A look that is due.
pub struct Look {
    pub at: usize,
    pub tags: bool,
}

/// Looks at streams; the answers in no order.
pub async fn looks(
    clouds: &[Arc<dyn Cloud>],
    watches: &[Watch],
    due: &[Look],
    course: &Course,
) -> Vec<(usize, Result<Glance, String>)> {
    let mut pipelines: BTreeMap<(usize, &str), Vec<&Look>> = BTreeMap::new();
    for look in due {
        let watch = &watches[look.at];
        pipelines.entry((watch.cloud, watch.scope.pipeline.as_str())).or_default().push(look);
    }
    let slots = &Semaphore::new(ALL_AT_ONCE);
    let of_one = pipelines.into_iter().map(|((cloud, _), looks)| async move {
        let hung = &AtomicUsize::new(0);
        let all = looks.into_iter().map(|look| async move {
            // It is never closed.
            let _slot = slots.acquire().await;
            let watch = &watches[look.at];
            if hung.load(Ordering::Relaxed) >= IN_A_ROW {
                (course.beat)();
                let why = format!("reading stream {} was not tried: {IN_A_ROW} others in a row hung", watch.physical);
                return (look.at, Err(why));
            }
            let (target, what) = (watch.target(), format!("reading stream {}", watch.physical));
            let glance = match course.answer(&what, clouds[cloud].glance(&target, look.tags)).await {
                Ok(answer) => {
                    hung.store(0, Ordering::Relaxed);
                    answer.map_err(|fault| fault.to_string())
                }
                Err(why) => {
                    hung.fetch_add(1, Ordering::Relaxed);
                    Err(why)
                }
            };
            (look.at, glance)
        });
        stream::iter(all).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
    });
    join_all(of_one).await.into_iter().flatten().collect()
}

/// The open shards of streams, for those that are to be split.
pub async fn shards(
    clouds: &[Arc<dyn Cloud>],
    watches: &[Watch],
    wanted: &[usize],
    course: &Course,
) -> BTreeMap<usize, Result<Vec<OpenShard>, String>> {
    let all = wanted.iter().map(|at| async move {
        let watch = &watches[*at];
        let target = watch.target();
        let read = course.answer("listing its shards", clouds[watch.cloud].open_shards(&target, watch.loads)).await;
        (*at, read.and_then(|shards| shards.map_err(|fault| fault.to_string())))
    });
    stream::iter(all).buffer_unordered(AT_ONCE).collect().await
}

/// The metrics that a tick read.
#[derive(Default)]
pub struct Read {
    pub readings: Readings,
    /// Streams whose metrics were found, but not up to the newest minute.
    pub behind: BTreeSet<String>,
}

/// Reads metrics: streams that are asked from the same minute on together, those first that have the least to catch up. Of a
/// long past that does not come in time, what has come is kept: the rest follows with the next tick.
pub async fn metrics(cloud: &dyn Cloud, wanted: &BTreeMap<i64, Vec<String>>, to: i64, course: &Course) -> Read {
    let mut all = Read::default();
    for (from, streams) in wanted.iter().rev() {
        let (mut streams, mut next) = (streams.clone(), *from);
        while next < to && !streams.is_empty() {
            let (begin, end) = (next, (next + DAY).min(to));
            next = end;
            let read = course.answer("reading metrics from CloudWatch", cloud.readings(&streams, begin, end)).await;
            let Readings { mut found, blind } = read.unwrap_or_else(|why| Readings {
                blind: streams.iter().map(|stream| (stream.clone(), why.clone())).collect(),
                ..Readings::default()
            });
            // Who was not told of a day is not asked for the next one.
            streams.retain(|stream| !blind.contains_key(stream));
            found.retain(|stream, _| !blind.contains_key(stream));
            for (stream, minutes) in found {
                match all.readings.found.entry(stream) {
                    Entry::Vacant(place) => drop(place.insert(minutes)),
                    Entry::Occupied(mut earlier) => earlier.get_mut().extend(minutes),
                }
            }
            for (stream, why) in blind {
                if all.readings.found.contains_key(&stream) {
                    all.behind.insert(stream);
                } else {
                    all.readings.blind.insert(stream, why);
                }
            }
        }
    }
    all
}

/// Reads the newest minutes of fan-out consumers.
pub async fn deliveries(cloud: &dyn Cloud, consumers: &[FanOut], to: i64, course: &Course) -> Deliveries {
    if consumers.is_empty() {
        return Deliveries::default();
    }
    let what = "reading the metrics of fan-out consumers";
    let read = course.answer(what, cloud.deliveries(consumers, to - NEWEST, to)).await;
    read.unwrap_or_else(|why| Deliveries { troubles: vec![why], ..Deliveries::default() })
}

/// Asks which alarms ring.
pub async fn alarms(cloud: &dyn Cloud, names: &[String], course: &Course) -> Result<BTreeSet<String>, String> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ringing = course.answer("reading alarms", cloud.ringing(names)).await?;
    ringing.map_err(|fault| fault.to_string())
}

/// What was read of a stream's consumers; `None` where that failed, or where it has none.
pub fn consumers_of(watch: &Watch, read: &mut Deliveries) -> Option<Vec<Delivery>> {
    let one = |consumer: &String| {
        let one = FanOut { stream: watch.physical.clone(), consumer: consumer.clone() };
        Some((consumer.clone(), read.found.remove(&one)?))
    };
    let all: Option<Vec<Delivery>> = watch.consumers.iter().map(one).collect();
    all.filter(|all| !all.is_empty())
}
