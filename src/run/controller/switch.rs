//! Switches of shard metrics: looks once more, calls, writes down. AWS counts no such calls, and each sets a value, so that nothing has to be
//! announced before.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};

use super::{CALLS_AT_ONCE, Controller, entries_of, locked, tell_step};
use crate::control::{Decision, Entry, Verb};
use crate::model::Glance;
use crate::run::course::Course;
use crate::run::observe::{self, Look, Unseen};
use crate::run::{Sign, Told, act};

impl Controller {
    /// Carries out what the tick decided about shard metrics. Another replica's pipelines, and those whose ledger cannot be written,
    /// are left alone.
    pub(super) async fn switch(&mut self, tell: &(dyn Fn(Told) + Sync)) -> Vec<String> {
        let (mut entries, mut wishes) = (Vec::new(), BTreeMap::new());
        let mut troubles = Vec::new();
        for (at, watch) in self.watches.iter().enumerate() {
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            let pipeline = &stream.key.pipeline;
            let acts = || (self.ledger.fence(pipeline))() && !self.unwritten.contains(pipeline);
            if stream.switched().is_none() || !acts() {
                continue;
            }
            troubles.extend(stream.unswitched(self.clouds[watch.cloud].now()).cloned());
            let (record, decided) = stream.switch(&rules);
            tell_step(&stream.key, record.as_slice(), tell);
            entries.extend(entries_of(&stream.key, record.into_iter().collect()));
            wishes.extend(decided.map(|decision| (at, decision)));
        }
        let due: Vec<Look> = wishes.keys().map(|at| Look { at: *at, tags: true }).collect();
        let course = &Course::new(self.patience, &self.beat);
        let looks = observe::looks(&self.clouds, &self.watches, &due, course).await;
        let wishes = looks.into_iter().filter_map(|(at, look)| Some((at, wishes.remove(&at)?, look)));
        let calls: Vec<_> = wishes.map(|(at, decision, look)| self.change_metrics(at, decision, look, tell)).collect();
        let done: Vec<Vec<Entry>> = stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).collect().await;
        entries.extend(done.into_iter().flatten());
        if !entries.is_empty() {
            self.write(entries, true, &mut troubles).await;
        }
        troubles
    }

    /// One switch. Answers what is to be written down.
    async fn change_metrics(
        &self,
        at: usize,
        decision: Decision,
        look: Result<Glance, Unseen>,
        tell: &(dyn Fn(Told) + Sync),
    ) -> Vec<Entry> {
        let watch = &self.watches[at];
        let cloud = &*self.clouds[watch.cloud];
        let (mut records, key, call) = {
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            let (holds, records) =
                stream.confirm_switch(&decision, look.as_ref().map_err(Unseen::why), &rules, cloud.now());
            let metrics = stream.switched().map_or(&[][..], |(metrics, _)| metrics);
            let call = look.ok().filter(|_| holds).map(|glance| act::switch(decision.verb, &glance, metrics));
            (records, Arc::clone(&stream.key), call)
        };
        if let Some(call) = call {
            let on = decision.verb == Verb::Watch;
            tracing::info!(stream = watch.physical, on, "shard metrics");
            let fence = self.ledger.fence(&key.pipeline);
            let (answer, outcome) = act::send(cloud, watch, &[call], &Glance::default(), &fence).await;
            (self.beat)(Sign::GoesOn);
            let mut fleet = locked(&self.fleet);
            fleet.ticks.took(answer, |ticks| &mut ticks.switches);
            let (stream, rules) = fleet.stream(at);
            records.extend(stream.switch_answered(decision, answer, outcome, &rules, cloud.now()));
        }
        tell_step(&key, &records, tell);
        entries_of(&key, records).collect()
    }
}
