use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::execute::Known;
use super::expect::{self, Expected, counts, is_so, not_overtaken};
use super::{Event, Limits, Stop};
use crate::cloud::{Class, Cloud, Fault, Outputs, Target};
use crate::model::{Attrs, Call, Effect, Observed, Owner, Ref, Resource, Schema, Scope, State, Value};
use crate::plan::Step;

/// The first wait between two looks at a resource that settles…
pub(super) const FIRST_LOOK: Duration = Duration::from_millis(400);
/// …then an eighth of what was waited so far: what has settled is seen at most so much late, and a long wait costs few calls.
const LOOK_FRACTION: u32 = 8;
/// …up to this: a stream becomes ACTIVE within seconds or minutes, and looks are cheap.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// How long something that was just made may not be there: AWS's reads follow its writes within seconds.
pub(super) const VISIBLE_SECONDS: i64 = 10;
/// The longest wait for a deletion. Firehose says that it may last minutes; what takes longer is stuck.
const DELETION_SECONDS: i64 = 900;
/// How often a call is repeated because another change was under way.
const BUSY_TRIES: u32 = 50;

/// IAM says "a few seconds" until a new role works everywhere; users have seen 10 to 30 s. Two minutes are allowed.
const NOT_YET_TRIES: u32 = 60;
const NOT_YET_WAIT: Duration = Duration::from_secs(2);

/// Carries out single steps.
pub(super) struct Runner<'a> {
    pub cloud: &'a dyn Cloud,
    pub scope: &'a Scope,
    pub schemas: &'a [&'static Schema],
    pub limits: Limits,
    /// AWS's limits on resources of a kind in creation at once.
    pub gates: &'a BTreeMap<&'a str, Semaphore>,
    pub stop: &'a Stop,
    /// AWS takes nothing from this caller any more.
    pub over: AtomicBool,
    pub tell: &'a (dyn Fn(Event) + Sync),
}

impl Runner<'_> {
    /// Whether no further step is worth a try.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Carries out the calls of a step one after the other and answers the outputs of its resource.
    pub async fn run(&self, step: &Step, known: &Known) -> Result<Outputs, Fault> {
        let schema = self.schemas.iter().copied().find(|schema| schema.kind == step.address.kind());
        let Some(schema) = schema else {
            let what = format!("this version of tidegate knows no kind `{}`", step.address.kind());
            return Err(Fault::new(Class::Unsupported, format!("changing {}", step.address), "UnknownKind", what));
        };
        let mut target = self.target(step, schema);
        let expected = self.expected(step, schema, known);
        if step.calls.iter().all(|call| call.effect == Effect::Set) {
            self.must_be_untouched(&target, &expected).await?;
        }
        let mut course = Course::default();
        for call in &step.calls {
            let call = self.resolve(step, call, known)?;
            if course.waited
                && counts(&call).next().is_some()
                && let Some(live) = self.live(&target, &call).await
            {
                not_overtaken(&target, &call, &live)?;
            }
            let operation = call.operation.clone();
            (self.tell)(Event::Calling { step: step.id, address: step.address.clone(), operation });
            let outputs = self.perform(step, &target, &call, &mut course).await?;
            target.outputs.extend(outputs);
            if schema.asynchronous || call.effect == Effect::Delete {
                match self.settle(step, &target, call.effect).await {
                    // Made while one of the same name was still going, it can go with it: once more, then.
                    Err(gone) if gone.is_absent() && call.effect == Effect::Create => {
                        target.outputs.extend(self.perform(step, &target, &call, &mut course).await?);
                        self.settle(step, &target, call.effect).await?;
                    }
                    settled => settled?,
                }
                course.waited = true;
            }
            if std::mem::take(&mut course.met) {
                self.wait(step, "there already: another run made it, or a call whose answer was lost");
                self.must_be_untouched(&target, &expected).await?;
            }
        }
        if creates(step) {
            self.confirm(step, &mut target).await?;
        }
        Ok(target.outputs)
    }

    /// What a step is about.
    pub fn target(&self, step: &Step, schema: &'static Schema) -> Target {
        Target {
            address: step.address.clone(),
            schema,
            scope: self.scope.clone(),
            physical: step.physical.clone(),
            outputs: step.outputs.clone(),
            listed: None,
        }
    }

    fn expected(&self, step: &Step, schema: &Schema, known: &Known) -> Vec<Expected> {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        expect::of(step, schema, &|reference: &Ref| known.get(&reference.address)?.get(&reference.output).cloned())
    }

    /// Looks just before the first call: what the plan was made of must still be so, since the calls would take back what they know nothing of.
    /// What is already as it is to be is no obstacle. Reads of AWS follow its writes within seconds, so that a difference is looked at again.
    async fn must_be_untouched(&self, target: &Target, expected: &[Expected]) -> Result<(), Fault> {
        let until = self.cloud.now() + VISIBLE_SECONDS;
        let mut wait = FIRST_LOOK;
        loop {
            let other = match self.cloud.observe(target).await {
                Observed::Present(live) => expected.iter().find_map(|expected| expected.overtaken(&live.attrs)),
                Observed::Absent => Some("deleted it".to_owned()),
                Observed::Unreadable(why) => {
                    // What is wrong with the caller ends the run, and is told by its own words.
                    if let Err(fault) = self.cloud.state(target).await
                        && fault.class == Class::Caller
                    {
                        return Err(fault);
                    }
                    let what = format!("it could not be seen whether somebody else changed it: {why}");
                    return Err(Fault::new(
                        Class::Unreachable,
                        format!("changing {}", target.address),
                        "NotSeen",
                        what,
                    )
                    .help("run the same command again"));
                }
            };
            match other {
                None => return Ok(()),
                Some(other) if self.cloud.now() >= until => return Err(expect::fault(target, &other)),
                Some(_) => self.cloud.pause(wait).await,
            }
            wait = (wait * 2).min(LONGEST_LOOK);
        }
    }

    fn wait(&self, step: &Step, status: &str) {
        let (step, address) = (step.id, step.address.clone());
        (self.tell)(Event::Waiting { step, address, status: status.to_owned() });
    }

    /// Waits for a place among those that AWS lets be created at once.
    pub async fn turn(&self, step: &Step) -> Option<SemaphorePermit<'_>> {
        match self.gates.get(step.address.kind()) {
            Some(gate) if creates(step) => gate.acquire().await.ok(),
            _ => None,
        }
    }

    /// The call with references to earlier steps of the plan replaced by what AWS assigned.
    fn resolve(&self, step: &Step, call: &Call, known: &Known) -> Result<Call, Fault> {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |reference: &Ref| known.get(&reference.address)?.get(&reference.output).cloned();
        let set: Attrs = call.set.iter().map(|(name, value)| (name.clone(), value.resolved(&find))).collect();
        let mut missing = Vec::new();
        set.values().for_each(|value| value.refs(&mut missing));
        if let Some(reference) = missing.first() {
            let what = format!("{reference} is not known");
            return Err(Fault::new(Class::Refused, format!("changing {}", step.address), "UnknownReference", what)
                .help("plan again: something that the plan counted on is not there"));
        }
        Ok(Call { set, ..call.clone() })
    }

    /// Sends the call; waits and repeats while another change of the resource is under way.
    async fn perform(&self, step: &Step, target: &Target, call: &Call, course: &mut Course) -> Result<Outputs, Fault> {
        let mut tries = 0;
        let mut place = Place::default();
        loop {
            let fault = match self.cloud.perform(target, call).await {
                Ok(outputs) => return Ok(outputs),
                Err(fault) => fault,
            };
            tries += 1;
            match (&fault.class, call.effect) {
                (Class::Absent, Effect::Delete) => return Ok(Outputs::new()),
                (Class::Exists, Effect::Create) => match self.already_there(target, fault).await? {
                    Some(outputs) => {
                        course.met = true;
                        return Ok(outputs);
                    }
                    None => self.settle(step, target, Effect::Delete).await?,
                },
                (Class::Busy, _) if tries < BUSY_TRIES => {
                    course.waited = true;
                    self.cloud.pause(FIRST_LOOK).await;
                    match self.settle(step, target, Effect::Set).await {
                        // The change under way was the deletion that an earlier run asked for.
                        Err(gone) if gone.is_absent() && call.effect == Effect::Delete => return Ok(Outputs::new()),
                        settled => settled?,
                    }
                    if let Some(live) = self.live(target, call).await {
                        if is_so(target, call, &live) {
                            return Ok(Outputs::new());
                        }
                        not_overtaken(target, call, &live)?;
                    }
                }
                (Class::Exists | Class::Absent | Class::Refused, Effect::Set)
                    if self.live(target, call).await.is_some_and(|live| is_so(target, call, &live)) =>
                {
                    return Ok(Outputs::new());
                }
                // AWS creates a few at once, and others create too: another run, one that was killed, other pipelines of the account.
                (Class::Throttled, Effect::Create) if fault.is_full() && self.may_wait(target, &place) => {
                    if place.waited.is_zero() {
                        let most = target.schema.creating_limit.unwrap_or_default();
                        self.wait(
                            step,
                            &format!("waiting: {most} others are being created, and AWS allows no more at once"),
                        );
                    }
                    tries -= 1;
                    self.cloud.pause(place.next()).await;
                }
                // A new role works everywhere within seconds; asking again is the only way to know.
                (Class::NotYet, _) if tries < NOT_YET_TRIES => self.cloud.pause(NOT_YET_WAIT).await,
                _ => return Err(on_resource(fault, target)),
            }
        }
    }

    /// Whether it is worth while to wait for a place among those that are being created.
    fn may_wait(&self, target: &Target, place: &Place) -> bool {
        let patience = Duration::from_secs(self.limits.settle_seconds.unsigned_abs());
        target.schema.creating_limit.is_some() && place.waited < patience && !self.stop.is_asked()
    }

    /// An earlier run, or a lost answer of this one, may have made the resource: then it carries our tags.
    /// `None`: an earlier one is still on its way out.
    async fn already_there(&self, target: &Target, fault: Fault) -> Result<Option<Outputs>, Fault> {
        match self.cloud.observe(target).await {
            Observed::Present(live) if live.is_going() => Ok(None),
            Observed::Present(live) if live.owner(&target.address, self.scope) == Owner::Ours => Ok(Some(live.outputs)),
            Observed::Present(live) if !live.attrs.contains_key("tags") => Ok(Some(live.outputs)),
            _ => Err(fault.help("somebody else made it since the plan was computed: plan again")),
        }
    }

    /// The resource that a call would set something of; nothing for other calls, or where it cannot be seen.
    async fn live(&self, target: &Target, call: &Call) -> Option<Box<Resource>> {
        if call.effect != Effect::Set {
            return None;
        }
        match self.cloud.observe(target).await {
            Observed::Present(live) => Some(live),
            _ => None,
        }
    }

    /// Looks until the resource has settled, or is gone after a deletion.
    async fn settle(&self, step: &Step, target: &Target, effect: Effect) -> Result<(), Fault> {
        let patience = self.limits.settle_seconds;
        let patience = if effect == Effect::Delete { patience.min(DELETION_SECONDS) } else { patience };
        let until = self.cloud.now() + patience;
        let visible_by = self.cloud.now() + VISIBLE_SECONDS;
        let mut waited = Duration::ZERO;
        let mut told = String::new();
        loop {
            let status = match self.cloud.state(target).await {
                Ok(State::Ready) if effect != Effect::Delete => return Ok(()),
                Ok(State::Ready) => "still there".to_owned(),
                Ok(State::Busy(status)) => status,
                Ok(State::Failed(status)) => {
                    let what = format!("it ended as {status}");
                    return Err(Fault::new(Class::Refused, format!("waiting for {}", step.address), status, what)
                        .help("look at the resource in the AWS console for the cause, then plan again"));
                }
                Err(fault) if fault.is_absent() && effect == Effect::Delete => return Ok(()),
                // What was just made may not be visible everywhere yet.
                Err(fault) if fault.is_absent() && effect == Effect::Create && self.cloud.now() < visible_by => {
                    "not visible yet".to_owned()
                }
                Err(fault) => return Err(fault),
            };
            if self.cloud.now() >= until {
                let what = format!("it is still {status} after {patience} seconds");
                return Err(Fault::new(Class::Busy, format!("waiting for {}", step.address), "TimedOut", what)
                    .help("run the same command again: it continues where this one stopped"));
            }
            if status != told {
                self.wait(step, &status);
                told = status;
            }
            let wait = (waited / LOOK_FRACTION).clamp(FIRST_LOOK, LONGEST_LOOK);
            self.cloud.pause(wait).await;
            waited += wait;
        }
    }

    /// Reads a new resource back: what AWS assigned is needed by others, and some endpoints forget the tags of a
    /// creating call, without which the resource would not be found again.
    async fn confirm(&self, step: &Step, target: &mut Target) -> Result<(), Fault> {
        let Observed::Present(live) = self.cloud.observe(target).await else { return Ok(()) };
        target.outputs.extend(live.outputs.clone());
        let wanted = step.calls.iter().find_map(|call| call.set.get("tags"));
        let (Some(wanted), Some(seen)) = (wanted, live.attrs.get("tags")) else { return Ok(()) };
        let lost: Vec<(String, Value)> = wanted
            .as_map()
            .into_iter()
            .flatten()
            .filter(|(key, value)| seen.get(key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        for call in Call::setting(target.schema, &live.attrs, &Attrs::from([("tags".to_owned(), Value::map(lost))])) {
            self.perform(step, target, &call, &mut Course::default()).await?;
        }
        Ok(())
    }
}

/// What has happened on the way through a step.
#[derive(Default)]
struct Course {
    /// Time has passed since the step began, in which somebody else may have changed the resource.
    waited: bool,
    /// Another run has made the resource.
    met: bool,
}

/// The wait for a place among those that AWS lets be created at once.
#[derive(Default)]
struct Place {
    waited: Duration,
}

impl Place {
    /// How long to wait until the next try.
    fn next(&mut self) -> Duration {
        let wait = (self.waited / LOOK_FRACTION).clamp(FIRST_LOOK, LONGEST_LOOK);
        self.waited += wait;
        wait
    }
}

pub(super) fn creates(step: &Step) -> bool {
    step.calls.iter().any(|call| call.effect == Effect::Create)
}

/// AWS mostly says on which resource a permission is missing. Where it does not, it is the one that was to be changed,
/// unless the action belongs to another service, as `iam:PassRole` does.
fn on_resource(fault: Fault, target: &Target) -> Fault {
    let Class::Denied { action } = &fault.class else { return fault };
    let service = |operation: &str| operation.split(':').next().map(str::to_owned);
    let arn = target.arn();
    if fault.message.contains("on resource") || arn.is_empty() || service(action) != service(target.schema.create) {
        return fault;
    }
    let help = format!("allow {action} on {arn}; `tidegate iam deployer` prints the whole policy that this spec needs");
    fault.help(help)
}
