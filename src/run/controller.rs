use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt};

use super::admit::Room;
use super::observe::{self, Beat, Course, Look, Observation, Patience, Read};
use super::turns::Turns;
use super::{Fence, Heard, Ledger, act, admit};
use crate::apply::Stop;
use crate::cloud::{Cloud, Target};
use crate::control::{Answer, DRY_RUN, Decision, DriftStatus, Entry, Fleet, Key, Lease, Record, Seen, Verb};
use crate::kinds::stream::SCHEMA;
use crate::model::{Address, FanOut, Glance, Scope};
use crate::scale::hot::Operation;
use crate::scale::{Admission, Alarm};

/// Entries of one pipeline that are kept until they can be written, the newest.
const OWED: usize = 1000;
/// Resizes sent at once.
const CALLS_AT_ONCE: usize = 10;

/// How a stream is reached.
pub struct Watch {
    /// Its name in the spec, and in AWS.
    pub name: String,
    pub physical: String,
    pub scope: Arc<Scope>,
    /// Which of the clouds.
    pub cloud: usize,
    /// Its alarms that ask for a decision, by their names in AWS.
    pub alarms: Vec<Alarm>,
    /// Its fan-out consumers, by their names in AWS.
    pub consumers: Vec<String>,
    /// Whether its shards' own metrics are on, by the spec.
    pub loads: bool,
}

impl Watch {
    /// The stream as the cloud knows it; made for each look, since it is many times larger than what it is made from.
    pub fn target(&self) -> Target {
        Target {
            address: Address::new(SCHEMA.kind, self.name.as_str()),
            schema: &SCHEMA,
            scope: Scope::clone(&self.scope),
            physical: self.physical.clone(),
            outputs: BTreeMap::new(),
            listed: None,
        }
    }
}

/// What is worth a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Decision {
        key: Key,
        decision: Box<Decision>,
    },
    Drift(DriftStatus),
    /// What failed for more than one stream, and when it was noticed.
    Trouble {
        at: i64,
        message: String,
    },
}

/// The loop's one tick, and what it needs.
pub struct Controller {
    clouds: Vec<Arc<dyn Cloud>>,
    watches: Vec<Watch>,
    fleet: Arc<Mutex<Fleet>>,
    ledger: Box<dyn Ledger>,
    turns: Turns,
    stop: Stop,
    heard: Heard,
    room: Room,
    patience: Patience,
    beat: Beat,
    /// Entries that could not be written, by pipeline: they go before the next ones.
    owed: BTreeMap<String, Vec<Entry>>,
    /// Pipelines whose entries of this tick could not be written.
    unwritten: BTreeSet<String>,
}

/// A decision to resize that still holds.
struct Going {
    at: usize,
    decision: Decision,
    glance: Glance,
    called: i64,
    fence: Fence,
    /// A single shard in place of the count.
    split: Option<Operation>,
}

/// What was sent, how AWS took it, and that in a sentence.
type Answered = (Going, Answer, String);

fn locked(fleet: &Mutex<Fleet>) -> MutexGuard<'_, Fleet> {
    fleet.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Controller {
    /// Takes in what the ledger holds. `watches` stand in the order of the fleet's streams.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn start(
        clouds: Vec<Arc<dyn Cloud>>,
        watches: Vec<Watch>,
        fleet: Fleet,
        mut ledger: Box<dyn Ledger>,
        stop: Stop,
        heard: Heard,
    ) -> Result<Self, crate::cloud::Fault> {
        let fleet = Arc::new(Mutex::new(fleet));
        let into = Arc::clone(&fleet);
        ledger.recall(&mut |entry| locked(&into).recall(&entry)).await?;
        let turns = Turns::of(&watches);
        let patience = Patience::of(locked(&fleet).rules.tick_seconds);
        Ok(Self {
            clouds,
            watches,
            fleet,
            ledger,
            turns,
            stop,
            heard,
            room: Room::default(),
            patience,
            beat: Arc::new(|| ()),
            owed: BTreeMap::new(),
            unwritten: BTreeSet::new(),
        })
    }

    /// Tells `beat` of each answer, and of each that is waited for no longer: a loop with slow answers lives.
    #[must_use]
    pub fn beating(self, beat: Beat) -> Self {
        Self { beat, ..self }
    }

    /// Waits so long for answers, in place of what follows from the length of a tick.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// What others read: lock it shortly.
    pub fn fleet(&self) -> Arc<Mutex<Fleet>> {
        Arc::clone(&self.fleet)
    }

    /// Looks at every stream, decides, and does what was decided.
    pub async fn tick(&mut self, tell: &(dyn Fn(Told) + Sync)) {
        let began = std::time::Instant::now();
        let now: Vec<i64> = self.clouds.iter().map(|cloud| cloud.now()).collect();
        self.unwritten.clear();
        let mut troubles = locked(&self.fleet).left_out.clone();
        troubles.extend(self.take_over().await);
        let mut read = self.observe(&now).await;
        let failed_reads = read.failed();
        troubles.append(&mut read.troubles);
        let (mut entries, mut wishes) = self.decide(&now, read, tell);
        troubles.extend(self.heard.deaf());
        troubles.extend(self.ledger.trouble());
        troubles.extend(self.put_off(&mut wishes, &mut entries, tell).await);
        let failed = self.write(entries, false, &mut troubles).await;
        wishes.retain(|(at, _)| !failed.contains(&self.pipeline(*at)));
        if !self.stop.is_asked() {
            troubles.extend(self.act(wishes, tell).await);
        }
        let at = self.clouds.first().map_or(0, |cloud| cloud.now());
        troubles.iter().for_each(|trouble| tell(Told::Trouble { at, message: trouble.clone() }));
        let mut fleet = locked(&self.fleet);
        fleet.now = at;
        fleet.ticks.count += 1;
        fleet.ticks.last_at = Some(fleet.now);
        fleet.ticks.last_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        fleet.ticks.failed_reads += failed_reads;
        fleet.troubles = troubles;
        fleet.unwritten.clone_from(&self.unwritten);
        let mine = |pipeline: &str| (self.ledger.fence(pipeline))();
        let lease = |(pipeline, holder): (String, String)| Lease { is_mine: mine(&pipeline), pipeline, holder };
        fleet.leases = self.ledger.holders().into_iter().map(lease).collect();
    }

    /// Tells at any later moment whether this replica acts for a pipeline.
    pub fn fence(&self, pipeline: &str) -> Fence {
        self.ledger.fence(pipeline)
    }

    /// Gives back what others may take over. Nothing is decided after it.
    pub async fn end(&mut self) {
        let mut troubles = Vec::new();
        let owed: BTreeSet<String> = self.owed.keys().cloned().collect();
        let failed = self.write(Vec::new(), true, &mut troubles).await;
        locked(&self.fleet).unwritten.retain(|pipeline| !owed.contains(pipeline) || failed.contains(pipeline));
        self.ledger.close().await;
    }

    fn pipeline(&self, at: usize) -> String {
        locked(&self.fleet).streams()[at].key.pipeline.clone()
    }

    /// Reads what other replicas wrote about the pipelines that have come to this one.
    async fn take_over(&mut self) -> Vec<String> {
        let mut troubles = Vec::new();
        for pipeline in self.ledger.gained() {
            let mut entries = Vec::new();
            match self.ledger.take_over(&pipeline, &mut |entry| entries.push(entry)).await {
                Ok(()) => {
                    self.owed.remove(&pipeline);
                    let mut fleet = locked(&self.fleet);
                    fleet.forget(&pipeline);
                    entries.iter().for_each(|entry| fleet.recall(entry));
                    tracing::info!(pipeline, entries = entries.len(), "this replica acts from now on");
                }
                Err(fault) => troubles.push(format!("{fault}: nothing is resized in {pipeline} until it can be read")),
            }
        }
        troubles
    }

    /// Writes each pipeline's entries by themselves, so that one that fails holds up no other. Answers those that failed; what is
    /// not an announcement of a call is written with the next ones.
    async fn write(&mut self, entries: Vec<Entry>, durable: bool, troubles: &mut Vec<String>) -> BTreeSet<String> {
        let mut pipelines: BTreeMap<String, Vec<Entry>> = std::mem::take(&mut self.owed);
        // Those of one stream stay in their order.
        for entry in entries {
            pipelines.entry(entry.key.pipeline.clone()).or_default().push(entry);
        }
        let mut failed = BTreeSet::new();
        for (pipeline, mut entries) in pipelines {
            let Err(fault) = self.ledger.write(&pipeline, &entries, durable).await else { continue };
            troubles.push(format!("{fault}: nothing is resized in {pipeline} until it can be written"));
            // Where another replica acts by now, its ledger says all.
            if (self.ledger.fence(&pipeline))() {
                entries.retain(|entry| is_owed(&entry.record));
                entries.drain(..entries.len().saturating_sub(OWED));
                if !entries.is_empty() {
                    self.owed.insert(pipeline.clone(), entries);
                }
            }
            failed.insert(pipeline);
        }
        self.unwritten.extend(failed.iter().cloned());
        failed
    }

    /// Everything that a tick reads, at once.
    async fn observe(&mut self, now: &[i64]) -> Observation {
        let (due, wanted) = self.turns.due(&locked(&self.fleet), &self.watches, now);
        let names: Vec<Vec<String>> = (0..self.clouds.len())
            .map(|at| {
                let here = self.watches.iter().filter(|watch| watch.cloud == at);
                here.flat_map(|watch| watch.alarms.iter().map(|alarm| alarm.name.clone())).collect()
            })
            .collect();
        let course = &Course::new(self.patience, &self.beat);
        let of_all = |at: usize| (&*self.clouds[at], &wanted[at], &names[at], now[at].div_euclid(60));
        let metrics = (0..self.clouds.len()).map(|at| {
            let (cloud, wanted, _, minute) = of_all(at);
            observe::metrics(cloud, wanted, minute, course)
        });
        let alarms = (0..self.clouds.len()).map(|at| {
            let (cloud, _, names, _) = of_all(at);
            observe::alarms(cloud, names, course)
        });
        let fan_outs: Vec<Vec<FanOut>> = (0..self.clouds.len()).map(|at| self.fan_outs(at)).collect();
        let consumers = (0..self.clouds.len()).map(|at| {
            let (cloud, _, _, minute) = of_all(at);
            observe::deliveries(cloud, &fan_outs[at], minute, course)
        });
        let (looks, metrics, alarms, mut consumers) = futures::join!(
            observe::looks(&self.clouds, &self.watches, &due, course),
            futures::future::join_all(metrics),
            futures::future::join_all(alarms),
            futures::future::join_all(consumers),
        );
        let mut troubles: Vec<String> = consumers.iter_mut().flat_map(|read| read.troubles.drain(..)).collect();
        let alarms = alarms.into_iter().map(|ringing| ringing.map_err(|why| troubles.push(why)).ok()).collect();
        let ended = self.clouds.iter().map(|cloud| cloud.now()).collect();
        Observation { looks: looks.into_iter().collect(), metrics, consumers, alarms, ended, troubles }
    }

    /// The fan-out consumers of a cloud's streams.
    fn fan_outs(&self, cloud: usize) -> Vec<FanOut> {
        let here = self.watches.iter().filter(|watch| watch.cloud == cloud);
        let of =
            |watch: &Watch, consumer: &String| FanOut { stream: watch.physical.clone(), consumer: consumer.clone() };
        here.flat_map(|watch| watch.consumers.iter().map(move |consumer| of(watch, consumer))).collect()
    }

    /// Decides for every stream.
    fn decide(
        &self,
        now: &[i64],
        mut seen: Observation,
        tell: &(dyn Fn(Told) + Sync),
    ) -> (Vec<Entry>, Vec<(usize, Decision)>) {
        let heard = self.heard.take();
        let mut fleet = locked(&self.fleet);
        let (mut entries, mut wishes) = (Vec::new(), Vec::new());
        let pipelines: BTreeSet<String> = fleet.streams().iter().map(|stream| stream.key.pipeline.clone()).collect();
        let acting: BTreeMap<String, bool> =
            pipelines.into_iter().map(|name| (name.clone(), (self.ledger.fence(&name))())).collect();
        for (at, watch) in self.watches.iter().enumerate() {
            let (stream, rules) = fleet.stream(at);
            // Taken out, so that what is read goes as what is to be written comes.
            let Read { readings: read, behind } = &mut seen.metrics[watch.cloud];
            let is_behind = behind.contains(&watch.physical);
            let (found, blind) = (read.found.remove(&watch.physical), read.blind.get(&watch.physical));
            let metrics = match (&found, blind) {
                (_, Some(why)) => Some(Err(why.as_str())),
                (Some(found), None) => Some(Ok(found.as_slice())),
                (None, None) => None,
            };
            let glance = seen.looks.get(&at).map(|look| look.as_ref().map_err(String::as_str));
            // What the queue told may not be in DescribeAlarms yet.
            let told = watch.alarms.iter().find(|alarm| heard.contains(&alarm.name));
            let ringing = seen.alarms[watch.cloud].as_ref();
            let ringing: Option<Vec<Alarm>> = ringing.map(|all| {
                let rings = |alarm: &&Alarm| all.contains(&alarm.name) || heard.contains(&alarm.name);
                watch.alarms.iter().filter(rings).cloned().collect()
            });
            let (alarms, quota) = (ringing.as_deref(), self.room.quota(watch.cloud, now[watch.cloud]));
            let consumers = observe::consumers_of(watch, &mut seen.consumers[watch.cloud]);
            let (heard, consumers) = (told.map(|alarm| alarm.name.as_str()), consumers.as_deref());
            let ended = Some(seen.ended[watch.cloud]);
            let seen = Seen { glance, metrics, is_behind, alarms, heard, consumers, quota, ended };
            let step = stream.tick(&seen, &rules, now[watch.cloud]);
            if !acting.get(&stream.key.pipeline).copied().unwrap_or(false) {
                // Another replica decides; this one keeps its eyes open, so that it can go on where the other ends.
                continue;
            }
            tell_step(&stream.key, &step.records, tell);
            entries.extend(entries_of(&stream.key, step.records));
            if !matches!(step.decision.verb, Verb::Resize | Verb::Split) {
                continue;
            }
            if rules.dry_run {
                let decision = Decision { outcome: Some(DRY_RUN.into()), ..step.decision };
                let record = stream.conclude(&decision, &rules);
                tell_step(&stream.key, record.as_slice(), tell);
                entries.extend(entries_of(&stream.key, record.into_iter().collect()));
            } else {
                wishes.push((at, step.decision));
            }
        }
        (entries, wishes)
    }

    /// Leaves the most urgent wishes, as many as may go at once.
    async fn put_off(
        &mut self,
        wishes: &mut Vec<(usize, Decision)>,
        entries: &mut Vec<Entry>,
        tell: &(dyn Fn(Told) + Sync),
    ) -> Vec<String> {
        let growing = wishes.iter().filter(|(_, decision)| decision.to > decision.from);
        let growing = growing.map(|(at, _)| self.watches[*at].cloud).collect();
        let course = Course::new(self.patience, &self.beat);
        let troubles = self.room.ask(&self.clouds, &growing, &course).await;
        let now: Vec<i64> = self.clouds.iter().map(|cloud| cloud.now()).collect();
        let mut fleet = locked(&self.fleet);
        let mut admitted = admit::admitted(&fleet, &self.watches, wishes, &self.room, &now).into_iter();
        wishes.retain(|(at, decision)| {
            let admission = admitted.next().unwrap_or(Admission::Go);
            let (stream, rules) = fleet.stream(*at);
            let records = stream.put_off(decision.clone(), admission, &rules, now[self.watches[*at].cloud]);
            tell_step(&stream.key, &records, tell);
            entries.extend(entries_of(&stream.key, records));
            admission == Admission::Go
        });
        troubles
    }

    /// Looks once more, writes down, calls, writes down.
    async fn act(&mut self, wishes: Vec<(usize, Decision)>, tell: &(dyn Fn(Told) + Sync)) -> Vec<String> {
        if wishes.is_empty() {
            return Vec::new();
        }
        let due: Vec<Look> = wishes.iter().map(|(at, _)| Look { at: *at, tags: true }).collect();
        let course = &Course::new(self.patience, &self.beat);
        let looks = observe::looks(&self.clouds, &self.watches, &due, course).await;
        let mut looks: BTreeMap<usize, Result<Glance, String>> = looks.into_iter().collect();
        let splitting = wishes.iter().filter(|(_, decision)| decision.verb == Verb::Split).map(|(at, _)| *at);
        let splitting: Vec<usize> = splitting.collect();
        let mut shards = observe::shards(&self.clouds, &self.watches, &splitting, course).await;
        let (mut entries, mut going) = (Vec::new(), Vec::new());
        for (at, decision) in wishes {
            let Some(look) = looks.remove(&at) else { continue };
            let now = self.clouds[self.watches[at].cloud].now();
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            let confirmed = stream.confirm(&decision, look.as_ref().map_err(String::as_str), &rules, now);
            let confirmed = confirmed.and_then(|record| match shards.remove(&at) {
                Some(open) => {
                    let open = open.as_deref().map_err(String::as_str);
                    let (operation, decision, record) = stream.split(&decision, open, &rules, now)?;
                    Ok((record, decision, Some(operation)))
                }
                None => Ok((record, decision, None)),
            });
            match confirmed {
                Ok((record, decision, split)) => {
                    stream.recall(&record, &rules);
                    let called = now.div_euclid(60);
                    entries.extend(entries_of(&stream.key, vec![record]));
                    let fence = self.ledger.fence(&stream.key.pipeline);
                    going.extend(look.ok().map(|glance| Going { at, decision, glance, called, fence, split }));
                }
                Err(step) => {
                    tell_step(&stream.key, &step.records, tell);
                    entries.extend(entries_of(&stream.key, step.records));
                }
            }
        }
        let mut troubles = Vec::new();
        let failed = self.write(entries, true, &mut troubles).await;
        let (going, left): (Vec<Going>, Vec<Going>) =
            going.into_iter().partition(|going| !failed.contains(&self.pipeline(going.at)));
        self.give_up(&left);
        let sent = going.into_iter().map(|going| self.send(going));
        let answers: Vec<_> = stream::iter(sent).buffer_unordered(CALLS_AT_ONCE).collect().await;
        let entries = self.answered(answers, tell);
        self.write(entries, true, &mut troubles).await;
        troubles
    }

    /// Takes in what AWS said.
    fn answered(&self, answers: Vec<Answered>, tell: &(dyn Fn(Told) + Sync)) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (going, answer, outcome) in answers {
            let now = self.clouds[self.watches[going.at].cloud].now();
            let mut fleet = locked(&self.fleet);
            match answer {
                Answer::Unsent => {}
                Answer::Refused => fleet.ticks.refusals += 1,
                Answer::Unknown => fleet.ticks.unanswered += 1,
                _ if going.split.is_some() => fleet.ticks.splits += 1,
                _ => fleet.ticks.resizes += 1,
            }
            if let (Answer::Accepted, Some(metrics_at)) = (answer, going.decision.numbers.metrics_at) {
                fleet.ticks.latency_seconds = Some((now - metrics_at - 60).max(0));
            }
            let (stream, rules) = fleet.stream(going.at);
            let mut records: Vec<Record> = stream.answered(going.called, answer, &rules, now).into_iter().collect();
            records.extend(stream.conclude(&Decision { outcome: Some(outcome), ..going.decision }, &rules));
            tell_step(&stream.key, &records, tell);
            entries.extend(entries_of(&stream.key, records));
        }
        entries
    }

    /// Nothing was sent, so nothing counts.
    fn give_up(&self, going: &[Going]) {
        let mut fleet = locked(&self.fleet);
        for one in going {
            let (stream, rules) = fleet.stream(one.at);
            stream.recall(&Record::Refused { called: one.called }, &rules);
        }
    }

    async fn send(&self, going: Going) -> Answered {
        let watch = &self.watches[going.at];
        let cloud = &*self.clouds[watch.cloud];
        let calls = match &going.split {
            Some(operation) => act::split(operation),
            None => act::calls(watch, &going.glance, going.decision.to, going.called * 60),
        };
        tracing::info!(stream = watch.physical, from = going.decision.from, to = going.decision.to, "resize");
        let (answer, outcome) = act::send(cloud, watch, &calls, &going.glance, &going.fence).await;
        (self.beat)();
        (going, answer, outcome)
    }
}

/// Measurements are read again from CloudWatch, and what was announced in vain was not sent.
fn is_owed(record: &Record) -> bool {
    !matches!(record, Record::Sample { .. } | Record::Calling { .. } | Record::Splitting { .. })
}

fn entries_of(key: &Arc<Key>, records: Vec<Record>) -> impl Iterator<Item = Entry> {
    records.into_iter().map(move |record| Entry { key: Arc::clone(key), record })
}

/// Every decision that was news is a line.
fn tell_step(key: &Key, records: &[Record], tell: &(dyn Fn(Told) + Sync)) {
    for record in records {
        if let Record::Decided { decision } = record {
            tell(Told::Decision { key: key.clone(), decision: decision.clone() });
        }
    }
}
