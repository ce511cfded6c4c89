mod tell;

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io::IsTerminal;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore};

use tell::{Teller, Topic, Voice};

use super::ledger::Place;
use super::{Common, Exit, Failure, Job, Out, fleet, listen::Listen, session::Where};
use crate::apply::Stop;
use crate::aws::fenced;
use crate::cloud::Cloud;
use crate::control::{Fleet, Rules};
use crate::local::{Load, Pace};
use crate::model::units::Span;
use crate::run::{Controller, Fence, Heard, Reconciler, Switches, Told, Watch};
use crate::serve::{Door, Pulse};

/// Real time that is left to what is in flight once the run is asked to stop. Container platforms kill after ten seconds or more.
const GRACE: Duration = Duration::from_secs(8);

/// Time between an alarm and its tick, in which the others of the same moment come.
const CALM: Duration = Duration::from_secs(1);

/// Real time for giving back leases.
const PARTING: Duration = Duration::from_secs(1);

/// Pipelines that are looked through for drift at once.
const DRIFTS_AT_ONCE: usize = 4;

#[derive(clap::Args)]
pub struct Args {
    /// Decide and tell, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Time between two ticks
    #[arg(long, value_name = "TIME", default_value = "1m")]
    tick: Span,
    /// Where calls, decisions and what was learned are kept: a file, dynamodb:TABLE (which several replicas share), or `none`
    #[arg(long, value_name = "PLACE", default_value = "tidegate-ledger")]
    ledger: Place,
    /// With dynamodb:TABLE, the time after which a silent replica loses a pipeline to another (10s to 1h)
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = lease)]
    lease: Span,
    /// Time between two looks for drift; 0s: never
    #[arg(long, value_name = "TIME", default_value = "15m")]
    drift: Span,
    /// On the slow beat, make what the spec wants and is missing
    #[arg(long)]
    apply: bool,
    /// On the slow beat, delete what has left the spec and is to be deleted
    #[arg(long)]
    prune: bool,
    /// On the slow beat, set back what somebody changed
    #[arg(long)]
    heal: bool,
    /// Calls of UpdateShardCount that AWS allows a stream in 24 hours
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    calls_a_day: u32,
    /// Streams of one account and region that may reshard at the same time; the fullest go first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    at_once: u16,
    /// The past that is read from CloudWatch for a stream that nothing is known of
    #[arg(long, value_name = "TIME", default_value = "14d")]
    learn: Span,
    /// Stop after so many ticks
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    ticks: Option<u64>,
    /// Stop after so much of the cloud's time
    #[arg(long = "for", value_name = "TIME")]
    duration: Option<Span>,
    /// On the embedded cloud: so many times faster than real time, or `max`
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    speed: Option<Pace>,
    /// On the embedded cloud: a day's wave around so many shards' worth of load on every stream with a range
    #[arg(long, value_name = "SHARDS")]
    traffic: Option<f64>,
    /// Who is told: an SNS topic's ARN, or the address of a webhook (repeatable; TIDEGATE_NOTIFY takes several, with commas, and
    /// keeps an address out of the list of processes)
    #[arg(long, value_name = "TARGET", env = "TIDEGATE_NOTIFY", value_delimiter = ',', hide_env_values = true)]
    notify: Vec<String>,
    /// What they are told
    #[arg(long, value_name = "TOPIC", value_enum, value_delimiter = ',', default_values = ["resizes", "problems", "drift"])]
    notify_on: Vec<Topic>,
    #[command(flatten)]
    port: Listen,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Real seconds between two ticks where that is more than the cloud's.
    fn real_tick(&self) -> u32 {
        let slower = match self.speed {
            Some(Pace::Fast(factor)) => 1.0 / factor.min(1.0),
            _ => 1.0,
        };
        (self.tick.seconds() as f64 * slower).clamp(1.0, f64::from(u32::MAX)) as u32
    }
}

fn speed(text: &str) -> Result<Pace, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(Pace::Fast(factor)),
        _ if text == "max" => Ok(Pace::Virtual),
        _ => Err("write a number above 0, such as 60 for a minute in a second, or `max`".into()),
    }
}

fn lease(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    match span.seconds() {
        10..=3600 => Ok(span),
        _ => Err("write 10s to 1h: shorter, and a slow network would change hands all the time".into()),
    }
}

pub async fn run(common: &Common, mut args: Args, out: &Out) -> Result<Exit, Failure> {
    let local = matches!(common.cloud, Where::Local(_));
    if !local && (args.speed.is_some() || args.traffic.is_some()) {
        let what = "--speed and --traffic are for the embedded cloud: AWS's time and traffic are what they are";
        return Err(Failure::refused(what, "add --cloud local, or leave them out"));
    }
    let mut door = args.port.take().await?;
    if let Some(door) = &door {
        args.port.keep(door.address);
    }
    let common = Common { local_pace: Some(args.speed.unwrap_or(Pace::Fast(1.0))), ..common.clone() };
    let mut wanted = Wanted::read(&common, &args, args.json).await?;
    if let Some(shards) = args.traffic {
        offer(&common, &wanted.jobs, shards)?;
    }
    out.finish_what_began();
    let told = Asked::default();
    let listener = tokio::spawn(listen(told.clone())?);
    let lasts = args.duration.map(|time| i64::try_from(time.seconds()).unwrap_or(i64::MAX / 2));
    let mut left = Left { end: lasts.map(|lasts| wanted.clouds[0].now() + lasts), ticks: args.ticks };
    while let Some(again) = keep(&common, &args, out, (wanted, door), &mut left, &told).await? {
        wanted = again;
        door = args.port.take().await?;
    }
    listener.abort();
    Ok(if out.is_lost() { Exit::Error } else { Exit::Success })
}

/// What the specs ask for, and how it is reached.
struct Wanted {
    jobs: Vec<Job>,
    clouds: Vec<Arc<dyn Cloud>>,
    watches: Vec<Watch>,
    fleet: Fleet,
}

impl Wanted {
    async fn read(common: &Common, args: &Args, json: bool) -> Result<Self, Failure> {
        let jobs = common.open(json).await?;
        let rules = Rules {
            calls_a_day: args.calls_a_day,
            at_once: args.at_once.into(),
            dry_run: args.dry_run,
            tick_seconds: u32::try_from(args.tick.seconds()).unwrap_or(u32::MAX).max(1),
            learn_minutes: i64::try_from(args.learn.seconds() / 60).unwrap_or(i64::MAX).min(14 * 1440),
            ..Rules::default()
        };
        let (clouds, watches, fleet) = fleet::of(&jobs, rules);
        if fleet.streams().is_empty() {
            return Err(Failure::refused(
                "no stream of the spec has a range of shards, so there is nothing to size",
                "write `capacity: { mode: provisioned, shards: { min: 2, max: 64 } }`",
            ));
        }
        Ok(Self { jobs, clouds, watches, fleet })
    }
}

/// How much of a limited run is left.
struct Left {
    /// Seconds since 1970, by the cloud's clock.
    end: Option<i64>,
    ticks: Option<u64>,
}

impl Left {
    /// One more tick is done. Answers whether that was the last one.
    fn ticked(&mut self, now: i64) -> bool {
        self.ticks = self.ticks.map(|ticks| ticks.saturating_sub(1));
        self.ticks == Some(0) || self.end.is_some_and(|end| now >= end)
    }
}

/// Keeps the streams of the specs until the run ends, or until the specs have been read again: then these are the answer.
async fn keep(
    common: &Common,
    args: &Args,
    out: &Out,
    (wanted, door): (Wanted, Option<Door>),
    left: &mut Left,
    asked: &Asked,
) -> Result<Option<Wanted>, Failure> {
    let Wanted { jobs, clouds, watches, fleet: streams } = wanted;
    let lasts = Duration::from_secs(args.lease.seconds());
    let ledger = args.ledger.open(common, &jobs, (lasts, args.dry_run), out).await?;
    let count = streams.streams().len();
    let heard = Heard::default();
    let pulse = Arc::new(Pulse::new(args.real_tick()));
    let controller =
        Controller::start(clouds.clone(), watches, streams, ledger, asked.stop.clone(), heard.clone()).await?;
    let lives = Arc::clone(&pulse);
    let controller = controller.beating(Arc::new(move || lives.goes_on()));
    // A message that a dry run took would wake nobody else.
    let ears = match args.dry_run {
        true => Vec::new(),
        false => ears(common, &jobs, &controller, &heard, &asked.woken).await?,
    };
    let clock = Arc::clone(&clouds[0]);
    let voice = Voice::open(common, args).await?;
    let teller =
        Teller { json: args.json, quiet: common.quiet, out, voice: voice.as_ref(), troubles: Mutex::default() };
    teller.started(count, args, door.as_ref().map(|door| door.address), clock.now());
    let port = door.map(|door| door.open(controller.fleet(), Arc::clone(&pulse), asked.stop.clone()));
    let reconcilers = reconcilers(jobs, args);
    let ticking = AtomicBool::new(false);
    let beats = Beats { common, args, out, clock: &clock, asked, pulse: &pulse, reconcilers, ticking };
    let fleet = controller.fleet();
    let again = beats.go(controller, left, &teller).await;
    ears.iter().for_each(tokio::task::JoinHandle::abort);
    let unwritten = std::mem::take(&mut fleet.lock().unwrap_or_else(PoisonError::into_inner).unwritten);
    match &again {
        Some(_) => teller.reread(clock.now()),
        None => teller.stopped(asked.stop.is_asked(), &unwritten, clock.now()),
    }
    if let Some(voice) = voice {
        voice.notifier.end(PARTING).await;
    }
    if let Some(port) = port {
        port.close().await;
    }
    Ok(again)
}

/// Records of one shard that a Lambda function of the embedded cloud gets done in a second for each step of its parallelization
/// factor: too few at factor 1 for a shard that is half full.
const PACE: f64 = 400.0;

/// Puts traffic on the streams of the embedded cloud, which the Lambda functions of the specs read.
fn offer(common: &Common, jobs: &[Job], shards: f64) -> Result<(), Failure> {
    let Where::Local(file) = &common.cloud else { return Ok(()) };
    for (seed, job) in jobs.iter().enumerate() {
        let local = super::local::open_local(file, &job.scope.region, Pace::Virtual)?;
        for (seed, (_, desired)) in (seed as u64 * 1000..).zip(fleet::ranges(job)) {
            // A shard takes 1,000 records a second; of 512 bytes each, so that records are what fills it.
            local.offer(&desired.physical, Load::synthetic(seed, shards * 1000.0, 512.0)).map_err(|fault| {
                let make = "make the pipeline first: tidegate apply -y with the same --cloud and -f";
                Failure::from(if fault.is_absent() { fault.help(make) } else { fault })
            })?;
            for function in fleet::functions(&job.spec, desired.address.name()) {
                local.map_function(&desired.physical, function.function.as_str(), PACE)?;
            }
        }
    }
    Ok(())
}

/// Listens to the wake-up queues of the specs.
async fn ears(
    common: &Common,
    jobs: &[Job],
    controller: &Controller,
    heard: &Heard,
    woken: &Arc<Notify>,
) -> Result<Vec<tokio::task::JoinHandle<()>>, Failure> {
    let mut ears = Vec::new();
    if common.cloud != Where::Aws {
        return Ok(ears);
    }
    for job in jobs {
        for queue in job.graph.of_kind(crate::kinds::queue::SCHEMA.kind) {
            let aws = Arc::new(common.own_aws(Some(job.scope.region.clone())).await?);
            let (heard, woken) = (heard.clone(), Arc::clone(woken));
            let fence = controller.fence(&job.scope.pipeline);
            ears.push(tokio::spawn(crate::run::listen(aws, queue.physical.clone(), heard, woken, fence)));
        }
    }
    Ok(ears)
}

/// What the slow beat keeps of the pipelines; nothing where there is none. All else that the start needed goes here.
fn reconcilers(jobs: Vec<Job>, args: &Args) -> Vec<Reconciler> {
    if args.drift.seconds() == 0 {
        return Vec::new();
    }
    let dry = args.dry_run;
    let switches = Switches { apply: args.apply && !dry, prune: args.prune && !dry, heal: args.heal && !dry };
    let of = |Job { spec, cloud, scope, prices, .. }: Job| Reconciler { cloud, spec, scope, prices, switches };
    jobs.into_iter().map(of).collect()
}

/// What signals ask for.
#[derive(Clone, Default)]
struct Asked {
    stop: Stop,
    /// To read the specs again.
    reread: Arc<AtomicBool>,
    /// Told of both, and of alarms.
    woken: Arc<Notify>,
}

/// Ctrl-C and SIGTERM ask to stop; a second one stops at once. What was in flight is in the books. SIGHUP asks to read the
/// specs again; but where the run is somebody's at a terminal, it is the terminal that closes.
fn listen(asked: Asked) -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error: std::io::Error| Failure::from(anyhow::Error::new(error).context("listening for signals"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let is_at_a_terminal = std::io::stdin().is_terminal();
    Ok(async move {
        loop {
            let stops = tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => true,
                _ = hangup.recv() => is_at_a_terminal,
            };
            if !stops {
                asked.reread.store(true, Ordering::SeqCst);
            } else if asked.stop.ask() > 1 {
                std::process::exit(Exit::Interrupted.code().into());
            }
            asked.woken.notify_waiters();
            // Whoever was not waiting yet finds it.
            asked.woken.notify_one();
        }
    })
}

/// The two beats of a run.
struct Beats<'a> {
    common: &'a Common,
    args: &'a Args,
    out: &'a Out,
    clock: &'a Arc<dyn Cloud>,
    asked: &'a Asked,
    pulse: &'a Pulse,
    reconcilers: Vec<Reconciler>,
    /// Whether a tick is under way.
    ticking: AtomicBool,
}

impl Beats<'_> {
    /// Ticks until it is asked to stop, has done what it was to do, or has read the specs again.
    async fn go(&self, mut controller: Controller, left: &mut Left, teller: &Teller<'_>) -> Option<Wanted> {
        let tick = i64::try_from(self.args.tick.seconds()).unwrap_or(i64::MAX).max(1);
        let fleet = controller.fleet();
        let fences = self.reconcilers.iter().map(|one| controller.fence(&one.scope.pipeline)).collect();
        let slow = self.slow(&fleet, teller, fences);
        tokio::pin!(slow);
        let ticks = async {
            // The tick that looks at all streams: a storm of alarms neither puts it off nor adds to it.
            let mut due = self.clock.now();
            while !self.asked.stop.is_asked() {
                if let Some(again) = self.reread(teller).await {
                    return Some(again);
                }
                let began = std::time::Instant::now();
                self.ticking.store(true, Ordering::SeqCst);
                // Where the clock went back, it is due as well.
                if !(due - tick..due).contains(&self.clock.now()) {
                    controller.tick(&|told| teller.tell(&told)).await;
                    // On the minute, so that metrics are as new as they can be.
                    let now = self.clock.now();
                    due = now - now.rem_euclid(tick) + tick;
                } else {
                    controller.woken(&|told| teller.tell(&told)).await;
                }
                self.ticking.store(false, Ordering::SeqCst);
                // The slow beat, which may have been polled before the tick ended, goes on.
                tokio::task::yield_now().await;
                self.pulse.ticked(began.elapsed());
                teller.look(&fleet);
                if left.ticked(self.clock.now()) {
                    break;
                }
                let wait = due - self.clock.now();
                tokio::select! {
                    () = self.clock.pause(Duration::from_secs(u64::try_from(wait).unwrap_or(0))) => {}
                    () = self.asked.woken.notified() => {
                        // Many alarms at once are one wake-up.
                        self.clock.pause(CALM).await;
                    }
                }
            }
            None
        };
        let again = tokio::select! {
            again = ticks => again,
            () = &mut slow => None,
            // What does not end in time is dropped: its calls are in the books already.
            () = self.overdue() => None,
        };
        // Another replica need not wait until it runs out.
        if tokio::time::timeout(PARTING, controller.end()).await.is_err() {
            tracing::warn!("the lease is not given back in time; it runs out by itself");
        }
        again
    }

    /// Reads the specs again if that was asked for. Where they cannot be used, what was read before holds.
    async fn reread(&self, teller: &Teller<'_>) -> Option<Wanted> {
        if !self.asked.reread.swap(false, Ordering::SeqCst) {
            return None;
        }
        let read = match Wanted::read(self.common, self.args, false).await {
            // What is held now is given up for a ledger that can be reached, or not at all.
            Ok(wanted) => self.args.ledger.reach(self.common, &wanted.jobs).await.map(|()| wanted),
            Err(failure) => Err(failure),
        };
        match read {
            Ok(wanted) => Some(wanted),
            Err(failure) => {
                failure.tell(self.out);
                let what = "what was read again cannot be used (standard error says why): those read before hold";
                teller.tell(&Told::Trouble { at: self.clock.now(), message: what.into() });
                None
            }
        }
    }

    /// Ends some time after the run was asked to stop.
    async fn overdue(&self) {
        while !self.asked.stop.is_asked() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(GRACE).await;
    }

    /// The slow beat; it never ends by itself. `fences`: which replica acts for each reconciler's pipeline; another does nothing.
    async fn slow(&self, fleet: &Mutex<Fleet>, teller: &Teller<'_>, fences: Vec<Fence>) {
        let every = self.args.drift.seconds();
        if every == 0 {
            return std::future::pending().await;
        }
        let slots = &Semaphore::new(DRIFTS_AT_ONCE);
        let mut running = FuturesUnordered::new();
        let mut busy = BTreeSet::new();
        loop {
            {
                let mut rest = pin!(self.between(self.clock.pause(Duration::from_secs(every))));
                loop {
                    // A pipeline whose look hangs holds up itself alone.
                    tokio::select! {
                        biased;
                        Some(at) = running.next() => drop(busy.remove(&at)),
                        () = &mut rest => break,
                    }
                }
            }
            for (at, (reconciler, fence)) in self.reconcilers.iter().zip(&fences).enumerate() {
                if busy.insert(at) {
                    running.push(async move {
                        // It is never closed.
                        let _slot = slots.acquire().await;
                        if fence() {
                            fenced(Arc::clone(fence), self.reconcile(reconciler, fleet, teller)).await;
                        }
                        at
                    });
                }
            }
        }
    }

    /// Lets a pause go on between ticks alone: virtual time, which passes by pauses, would else run away under a tick of many looks.
    async fn between(&self, mut pause: impl Future<Output = ()> + Unpin) {
        poll_fn(|context| match self.ticking.load(Ordering::SeqCst) {
            true => Poll::Pending,
            false => pause.poll_unpin(context),
        })
        .await;
    }

    /// One pipeline's turn on the slow beat.
    async fn reconcile(&self, reconciler: &Reconciler, fleet: &Mutex<Fleet>, teller: &Teller<'_>) {
        let paused = fleet.lock().unwrap_or_else(PoisonError::into_inner).paused(&reconciler.scope.pipeline);
        let status = reconciler.beat(&self.asked.stop, &paused).await;
        let mut fleet = fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = status.is_news(fleet.drift.get(&status.pipeline));
        fleet.drift.insert(status.pipeline.clone(), status.clone());
        drop(fleet);
        if is_news {
            teller.tell(&Told::Drift(status));
        }
    }
}
