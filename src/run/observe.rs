//! Looks at all streams at once. What fails is that stream's own trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Watch;
use super::controller::locked;
use super::course::{Beat, Course, Patience};
use super::functions;
use super::learn::Learning;
use super::metrics::{self, Past, Ringing};
use super::turns::{Turns, is_among};
use crate::cloud::{Cloud, Fault, Tags};
use crate::control::{self, Delivery, Fleet, FunctionSeen, Seen};
use crate::model::{Deliveries, FanOut, Glance, Metrics, OpenShard, Readings, Scope};
use crate::scale::Alarm;

/// Looks in flight at once for one pipeline, so that one whose region hangs takes nobody else's place; the rates of the API hold
/// beside it.
const AT_ONCE: usize = 32;
/// Looks in flight at once for all pipelines.
const ALL_AT_ONCE: usize = 128;
/// Looks of one pipeline that hang one after the other, after which its others are not tried in this tick.
const IN_A_ROW: usize = 8;
/// Pipelines that are listed at once.
const LISTINGS: usize = 8;
/// Pages of a listing, of 100 streams each; more is a server that repeats itself.
const PAGES: usize = 200;
/// The looks wait no longer for listings: they are a hint.
const HINT: Duration = Duration::from_secs(10);

/// What a tick asks, and of whom.
pub struct Question<'a> {
    pub clouds: &'a [Arc<dyn Cloud>],
    pub watches: &'a [Watch],
    pub fleet: &'a Mutex<Fleet>,
    pub course: &'a Course,
    /// Seconds since 1970 by each cloud.
    pub now: &'a [i64],
    /// The streams that alone are asked about, by their places; `None` for all.
    pub only: Option<&'a BTreeSet<usize>>,
}

/// What a tick read; by cloud, except for the looks.
pub struct Observation {
    looks: BTreeMap<usize, Result<Glance, Unseen>>,
    newest: Vec<Readings>,
    pasts: Vec<BTreeMap<String, Past>>,
    consumers: Vec<Deliveries>,
    /// What was learned of Lambda functions, by stream.
    functions: BTreeMap<usize, Vec<FunctionSeen>>,
    /// The shards of streams that throttle although they have room.
    shards: BTreeMap<usize, Result<Vec<OpenShard>, String>>,
    alarms: Vec<Ringing>,
    /// When everything had come, or was waited for no longer: seconds since 1970.
    ended: Vec<i64>,
    pub troubles: Vec<String>,
}

impl Question<'_> {
    /// Everything that a tick reads, at once. Long pasts come with the tick by which they have been read.
    pub async fn answers(&self, turns: &mut Turns, learning: &mut Learning, how: (Patience, &Beat)) -> Observation {
        let began = Instant::now();
        let is_learning = learning.is_under_way() || self.only.is_some();
        let due = turns.reads(&locked(self.fleet), self.watches, self.now, self.only, is_learning);
        let to = self.now.iter().map(|now| now.div_euclid(60) - metrics::NEWEST).collect();
        learning.begin(self.clouds, due.past, to, how);
        let clouds = || self.clouds.iter().enumerate();
        let minute = |at: usize| self.now[at].div_euclid(60);
        let newest = clouds().map(|(at, cloud)| metrics::newest(&**cloud, &due.newest[at], minute(at), self.course));
        let names: Vec<Vec<String>> = clouds().map(|(at, _)| self.alarms(at)).collect();
        let alarms = clouds().map(|(at, cloud)| metrics::alarms(&**cloud, &names[at], self.course));
        let fan_outs: Vec<Vec<FanOut>> = clouds().map(|(at, _)| self.fan_outs(at)).collect();
        let consumers =
            clouds().map(|(at, cloud)| metrics::deliveries(&**cloud, &fan_outs[at], minute(at), self.course));
        let suspects = self.suspects();
        let ((looks, mut troubles), newest, mut alarms, mut consumers, functions, shards) = futures::join!(
            self.looks(turns),
            join_all(newest),
            join_all(alarms),
            join_all(consumers),
            self.functions(),
            shards(self.clouds, self.watches, &suspects, self.course),
        );
        // A round about some streams has no place for the pasts of others.
        let learned = if self.only.is_some() { Vec::new() } else { learning.come(began).await };
        let (mut pasts, unread): (Vec<_>, Vec<_>) = learned.into_iter().unzip();
        pasts.resize_with(self.clouds.len(), BTreeMap::new);
        troubles.extend(unread.into_iter().flatten());
        troubles.extend(consumers.iter_mut().flat_map(|read| read.troubles.drain(..)));
        troubles.extend(alarms.iter_mut().flat_map(|read| std::mem::take(&mut read.troubles)));
        let (functions, untold) = functions;
        troubles.extend(untold);
        // Who had no turn has failed in nothing.
        if !self.course.is_over() {
            troubles.extend(shards.values().filter_map(|read| read.clone().err()));
        }
        let ended = self.clouds.iter().map(|cloud| cloud.now()).collect();
        let looks = looks.into_iter().collect();
        Observation { looks, newest, pasts, consumers, functions, shards, alarms, ended, troubles }
    }

    /// The streams whose single shards are worth a question, and whose shards' own metrics are on.
    fn suspects(&self) -> Vec<(usize, bool)> {
        let fleet = locked(self.fleet);
        let all = fleet.streams().iter().zip(self.watches).enumerate();
        let asks = all.filter(|(at, (stream, watch))| {
            stream.tells_loads() && is_among(self.only, *at) && stream.asks_shards(self.now[watch.cloud])
        });
        asked(&fleet, asks.map(|(at, _)| at))
    }

    /// What is learned of Lambda functions, by stream, and what failed.
    async fn functions(&self) -> (BTreeMap<usize, Vec<FunctionSeen>>, Vec<String>) {
        let due = functions::due(&locked(self.fleet), self.watches, self.now, self.only);
        let names = functions::names(&locked(self.fleet), self.watches, self.clouds.len(), self.only);
        let (mappings, ages) = futures::join!(
            functions::looks(self.clouds, self.watches, &due, self.course),
            functions::ages(self.clouds, &names, self.now, self.course),
        );
        let mut troubles = Vec::new();
        let seen = functions::seen(&locked(self.fleet), self.watches, mappings, ages, &mut troubles);
        (seen, troubles)
    }

    /// The looks that are due once the streams have been listed: a listing saves the question for each one's tags.
    async fn looks(&self, turns: &mut Turns) -> (Vec<(usize, Result<Glance, Unseen>)>, Vec<String>) {
        let mut troubles = Vec::new();
        if self.only.is_none() {
            let due = turns.listings(self.now);
            let listings =
                due.into_iter().map(|(cloud, scope)| async move { (cloud, self.listing(cloud, &scope).await) });
            let listings: Vec<_> = stream::iter(listings).buffer_unordered(LISTINGS).collect().await;
            let mut fleet = locked(self.fleet);
            for (cloud, (tags, trouble)) in listings {
                troubles.extend(trouble);
                for (at, watch) in self.watches.iter().enumerate().filter(|(_, watch)| watch.cloud == cloud) {
                    if let Some(tags) = tags.get(&watch.physical) {
                        fleet.stream(at).0.listed(tags, self.now[cloud]);
                    }
                }
            }
        }
        let due = turns.looks(&locked(self.fleet), self.now, self.only);
        (looks(self.clouds, self.watches, &due, self.course).await, troubles)
    }

    /// What a listing tells of the tags of a pipeline's streams in the time that there is for it, and what failed.
    async fn listing(&self, cloud: usize, scope: &Scope) -> (BTreeMap<String, Tags>, Option<String>) {
        let (mut tags, mut after, until) = (BTreeMap::new(), None, Instant::now() + HINT);
        for _ in 0..PAGES {
            let ask = self.course.answer("listing streams", self.clouds[cloud].stream_tags(scope, after.take()));
            let page = match tokio::time::timeout_at(until, ask).await {
                Ok(Ok(Ok(page))) => {
                    self.course.answered();
                    page
                }
                Ok(Ok(Err(fault))) => {
                    self.course.failed(&fault);
                    return (tags, Some(format!("{fault}: tags are read stream by stream, which takes longer")));
                }
                Ok(Err(_)) | Err(_) => break,
            };
            tags.extend(page.tags);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        (tags, None)
    }

    fn here(&self, cloud: usize) -> impl Iterator<Item = &Watch> {
        let asked = self.watches.iter().enumerate().filter(|(at, _)| is_among(self.only, *at));
        asked.map(|(_, watch)| watch).filter(move |watch| watch.cloud == cloud)
    }

    /// The alarms of a cloud's streams, by their names in AWS.
    fn alarms(&self, cloud: usize) -> Vec<String> {
        self.here(cloud).flat_map(|watch| watch.alarms.iter().map(|alarm| alarm.name.clone())).collect()
    }

    /// The fan-out consumers of a cloud's streams.
    fn fan_outs(&self, cloud: usize) -> Vec<FanOut> {
        let of =
            |watch: &Watch, consumer: &String| FanOut { stream: watch.physical.clone(), consumer: consumer.clone() };
        self.here(cloud).flat_map(|watch| watch.consumers.iter().map(move |consumer| of(watch, consumer))).collect()
    }
}

/// What was read of one stream.
pub struct Found {
    glance: Option<Result<Glance, Unseen>>,
    newest: Option<Result<Vec<(i64, Metrics)>, String>>,
    past: Option<Past>,
    /// `None`: not known.
    alarms: Option<Vec<Alarm>>,
    /// The alarm that the queue told of.
    heard: Option<String>,
    consumers: Option<Vec<Delivery>>,
    functions: Option<Vec<FunctionSeen>>,
    shards: Option<Result<Vec<OpenShard>, String>>,
    ended: i64,
}

impl Found {
    /// As the stream takes it in.
    pub fn seen(&self) -> Seen<'_> {
        Seen {
            glance: self.glance.as_ref().map(|look| look.as_ref().map_err(Unseen::why)),
            gone: self.glance.as_ref().is_some_and(|look| look.as_ref().is_err_and(|unseen| unseen.gone)),
            metrics: self.newest.as_ref().map(|read| read.as_deref().map_err(String::as_str)),
            past: self.past.as_ref().map(|(minutes, to)| control::Past { minutes, to: *to }),
            alarms: self.alarms.as_deref(),
            heard: self.heard.as_deref(),
            consumers: self.consumers.as_deref(),
            functions: self.functions.as_deref(),
            shards: self.shards.as_ref().map(|read| read.as_deref().map_err(String::as_str)),
            quota: None,
            ended: Some(self.ended),
        }
    }
}

impl Observation {
    /// Looks and readings that failed.
    pub fn failed(&self) -> u64 {
        let looks = self.looks.values().filter(|look| look.as_ref().is_err_and(|unseen| !unseen.gone)).count();
        (looks + self.newest.iter().map(|read| read.blind.len()).sum::<usize>()) as u64
    }

    /// Takes out what was read of one stream, so that what is read goes as what is to be written comes. `heard`: what the queue told,
    /// which may not be in DescribeAlarms yet.
    pub fn take(&mut self, at: usize, watch: &Watch, heard: &BTreeSet<String>) -> Found {
        let (cloud, name) = (watch.cloud, &watch.physical);
        let blind = self.newest[cloud].blind.get(name).cloned().map(Err);
        let told = watch.alarms.iter().find(|alarm| heard.contains(&alarm.name)).map(|alarm| alarm.name.clone());
        let Ringing { ringing, unknown, .. } = &self.alarms[cloud];
        let rings = |alarm: &&Alarm| ringing.contains(&alarm.name) || heard.contains(&alarm.name);
        let is_known = !watch.alarms.iter().any(|alarm| unknown.contains(&alarm.name));
        Found {
            glance: self.looks.remove(&at),
            newest: blind.or_else(|| self.newest[cloud].found.remove(name).map(Ok)),
            past: self.pasts[cloud].remove(name),
            alarms: is_known.then(|| watch.alarms.iter().filter(rings).cloned().collect()),
            heard: told,
            consumers: consumers_of(watch, &mut self.consumers[cloud]),
            functions: self.functions.remove(&at),
            shards: self.shards.remove(&at),
            ended: self.ended[cloud],
        }
    }
}

/// Why a look showed no stream.
pub struct Unseen {
    why: String,
    /// AWS knows no such stream, which is an answer.
    gone: bool,
}

impl Unseen {
    pub fn why(&self) -> &str {
        &self.why
    }

    fn failed(why: String) -> Self {
        Self { why, gone: false }
    }
}

impl From<Fault> for Unseen {
    fn from(fault: Fault) -> Self {
        Self { why: fault.to_string(), gone: fault.is_absent() }
    }
}

/// A look that is due.
pub struct Look {
    pub at: usize,
    pub tags: bool,
}

/// Looks at streams; the answers in no order. Who did not get its turn in time is not among them.
pub async fn looks(
    clouds: &[Arc<dyn Cloud>],
    watches: &[Watch],
    due: &[Look],
    course: &Course,
) -> Vec<(usize, Result<Glance, Unseen>)> {
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
                course.goes_on();
                let why = format!("reading stream {} was not tried: {IN_A_ROW} others in a row hung", watch.physical);
                return Some((look.at, Err(Unseen::failed(why))));
            }
            let (target, what) = (watch.target(), format!("reading stream {}", watch.physical));
            let glance = match course.answer(&what, clouds[cloud].glance(&target, look.tags)).await {
                Ok(answer) => {
                    hung.store(0, Ordering::Relaxed);
                    let glance = answer.inspect_err(|fault| course.failed(fault)).map_err(Unseen::from);
                    if glance.as_ref().map_or_else(|unseen| unseen.gone, |_| true) {
                        course.answered();
                    }
                    glance
                }
                // Nothing is known of it, as before: it has its turn with the next tick.
                Err(missed) if missed.no_turn => return None,
                Err(missed) => {
                    hung.fetch_add(1, Ordering::Relaxed);
                    Err(Unseen::failed(missed.to_string()))
                }
            };
            Some((look.at, glance))
        });
        stream::iter(all).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect::<Vec<_>>().await
    });
    join_all(of_one).await.into_iter().flatten().collect()
}

/// Streams whose shards are asked for, and whether these say how full they are.
pub fn asked(fleet: &Fleet, wanted: impl Iterator<Item = usize>) -> Vec<(usize, bool)> {
    wanted.map(|at| (at, fleet.streams()[at].tells_loads())).collect()
}

/// The open shards of streams that are to be split, or have a hot one; of some with their loads.
pub async fn shards(
    clouds: &[Arc<dyn Cloud>],
    watches: &[Watch],
    wanted: &[(usize, bool)],
    course: &Course,
) -> BTreeMap<usize, Result<Vec<OpenShard>, String>> {
    let all = wanted.iter().map(|(at, loads)| async move {
        let watch = &watches[*at];
        let target = watch.target();
        let what = format!("listing the shards of stream {}", watch.physical);
        let read = course.answer(&what, clouds[watch.cloud].open_shards(&target, *loads)).await;
        let read = read.map_err(|missed| missed.to_string());
        (*at, read.and_then(|shards| shards.map_err(|fault| fault.to_string())))
    });
    stream::iter(all).buffer_unordered(AT_ONCE).collect().await
}

/// What was read of a stream's consumers; `None` where that failed, or where it has none.
fn consumers_of(watch: &Watch, read: &mut Deliveries) -> Option<Vec<Delivery>> {
    let one = |consumer: &String| {
        let one = FanOut { stream: watch.physical.clone(), consumer: consumer.clone() };
        Some((consumer.clone(), read.found.remove(&one)?))
    };
    let all: Option<Vec<Delivery>> = watch.consumers.iter().map(one).collect();
    all.filter(|all| !all.is_empty())
}
