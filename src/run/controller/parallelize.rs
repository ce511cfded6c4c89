//! Changes of parallelization factors: looks once more, calls, writes down. AWS counts no such calls, and each sets a value, so that
//! nothing has to be announced before.

use std::sync::Arc;

use futures::stream::{self, StreamExt};

use super::{CALLS_AT_ONCE, Controller, entries_of, locked, tell_step};
use crate::control::{Decision, Entry};
use crate::model::{Call, Effect, Glance, Value};
use crate::run::course::Course;
use crate::run::{Sign, Told, act, functions};

impl Controller {
    /// Carries out what the tick decided about Lambda functions. Another replica's pipelines, and those whose ledger cannot be
    /// written, are left alone.
    pub(super) async fn parallelize(&mut self, tell: &(dyn Fn(Told) + Sync)) -> Vec<String> {
        let (mut entries, mut wishes) = (Vec::new(), Vec::new());
        for at in 0..self.watches.len() {
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            if stream.functions.is_empty() {
                continue;
            }
            let acts = (self.ledger.fence(&stream.key.pipeline))() && !self.unwritten.contains(&stream.key.pipeline);
            if !acts {
                continue;
            }
            let (records, decided) = stream.parallelize(&rules);
            tell_step(&stream.key, &records, tell);
            entries.extend(entries_of(&stream.key, records));
            wishes.extend(decided.into_iter().map(|decision| (at, decision)));
        }
        let course = &Course::new(self.patience, &self.beat);
        let calls = wishes.into_iter().map(|(at, decision)| self.change(at, decision, course, tell));
        let done: Vec<Vec<Entry>> = stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).collect().await;
        entries.extend(done.into_iter().flatten());
        let mut troubles = Vec::new();
        if !entries.is_empty() {
            self.write(entries, true, &mut troubles).await;
        }
        troubles
    }

    /// One change. Answers what is to be written down.
    async fn change(&self, at: usize, decision: Decision, course: &Course, tell: &(dyn Fn(Told) + Sync)) -> Vec<Entry> {
        let watch = &self.watches[at];
        let cloud = &*self.clouds[watch.cloud];
        let function = decision.lambda.as_ref().map(|lambda| lambda.function.clone()).unwrap_or_default();
        let uuid = locked(&self.fleet).stream(at).0.mapping_of(&function);
        let looked = functions::one(cloud, watch, (&function, uuid.as_deref()), course).await;
        let (confirmed, key) = {
            let mut fleet = locked(&self.fleet);
            let (stream, rules) = fleet.stream(at);
            (stream.confirm_factor(&decision, &looked, &rules, cloud.now()), Arc::clone(&stream.key))
        };
        let record = match confirmed {
            Err(held) => held,
            Ok(uuid) => {
                tracing::info!(
                    stream = watch.physical,
                    function,
                    from = decision.from,
                    to = decision.to,
                    "parallelize"
                );
                let call = Call::new(Effect::Set, "lambda:UpdateEventSourceMapping").with("uuid", Value::text(uuid));
                let call = call.with("parallelizationFactor", Value::from(decision.to));
                let fence = self.ledger.fence(&key.pipeline);
                let (answer, outcome) = act::send(cloud, watch, &[call], &Glance::default(), &fence).await;
                (self.beat)(Sign::GoesOn);
                let mut fleet = locked(&self.fleet);
                fleet.ticks.took(answer, |ticks| &mut ticks.parallelized);
                let (stream, rules) = fleet.stream(at);
                stream.parallelized(decision, answer, outcome, &rules, cloud.now())
            }
        };
        tell_step(&key, record.as_slice(), tell);
        entries_of(&key, record.into_iter().collect()).collect()
    }
}
