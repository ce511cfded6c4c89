mod parallelize;
mod switch;
mod unwritten;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt};

use super::admit::Room;
use super::course::{Beat, Course, Patience, Sign};
use super::learn::Learning;
use super::observe::{self, Look, Observation, Question, Unseen};
use super::turns::{Turns, is_among};
use super::{Fence, Heard, Ledger, Told, Watch, act, admit};
use crate::apply::Stop;
use crate::cloud::Cloud;
use crate::control::{Answer, DRY_RUN, Decision, Entry, Fleet, Key, Lease, Record, Seen, Verb};
use crate::model::Glance;
use crate::scale::Admission;
use crate::scale::hot::Operation;

/// Entries of one pipeline that are kept until they can be written, the newest.
const OWED: usize = 1000;
/// Resizes sent at once.
const CALLS_AT_ONCE: usize = 10;

/// The loop's one tick, and what it needs.
pub struct Controller {
    clouds: Vec<Arc<dyn Cloud>>,
    watches: Vec<Watch>,
    fleet: Arc<Mutex<Fleet>>,
    ledger: Box<dyn Ledger>,
    turns: Turns,
    learning: Learning,
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
    /// Single shards in place of the count.
    split: Option<Operation>,
}

/// What was sent, how AWS took it, and that in a sentence.
type Answered = (Going, Answer, String);

/// Whoever panicked while it held the fleet left values behind that can be read: the loop goes on.
pub fn locked(fleet: &Mutex<Fleet>) -> MutexGuard<'_, Fleet> {
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
            learning: Learning::default(),
            stop,
            heard,
            room: Room::default(),
            patience,
            beat: Arc::new(|_| ()),
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

    /// Waits until all streams have had their turn, in place of the looks and pasts that have room in a tick.
    #[must_use]
    pub fn for_all(self) -> Self {
        let patience = Patience::for_all(self.watches.len());
        Self { turns: self.turns.for_all(), learning: Learning::whole(), patience, ..self }
    }

    /// What others read: lock it shortly.
    pub fn fleet(&self) -> Arc<Mutex<Fleet>> {
        Arc::clone(&self.fleet)
    }

    /// Looks at every stream, decides, and does what was decided.
    pub async fn tick(&mut self, tell: &(dyn Fn(Told) + Sync)) {
        self.round(None, tell).await;
    }

    /// The same for those streams alone whose alarms the queue told of.
    pub async fn woken(&mut self, tell: &(dyn Fn(Told) + Sync)) {
        let heard = self.heard.take();
        let is_about = |watch: &Watch| watch.alarms.iter().any(|alarm| heard.contains(&alarm.name));
        let about: BTreeSet<usize> = (0..self.watches.len()).filter(|at| is_about(&self.watches[*at])).collect();
        // Alarms of others, or of what has left the spec.
        if !about.is_empty() {
            self.round(Some((about, heard)), tell).await;
        }
    }

    /// `woken`: the streams that alone it is about, by their places, and the alarms that say so.
    async fn round(&mut self, woken: Option<(BTreeSet<usize>, BTreeSet<String>)>, tell: &(dyn Fn(Told) + Sync)) {
        let began = std::time::Instant::now();
        let now: Vec<i64> = self.clouds.iter().map(|cloud| cloud.now()).collect();
        if woken.is_none() {
            self.unwritten.clear();
        }
        let mut troubles = locked(&self.fleet).of_the_specs();
        troubles.extend(self.take_over().await);
        troubles.extend(self.renew().await);
        let (only, heard) = woken.unzip();
        let course = &Course::new(self.patience, &self.beat);
        let (clouds, watches, fleet) = (&self.clouds[..], &self.watches[..], &*self.fleet);
        let question = Question { clouds, watches, fleet, course, now: &now, only: only.as_ref() };
        let mut read = question.answers(&mut self.turns, &mut self.learning, (self.patience, &self.beat)).await;
        let failed_reads = read.failed();
        let refused = course.refusal();
        // What follows from it for alarms and tags says less.
        troubles.extend(if refused.is_none() { std::mem::take(&mut read.troubles) } else { Vec::new() });
        troubles.extend(course.silence());
        let heard = heard.unwrap_or_else(|| self.heard.take());
        let (mut entries, mut wishes) = self.decide(&now, read, (only.as_ref(), &heard), tell);
        troubles.extend(if refused.is_none() { self.heard.deaf() } else { Vec::new() });
        troubles.extend(refused);
        troubles.extend(self.ledger.trouble());
        troubles.extend(self.put_off(&mut wishes, &mut entries, tell).await);
        let failed = self.write(entries, false, &mut troubles).await;
        let (left, wishes): (Vec<_>, Vec<_>) =
            wishes.into_iter().partition(|(at, _)| failed.contains(&self.pipeline(*at)));
        self.hold_unwritten(left, tell);
        if !self.stop.is_asked() {
            troubles.extend(self.act(wishes, tell).await);
            troubles.extend(self.parallelize(tell).await);
            troubles.extend(self.switch(tell).await);
        }
        let at = self.clouds.first().map_or(0, |cloud| cloud.now());
        troubles.iter().for_each(|trouble| tell(Told::Trouble { at, message: trouble.clone() }));
        let mut fleet = locked(&self.fleet);
        fleet.now = at;
        fleet.ticks.count += 1;
        fleet.ticks.last_at = Some(fleet.now);
        fleet.ticks.last_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        fleet.ticks.failed_reads += failed_reads;
        if only.is_some() {
            // It did not ask for all that may be wrong.
            troubles.append(&mut fleet.troubles);
            troubles.sort();
            troubles.dedup();
        }
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
        troubles.extend(self.renew().await);
        let failed = self.write(Vec::new(), true, &mut troubles).await;
        locked(&self.fleet).unwritten.retain(|pipeline| !owed.contains(pipeline) || failed.contains(pipeline));
        self.ledger.close().await;
    }

    fn pipeline(&self, at: usize) -> String {
        locked(&self.fleet).streams()[at].key.pipeline.clone()
    }

    /// Writes the ledger anew where it was lost, before this tick's entries come to it.
    async fn renew(&mut self) -> Option<String> {
        let fleet = &*self.fleet;
        match self.ledger.renew(&|take| locked(fleet).tell_all(take)).await {
            Ok(false) => None,
            Ok(true) => {
                // They are known, and written with all else.
                self.owed.clear();
                None
            }
            Err(fault) => Some(fault.to_string()),
        }
    }

    /// Reads what other replicas wrote about the pipelines that have come to this one.
    async fn take_over(&mut self) -> Vec<String> {
        let mut troubles = Vec::new();
        for pipeline in self.ledger.gained() {
            self.learning.forget();
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
        for (pipeline, entries) in pipelines {
            let Err(fault) = self.ledger.write(&pipeline, &entries, durable).await else { continue };
            troubles.push(format!("{fault}: nothing is resized in {pipeline} until it can be written"));
            // Where another replica acts by now, its ledger says all.
            if (self.ledger.fence(&pipeline))() {
                self.owe(&pipeline, entries);
            }
            failed.insert(pipeline);
        }
        self.unwritten.extend(failed.iter().cloned());
        failed
    }

    /// Decides for every stream, or for some only, with what the queue told.
    fn decide(
        &self,
        now: &[i64],
        mut seen: Observation,
        (only, heard): (Option<&BTreeSet<usize>>, &BTreeSet<String>),
        tell: &(dyn Fn(Told) + Sync),
    ) -> (Vec<Entry>, Vec<(usize, Decision)>) {
        let mut fleet = locked(&self.fleet);
        let (mut entries, mut wishes) = (Vec::new(), Vec::new());
        let pipelines: BTreeSet<String> = fleet.streams().iter().map(|stream| stream.key.pipeline.clone()).collect();
        let acting: BTreeMap<String, bool> =
            pipelines.into_iter().map(|name| (name.clone(), (self.ledger.fence(&name))())).collect();
        let all = self.watches.iter().enumerate();
        for (at, watch) in all.filter(|(at, _)| is_among(only, *at)) {
            let (stream, rules) = fleet.stream(at);
            let found = seen.take(at, watch, heard);
            let quota = self.room.quota(watch.cloud, now[watch.cloud]);
            let step = stream.tick(&Seen { quota, ..found.seen() }, &rules, now[watch.cloud]);
            if !acting.get(&stream.key.pipeline).copied().unwrap_or(false) {
                // Another replica decides; this one keeps its eyes open, so that it can go on where the other ends.
                continue;
            }
            tell_step(&stream.key, &step.records, tell);
            entries.extend(entries_of(&stream.key, step.records));
            if step.decision.verb != Verb::Resize && !step.decision.verb.is_single() {
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
        let mut looks: BTreeMap<usize, Result<Glance, Unseen>> = looks.into_iter().collect();
        let splitting = wishes.iter().filter(|(_, decision)| decision.verb.is_single()).map(|(at, _)| *at);
        let splitting = observe::asked(&locked(&self.fleet), splitting);
        let mut shards = observe::shards(&self.clouds, &self.watches, &splitting, course).await;
        let (mut entries, mut going) = (Vec::new(), Vec::new());
        for (at, decision) in wishes {
            let Some(look) = looks.remove(&at) else { continue };
            let now = self.clouds[self.watches[at].cloud].now();
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            let confirmed = stream.confirm(&decision, look.as_ref().map_err(Unseen::why), &rules, now);
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
        self.hold_unwritten(left.into_iter().map(|going| (going.at, going.decision)).collect(), tell);
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
            fleet.ticks.took(answer, |ticks| match going.decision.verb {
                Verb::Merge => &mut ticks.merges,
                _ if going.split.is_some() => &mut ticks.splits,
                _ => &mut ticks.resizes,
            });
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
        (self.beat)(Sign::GoesOn);
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
