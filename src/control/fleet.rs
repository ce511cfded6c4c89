use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::report::{DriftStatus, FORMAT, Lease, Report, StreamStatus, Ticks};
use super::stream::{Rules, Stream};
use super::{Entry, Function, Key};
use crate::model::Made;
use crate::scale::call_back_at;

/// All streams under control, and how the loop is doing.
pub struct Fleet {
    pub rules: Rules,
    streams: Vec<Stream>,
    places: BTreeMap<Arc<Key>, usize>,
    pub ticks: Ticks,
    pub drift: BTreeMap<String, DriftStatus>,
    pub troubles: Vec<String>,
    /// Specs that could not be started, each with its reason: troubles of every tick.
    pub left_out: Vec<String>,
    /// Why the specs that were read again cannot be used, while those read before hold: a trouble of every tick.
    pub outdated: Option<String>,
    /// Pipelines of which something in the newest tick could not be written into the ledger.
    pub unwritten: BTreeSet<String>,
    /// Who acts for a pipeline, where several replicas share a ledger.
    pub leases: Vec<Lease>,
    /// Seconds since 1970 at the newest tick.
    pub now: i64,
    pub version: String,
}

impl Fleet {
    pub fn new(rules: Rules, streams: Vec<Stream>, version: &str) -> Self {
        let places = streams.iter().enumerate().map(|(at, stream)| (Arc::clone(&stream.key), at)).collect();
        Self {
            rules,
            streams,
            places,
            ticks: Ticks::default(),
            drift: BTreeMap::new(),
            troubles: Vec::new(),
            left_out: Vec::new(),
            outdated: None,
            unwritten: BTreeSet::new(),
            leases: Vec::new(),
            now: 0,
            version: version.into(),
        }
    }

    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// A stream with the rules that it is under.
    pub fn stream(&mut self, at: usize) -> (&mut Stream, Rules) {
        (&mut self.streams[at], self.rules)
    }

    /// Takes in what was written down before. What is about streams that are no longer in the spec is left alone.
    pub fn recall(&mut self, entry: &Entry) {
        if let Some(at) = self.places.get(&entry.key) {
            self.streams[*at].recall(&entry.record, &self.rules);
        }
    }

    /// Tells all that is known of the streams as entries that bring it back, one stream after the other.
    pub fn tell_all(&self, take: &mut (dyn FnMut(Entry) + Send)) {
        for stream in &self.streams {
            let entry = |record| Entry { key: Arc::clone(&stream.key), record };
            stream.memory().records().into_iter().map(entry).for_each(&mut *take);
        }
    }

    /// Forgets what was done and decided for a pipeline, since another replica has acted for it: its ledger follows.
    pub fn forget(&mut self, pipeline: &str) {
        self.streams.iter_mut().filter(|stream| stream.key.pipeline == pipeline).for_each(Stream::forget);
    }

    /// The streams of a pipeline that a person has paused, by their names in the spec.
    pub fn paused(&self, pipeline: &str) -> BTreeSet<String> {
        let here = self.streams.iter().filter(|stream| stream.key.pipeline == pipeline && stream.pause.is_some());
        here.map(|stream| stream.key.stream.clone()).collect()
    }

    /// Whether CloudTrail could tell something of a pipeline's streams: somebody else changed one.
    pub fn asks_trail(&self, pipeline: &str, now: i64) -> bool {
        self.streams.iter().any(|stream| stream.key.pipeline == pipeline && stream.asks_trail(now))
    }

    /// Takes in the calls of the last 24 hours that CloudTrail knows of.
    pub fn heed_trail(&mut self, pipeline: &str, made: &[Made], now: i64) {
        let here = self.streams.iter_mut().filter(|stream| stream.key.pipeline == pipeline);
        here.for_each(|stream| stream.heed_trail(made, now));
    }

    /// What is wrong with the specs, in sentences: it lasts until they are mended.
    pub fn of_the_specs(&self) -> Vec<String> {
        self.left_out.iter().chain(&self.outdated).cloned().collect()
    }

    /// Everything at this moment, as it is told.
    pub fn report(&self) -> Report {
        Report {
            format_version: FORMAT,
            at: self.now,
            version: self.version.clone(),
            dry_run: self.rules.dry_run,
            tick_seconds: self.rules.tick_seconds,
            ticks: self.ticks,
            streams: self.streams.iter().map(|stream| stream.status(&self.rules, self.now)).collect(),
            drift: self.drift.values().cloned().collect(),
            troubles: self.troubles.clone(),
            left_out: self.left_out.clone(),
            outdated: self.outdated.clone(),
            leases: self.leases.clone(),
        }
    }
}

impl Stream {
    /// The stream as it is told.
    pub fn status(&self, rules: &Rules, now: i64) -> StreamStatus {
        let minute = now.div_euclid(60);
        let numbers = self.numbers(rules, minute);
        let accepted = self.newest_known().and_then(|at| self.newest().at(at).accepted);
        let call_back = call_back_at(&self.resizes, minute, rules.calls_a_day);
        StreamStatus {
            pipeline: self.key.pipeline.clone(),
            stream: self.key.stream.clone(),
            physical: self.physical.clone(),
            account: self.scope.account.clone(),
            region: self.scope.region.clone(),
            min: self.bounds.min,
            max: self.bounds.max,
            shards: self.shards,
            // A process that has just started, in the middle of a change, has decided nothing yet.
            desired: self.desired.or_else(|| self.pending().map(|at| self.resizes[at].to)),
            state: self.state.clone(),
            seen_at: self.seen_at,
            metrics_at: numbers.metrics_at,
            demand: numbers.demand,
            estimate: numbers.estimate,
            utilisation: accepted.zip(self.shards).map(|(accepted, shards)| accepted / f64::from(shards.max(1))),
            rejected: numbers.rejected,
            age_seconds: numbers.age_seconds,
            reads_refused: self.reads_refused,
            calls_a_day: rules.calls_a_day,
            calls_left: numbers.calls_left,
            call_back_at: call_back.map(|until| until * 60),
            pin: self.pin,
            pause: self.pause,
            alarms: self.inputs.alarms.iter().map(|alarm| alarm.name.clone()).collect(),
            functions: self.functions.iter().map(Function::status).collect(),
            hot: self.told_hot(),
            watched: self.switched().map(|(_, is_on)| is_on),
            conditions: self.conditions.clone(),
            last: self.last.clone().or_else(|| self.decisions.iter().rfind(|told| told.is_of_count()).cloned()),
            decisions: self.decisions.iter().cloned().collect(),
            series: self.day.told(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Record;
    use crate::model::Scope;
    use crate::scale::{Bounds, Tidegate};

    #[test]
    fn what_is_told_of_all_brings_all_of_it_back() {
        let fleet = || {
            let scope =
                Scope { pipeline: "shop".into(), partition: "aws".into(), region: "r".into(), account: "1".into() };
            let stream = |name: &str| {
                let key = Key { pipeline: "shop".into(), stream: name.into() };
                let bounds = Bounds { min: 2, max: 64 };
                Stream::new(key, name.into(), Arc::new(scope.clone()), bounds, Box::new(Tidegate::new()))
            };
            Fleet::new(Rules::default(), vec![stream("clicks"), stream("orders")], "test")
        };
        let mut known = fleet();
        let (clicks, orders) = (Arc::clone(&known.streams[0].key), Arc::clone(&known.streams[1].key));
        let sample = |minute, accepted| Record::Sample { minute, accepted, rejected: Some(0.0), age: None };
        for (key, record) in [
            (&clicks, sample(100, Some(1.5))),
            // A gap of two minutes.
            (&clicks, sample(103, Some(2.5))),
            (&clicks, Record::Calling { called: 104, from: 2, to: 4 }),
            (&clicks, Record::Settled { called: 104, done: 106 }),
            (&clicks, Record::Foreign { minute: 110, from: 4, to: 5, undid: false }),
            (&orders, sample(90, Some(0.5))),
            (&orders, Record::Calling { called: 111, from: 2, to: 4 }),
        ] {
            known.recall(&Entry { key: Arc::clone(key), record });
        }
        let mut again = fleet();
        known.tell_all(&mut |entry| again.recall(&entry));
        for (stream, before) in again.streams.iter().zip(&known.streams) {
            assert_eq!(stream.memory(), before.memory(), "{}", stream.key);
        }
        assert_eq!((again.streams[0].memory().samples.len(), again.streams[1].memory().resizes.len()), (2, 1));
    }
}
