//! The embedded cloud: every kind as stored attributes, the stream as a real plant, AWS's limits, a clock of its own.
//!
//! Generic over kinds: it reads their tables and knows none of their modules. Deterministic: the seed, the time at
//! construction and the calls decide everything.

mod clock;
mod file;
mod hand;
mod hooks;
mod kinesis;
mod lambda;
pub mod limits;
pub mod metrics;
mod names;
mod owned;
pub mod plant;
mod rates;
mod readings;
pub mod reference;
mod references;
pub mod shards;
pub mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod traffic;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

pub use clock::Pace;
pub use hooks::{Hook, Moment};
pub use limits::Limits;
pub use shards::Shard;
pub use stream::Profile;
pub use traffic::{Keys, Load};

use crate::cloud::{Caller, Claim, Claims, Class, Cloud, Fault, Outputs, Target};
use crate::model::{
    Address, Call, Effect, Glance, IteratorAges, Made, Mapping, Observed, OpenShard, Quotas, Readings, Schema, Scope,
    State,
};
use clock::Clock;
use file::{FORMAT, LONGEST_AHEAD_MS, Saved, Store};
use limits::Refusal;
use rates::{Rates, TooSoon};
use world::{Moving, World};

/// How the local cloud behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Twelve digits; AWS's own example account by default.
    pub account: String,
    pub region: String,
    /// Decides durations, ids and reaction times.
    pub seed: u64,
    pub pace: Pace,
    /// How long resharding takes.
    pub profile: Profile,
    pub limits: Limits,
    /// Limits of a shard and habits of producers and consumers.
    pub plant: plant::Settings,
    /// Seconds after the end of a minute until its metrics are visible. AWS documents none; 60 to 180 are seen.
    pub metric_delay: i64,
    /// Minutes of metrics that are kept: three days. (CloudWatch keeps 15; a learning autoscaler wants more than one.)
    pub keep_minutes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            seed: 0,
            pace: Pace::Virtual,
            profile: Profile::Fast,
            limits: Limits::default(),
            plant: plant::Settings::default(),
            metric_delay: 60,
            keep_minutes: 4320,
        }
    }
}

impl Options {
    /// The partition that the region belongs to.
    pub fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// Where this cloud's resources live, for those that no pipeline made.
    pub fn scope(&self) -> Scope {
        Scope {
            pipeline: String::new(),
            partition: self.partition().into(),
            region: self.region.clone(),
            account: self.account.clone(),
        }
    }
}

/// The embedded cloud.
pub struct Local {
    schemas: &'static [&'static Schema],
    options: Options,
    clock: Clock,
    held: Mutex<Held>,
    hook: Option<Hook>,
    journal: Mutex<Vec<(Address, String)>>,
    rates: Mutex<Rates>,
}

struct Held {
    region: String,
    world: World,
    /// The other regions of the file, which are only kept.
    elsewhere: BTreeMap<String, World>,
    store: Option<Store>,
    /// Where the clock stood when it was saved.
    saved_ahead: i64,
    /// Whether it could be saved when that was last tried.
    is_kept: bool,
    /// When the clock may be saved again, in real time.
    next_save: Option<Instant>,
}

/// What waits keeps the time in the file this often, so that other processes see the time of a run that is under way, and a kill
/// does not set the clock back by hours. A file that takes long to write is written less often.
const SAVES: Duration = Duration::from_secs(1);
/// The share of the time that may go into it: one part in so many.
const SAVE_SHARE: u32 = 20;

impl Local {
    /// An empty cloud in memory. `now` in seconds since 1970 is the only real time that enters.
    pub fn new(schemas: &'static [&'static Schema], options: Options, now: i64) -> Self {
        let clock = Clock::new(now, options.pace);
        let region = options.region.clone();
        let (world, elsewhere) = (World::default(), BTreeMap::new());
        let held = Held { region, world, elsewhere, store: None, saved_ahead: 0, is_kept: true, next_save: None };
        Self {
            schemas,
            options,
            clock,
            held: Mutex::new(held),
            hook: None,
            journal: Mutex::new(Vec::new()),
            rates: Mutex::default(),
        }
    }

    /// The cloud that is kept in a file; where there is none, an empty one that the first change will write.
    pub fn open(path: &Path, schemas: &'static [&'static Schema], options: Options, now: i64) -> Result<Self, Fault> {
        let local = Self::new(schemas, options, now);
        local.held().store = Some(Store::new(path));
        local.look(|_, _| ())?;
        Ok(local)
    }

    /// The cloud that the bytes of such a file describe, in memory.
    pub fn read(bytes: &[u8], schemas: &'static [&'static Schema], options: Options, now: i64) -> Result<Self, Fault> {
        let mut saved = file::parse(Path::new("-"), bytes)?;
        let local = Self::new(schemas, options, now);
        local.clock.catch_up(saved.ahead_ms);
        let mut held = local.held();
        held.world = saved.regions.remove(&held.region).unwrap_or_default();
        held.elsewhere = saved.regions;
        drop(held);
        Ok(local)
    }

    /// Asks `hook` around each mutating call.
    #[must_use]
    pub fn with_hook(mut self, hook: Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// The calls whose effect took place, in order.
    pub fn journal(&self) -> Vec<(Address, String)> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moving(&self) -> Moving<'_> {
        Moving { schemas: self.schemas, options: &self.options, now: self.clock.now() }
    }

    /// Reads the world as it is now.
    fn look<T>(&self, look: impl FnOnce(&mut World, &Moving) -> T) -> Result<T, Fault> {
        let mut held = self.held();
        held.refresh(&self.clock)?;
        let moving = self.moving();
        held.world.settle(&moving);
        Ok(look(&mut held.world, &moving))
    }

    /// Changes the world and saves it. Nothing is saved where the change was refused.
    fn change<T>(&self, change: impl FnOnce(&mut World, &Moving) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut held = self.held();
        // Held until the end, so that two processes change the file one after the other.
        let _lock = held.store.as_ref().map(Store::lock).transpose()?;
        held.refresh(&self.clock)?;
        let moving = self.moving();
        held.world.settle(&moving);
        let done = change(&mut held.world, &moving)?;
        held.save(&self.clock)?;
        Ok(done)
    }

    /// Keeps the time that has passed for other processes, now and then.
    fn keep_time(&self) {
        let began = Instant::now();
        let due = {
            let mut held = self.held();
            if held.is_kept {
                held.store.iter().for_each(|store| store.note(self.clock.now_ms()));
            }
            let waited = held.store.is_some() && self.clock.ahead() > held.saved_ahead;
            waited && *held.next_save.get_or_insert(began + SAVES) <= began
        };
        if !due {
            return;
        }
        if let Err(fault) = self.change(|_, _| Ok(())) {
            tracing::debug!(%fault, "the local cloud's clock was not saved");
        }
        self.held().next_save = Some(Instant::now() + SAVES.max(began.elapsed() * SAVE_SHARE));
    }

    /// Waits for the operation's turn, as a client of AWS must: AWS itself would refuse the call.
    async fn turn(&self, operation: &str) {
        loop {
            let Err(TooSoon { refusal, wait_ms }) = self.admit(operation) else { return };
            tracing::debug!(operation, refusal.code, wait_ms, "too soon");
            self.clock.pause(Duration::from_millis(wait_ms.unsigned_abs())).await;
        }
    }

    fn admit(&self, operation: &str) -> Result<(), TooSoon> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.admit(operation, self.clock.now_ms())
    }

    fn make(&self, target: &Target, call: &Call) -> Result<Outputs, Fault> {
        let asked = |moment| self.hook.as_ref().and_then(|hook| hook(target, call, moment));
        if let Some(fault) = asked(Moment::Before) {
            return Err(fault);
        }
        let outputs = self.change(|world, moving| {
            world.perform(moving, target, call).map_err(|refusal| fault(refusal, doing(target, call)))
        })?;
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.push((target.address.clone(), call.operation.clone()));
        drop(journal);
        asked(Moment::After).map_or(Ok(outputs), Err)
    }
}

impl Held {
    /// Takes over what another process wrote.
    fn refresh(&mut self, clock: &Clock) -> Result<(), Fault> {
        let Some(store) = &mut self.store else { return Ok(()) };
        if let Some(mut saved) = store.changed()? {
            self.world = saved.regions.remove(&self.region).unwrap_or_default();
            self.elsewhere = saved.regions;
            self.saved_ahead = saved.ahead_ms;
            clock.catch_up(saved.ahead_ms);
        }
        self.keep_up(clock);
        Ok(())
    }

    /// Takes over the time of another process, which is that one's to save.
    fn keep_up(&mut self, clock: &Clock) {
        let time = self.store.as_ref().and_then(Store::time);
        // A hundred years on are no time of a cloud.
        if time.is_some_and(|time| time - clock.now_ms() < LONGEST_AHEAD_MS && clock.reach(time)) {
            self.saved_ahead = self.saved_ahead.max(clock.ahead());
        }
    }

    fn save(&mut self, clock: &Clock) -> Result<(), Fault> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let mut regions = std::mem::take(&mut self.elsewhere);
        regions.insert(self.region.clone(), std::mem::take(&mut self.world));
        let mut saved = Saved { format: FORMAT, ahead_ms: clock.ahead(), regions };
        let done = store.save(&saved);
        self.saved_ahead = saved.ahead_ms;
        self.is_kept = done.is_ok();
        match &done {
            Ok(()) => store.note(clock.now_ms()),
            // What the file lacks has not come to pass: neither has its time.
            Err(_) => store.unnote(),
        }
        self.world = saved.regions.remove(&self.region).unwrap_or_default();
        self.elsewhere = saved.regions;
        done
    }
}

impl Drop for Local {
    /// The time that was waited counts for the next process too.
    fn drop(&mut self) {
        let held = self.held();
        let waited = held.store.is_some() && self.clock.ahead() > held.saved_ahead;
        drop(held);
        if waited && let Err(fault) = self.change(|_, _| Ok(())) {
            tracing::warn!(%fault, "the local cloud's clock was not saved");
        }
    }
}

/// "creating stream clicks (kinesis:CreateStream)"
fn doing(target: &Target, call: &Call) -> String {
    let verb = match call.effect {
        Effect::Create => "creating",
        Effect::Set => "changing",
        Effect::Delete => "deleting",
    };
    format!("{verb} {} {} ({})", target.schema.kind, target.physical, call.operation)
}

fn fault(refusal: Refusal, doing: String) -> Fault {
    let help = match refusal.class {
        Class::Busy => Some("another change is under way; run the same command again when it has settled".to_owned()),
        Class::Throttled => Some("too many at once; run the same command again in a minute".to_owned()),
        _ => None,
    };
    let message = format!("{} ({})", refusal.message, refusal.code);
    Fault { class: refusal.class, doing, code: refusal.code.into(), message, help }
}

impl Cloud for Local {
    fn caller(&self) -> BoxFuture<'_, Result<Caller, Fault>> {
        let scope = self.options.scope();
        let arn = scope.fill("arn:{partition}:iam::{account}:user/{name}", "local");
        let caller = Caller { account: scope.account, partition: scope.partition, region: scope.region, arn };
        Box::pin(async move { Ok(caller) })
    }

    fn observe<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Observed> {
        Box::pin(async move {
            let seen = self.look(|world, moving| world.observe(moving, target));
            seen.unwrap_or_else(|fault| Observed::Unreadable(fault.to_string()))
        })
    }

    fn state<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        Box::pin(async move {
            let doing = || format!("looking at {} {}", target.schema.kind, target.physical);
            self.look(|world, moving| world.state(moving, target))?.map_err(|refusal| fault(refusal, doing()))
        })
    }

    fn owned<'a>(&'a self, scope: &'a Scope, _wanted: &'a BTreeMap<Address, String>) -> BoxFuture<'a, Claims> {
        Box::pin(async move {
            let found = self.look(|world, moving| owned::claims(world, moving.schemas, &scope.pipeline));
            match found {
                Ok(found) => Claims { found, ..Claims::default() },
                Err(fault) => Claims { blind: vec![fault.to_string()], ..Claims::default() },
            }
        })
    }

    fn readers<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        Box::pin(async move { self.look(|world, moving| references::readers(world, moving, target)) })
    }

    fn quotas<'a>(&'a self, kinds: &'a BTreeSet<&'a str>) -> BoxFuture<'a, Result<Quotas, Fault>> {
        Box::pin(async move {
            let has_streams = kinds.contains(world::STREAM);
            self.look(|world, moving| if has_streams { kinesis::quotas(world, moving) } else { Quotas::new() })
        })
    }

    fn made<'a>(&'a self, operations: &'a BTreeSet<&'a str>, since: i64) -> BoxFuture<'a, Result<Vec<Made>, Fault>> {
        Box::pin(async move { self.look(|world, _| kinesis::made(world, operations, since)) })
    }

    fn perform<'a>(&'a self, target: &'a Target, call: &'a Call) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(async move {
            self.turn(&call.operation).await;
            self.make(target, call)
        })
    }

    fn glance<'a>(&'a self, target: &'a Target, tags: bool) -> BoxFuture<'a, Result<Glance, Fault>> {
        Box::pin(async move {
            let doing = || format!("looking at {} {}", target.schema.kind, target.physical);
            let seen = self.look(|world, moving| readings::glance(world, moving, target, tags))?;
            seen.map_err(|refusal| fault(refusal, doing()))
        })
    }

    fn open_shards<'a>(&'a self, target: &'a Target, loads: bool) -> BoxFuture<'a, Result<Vec<OpenShard>, Fault>> {
        Box::pin(async move {
            let doing = || format!("listing the shards of {} {}", target.schema.kind, target.physical);
            let seen = self.look(|world, moving| readings::open_shards(world, moving, target, loads))?;
            seen.map_err(|refusal| fault(refusal, doing()))
        })
    }

    fn readings<'a>(&'a self, streams: &'a [String], from: i64, to: i64) -> BoxFuture<'a, Readings> {
        Box::pin(async move {
            let read = self.look(|world, moving| readings::read(world, moving, streams, from..to));
            read.unwrap_or_else(|fault| {
                let blind = streams.iter().map(|stream| (stream.clone(), fault.to_string())).collect();
                Readings { blind, ..Readings::default() }
            })
        })
    }

    fn mapping<'a>(
        &'a self,
        target: &'a Target,
        function: &'a str,
        _uuid: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Mapping, Fault>> {
        Box::pin(async move {
            let doing = || format!("reading how {function} reads stream {}", target.physical);
            let seen = self.look(|world, moving| lambda::mapping(world, moving, target, function))?;
            seen.map_err(|refusal| fault(refusal, doing()))
        })
    }

    fn iterator_ages<'a>(&'a self, functions: &'a [String], from: i64, to: i64) -> BoxFuture<'a, IteratorAges> {
        Box::pin(async move {
            let read = self.look(|world, moving| lambda::ages(world, moving, functions, from..to));
            read.unwrap_or_else(|fault| IteratorAges { troubles: vec![fault.to_string()], ..IteratorAges::default() })
        })
    }

    fn ringing<'a>(&'a self, alarms: &'a [String]) -> BoxFuture<'a, Result<BTreeSet<String>, Fault>> {
        Box::pin(async move { self.look(|world, moving| readings::ringing(world, moving, alarms)) })
    }

    /// Never behind what another process that moves this cloud's clock saw, whose ledger may be read by this one.
    fn now(&self) -> i64 {
        self.held().keep_up(&self.clock);
        self.clock.now()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.clock.pause(time).await;
            self.keep_time();
        })
    }
}
