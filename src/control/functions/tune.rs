//! From what is known of the functions of a stream to what is done about their factors.

use super::super::decide::{BLIND, LONGEST, back_off};
use super::super::report::{Decision, Verb};
use super::super::stream::{DRY_RUN, Moment, Rules, Stream};
use super::super::{Answer, Record, hand};
use super::{Function, FunctionSeen};
use crate::model::Mapping;
use crate::scale::lambda::{Change, Reader, Tuning};

impl Stream {
    /// Takes in what was learned of the functions, in the order of the spec.
    pub(in crate::control) fn absorb_functions(&mut self, seen: &[FunctionSeen], moment: Moment<'_>) {
        for (function, seen) in self.functions.iter_mut().zip(seen) {
            if let Some(looked) = &seen.mapping {
                function.look(looked, moment);
            }
            if let Some(ages) = &seen.ages {
                let finite = |(at, age): &(i64, f64)| (age.is_finite() && *age >= 0.0).then_some((*at, age / 60_000.0));
                function.ages = ages.iter().filter_map(finite).collect();
            }
        }
    }

    /// Decides about every function. Where one is late and its factor can be raised, no shard is bought for lag.
    pub(in crate::control) fn tune(&mut self, moment: Moment<'_>) {
        let mut functions = std::mem::take(&mut self.functions);
        self.inputs.lambda_first = false;
        for function in &mut functions {
            let tuning = self.tuning(function, moment);
            self.inputs.lambda_first |= tuning.as_ref().is_some_and(|tuning| tuning.spares_shards);
            self.tuned(function, tuning, moment);
        }
        self.functions = functions;
    }

    fn tuning(&self, function: &Function, moment: Moment<'_>) -> Option<Tuning> {
        let (mapping, minute) = (function.mapping.as_ref()?, moment.minute());
        let ages = function.ages(self, minute);
        let reader = Reader {
            factor: mapping.factor,
            factors: function.factors,
            ages: &ages,
            changes: &function.changes,
            refused: self.reads_refused.is_some_and(|calls| calls > 0.0),
        };
        Some(reader.tune(&self.view(self.bounds, moment.rules, minute, self.shards.unwrap_or(self.bounds.min))))
    }

    fn tuned(&self, function: &mut Function, tuning: Option<Tuning>, moment: Moment<'_>) {
        let factor = function.mapping.as_ref().map_or(0, |mapping| mapping.factor);
        let tuning = tuning.unwrap_or_default();
        function.numbers = tuning.numbers;
        let held = function.unfit(moment.now).or_else(|| {
            let wants = tuning.factor != factor;
            self.forbids(function, moment)
                .filter(|_| wants)
                .map(|(why, text)| (why, format!("{}; held: {text}", tuning.because)))
        });
        let (to, reason, because) = match held {
            Some((reason, because)) => (factor, reason, because),
            None => (tuning.factor, tuning.reason.slug(), tuning.because),
        };
        function.decided = Some((reason, because.clone()));
        let verb = if to == factor { Verb::Hold } else { Verb::Parallelize };
        function.wish = Some(Decision {
            lambda: function.told(),
            desired: to,
            ..self.decision(verb, reason, (factor, to), because, moment)
        });
    }

    /// Why a factor may not be changed now.
    fn forbids(&self, function: &Function, moment: Moment<'_>) -> Option<(&'static str, String)> {
        let stream = self.unfit(moment).filter(|(reason, _)| !matches!(*reason, "resharding" | "not-active"));
        let unwanted = || self.unwanted(moment).filter(|(reason, _)| !matches!(*reason, "contended" | "back-off"));
        stream.or_else(unwanted).or_else(|| {
            let quiet = function.quiet_until > moment.now && function.quiet_until < moment.now + 2 * LONGEST;
            let until = hand::stamp(function.quiet_until);
            quiet.then(|| ("back-off", format!("Lambda refused the last call: waiting until {until}")))
        })
    }

    /// What the newest tick decided about the functions: what is to be written down, and the changes that are to be made. In a dry run
    /// changes are only told.
    pub fn parallelize(&mut self, rules: &Rules) -> (Vec<Record>, Vec<Decision>) {
        let (mut records, mut wishes) = (Vec::new(), Vec::new());
        let decisions: Vec<Decision> = self.functions.iter_mut().filter_map(|function| function.wish.take()).collect();
        for decision in decisions {
            match decision.verb {
                Verb::Parallelize if !rules.dry_run => wishes.push(decision),
                Verb::Parallelize => {
                    records.extend(self.note(Decision { outcome: Some(DRY_RUN.into()), ..decision }, rules));
                }
                _ => records.extend(self.note(decision, rules)),
            }
        }
        (records, wishes)
    }

    /// Looks at the mapping once more, just before the call: it must still be as it was. Answers its id.
    ///
    /// # Errors
    /// The record of the hold that takes the decision's place, where that is news.
    pub fn confirm_factor(
        &mut self,
        decision: &Decision,
        looked: &Result<Mapping, String>,
        rules: &Rules,
        now: i64,
    ) -> Result<String, Option<Record>> {
        let moment = Moment { rules, now };
        let Some(function) = self.function(decision) else { return Err(None) };
        function.look(looked, moment);
        let held = match looked {
            Ok(mapping) if mapping.is_enabled() && mapping.factor == decision.from => return Ok(mapping.uuid.clone()),
            Ok(_) => ("changed", "the event source mapping changed while we looked".to_owned()),
            Err(why) => ("unreadable", format!("the look before the call failed: {why}")),
        };
        let because = format!("{}; held: {}", decision.because, held.1);
        function.decided = Some((held.0, because.clone()));
        let held = Decision { verb: Verb::Hold, to: decision.from, reason: held.0.into(), because, ..decision.clone() };
        Err(self.note(held, rules))
    }

    /// What Lambda said to a change; `outcome` in a sentence.
    pub fn parallelized(
        &mut self,
        decision: Decision,
        answer: Answer,
        outcome: String,
        rules: &Rules,
        now: i64,
    ) -> Option<Record> {
        let function = self.function(&decision)?;
        match answer {
            Answer::Accepted => {
                function.refusals = 0;
                if let Some(mapping) = &mut function.mapping {
                    (mapping.state, mapping.factor) = ("Updating".into(), decision.to);
                }
                function.seen_at = Some(now);
                let load = decision.lambda.as_ref().and_then(|lambda| lambda.load);
                function.changed(Change { at: now.div_euclid(60), from: decision.from, to: decision.to, load });
            }
            Answer::Refused => {
                function.refusals = function.refusals.saturating_add(1);
                function.quiet_until = now + back_off(120, function.refusals);
            }
            // It sets a value: the next look tells whether it worked, and it may be sent again.
            Answer::Unknown => function.quiet_until = now + BLIND,
            Answer::Unsent => {}
        }
        self.note(Decision { outcome: Some(outcome), ..decision }, rules)
    }

    /// Takes in a change that was written down before.
    pub(in crate::control) fn recall_factor(&mut self, decision: &Decision) {
        let accepted = decision.verb == Verb::Parallelize && decision.outcome.as_deref() == Some("accepted");
        let Some(function) = self.function(decision) else { return };
        if accepted {
            let load = decision.lambda.as_ref().and_then(|lambda| lambda.load);
            function.changed(Change { at: decision.at.div_euclid(60), from: decision.from, to: decision.to, load });
        }
        function.told = Some(decision.clone());
    }

    /// The id of a function's mapping, where it is known.
    pub fn mapping_of(&self, function: &str) -> Option<String> {
        let known = self.functions.iter().find(|known| known.name == function)?;
        known.uuid().map(ToOwned::to_owned)
    }

    fn function(&mut self, decision: &Decision) -> Option<&mut Function> {
        let name = &decision.lambda.as_ref()?.function;
        self.functions.iter_mut().find(|function| function.name == *name)
    }

    /// Keeps a decision about a function if it is news.
    fn note(&mut self, decision: Decision, rules: &Rules) -> Option<Record> {
        let function = self.function(&decision)?;
        if !function.is_news(&decision) {
            return None;
        }
        function.told = Some(decision.clone());
        self.remember(decision.clone(), rules);
        Some(Record::Decided { decision: Box::new(decision) })
    }

    /// Forgets what was done, since another replica acted.
    pub(in crate::control) fn forget_functions(&mut self) {
        for function in &mut self.functions {
            (function.changes, function.told, function.wish) = (Vec::new(), None, None);
            (function.refusals, function.quiet_until) = (0, i64::MIN);
        }
    }
}
