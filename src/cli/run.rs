mod beats;
mod leases;
mod tell;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use beats::Beats;
use tell::{Teller, Topic, Voice};

use super::ledger::Place;
use super::start::{LeftOut, Opened};
use super::{Common, Exit, Failure, Job, Out, fleet, listen::Listen, session::Where};
use crate::apply::Stop;
use crate::cloud::Cloud;
use crate::control::{Fleet, Rules, Troubles};
use crate::local::{Load, Pace};
use crate::model::units::Span;
use crate::run::{Controller, Heard, Reconciler, Sign, Switches, Watch, locked};
use crate::serve::{Door, Pulse};
use crate::simulate::{LAMBDA_PACE, Skew};

/// Real time that is left to what is in flight once the run is asked to stop. Container platforms kill after ten seconds or more, and
/// leases are given back and messages sent after it.
const GRACE: Duration = Duration::from_secs(6);
/// Real time after which a run that was asked to stop is ended whatever it waits for, such as a disk that hangs.
const LAST: Duration = Duration::from_secs(9);

/// Real time for giving back leases.
const PARTING: Duration = Duration::from_secs(1);

/// The most load for the embedded cloud, in shards.
const MOST_TRAFFIC: f64 = 100_000.0;

#[derive(clap::Args)]
pub struct Args {
    /// Decide and tell, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Time between two ticks
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = tick)]
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
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = super::ledger::calls_a_day)]
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
    #[arg(long, value_name = "SHARDS", value_parser = traffic, allow_negative_numbers = true)]
    traffic: Option<f64>,
    /// Uneven keys of that traffic: `zipf:EXPONENT` (a hundred keys) or `hot:SHARE%` (one key)
    #[arg(long, value_name = "SKEW", requires = "traffic")]
    keys: Option<Skew>,
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

/// Shards' worth of load: a stream has 20,000 shards at most, and a wave that fills some of them over and over tells nothing.
fn traffic(text: &str) -> Result<f64, String> {
    let known = text.parse().ok().filter(|shards| (0.0..=MOST_TRAFFIC).contains(shards));
    known.ok_or_else(|| format!("write a number of shards from 0 to {MOST_TRAFFIC}, such as 6"))
}

fn tick(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    match span.seconds() {
        0 => Err("write 1s or more: CloudWatch has a new minute each minute".into()),
        _ => Ok(span),
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
    let mut wanted = common.patiently(out, Wanted::read(&common, &args, args.json)).await?;
    if let Some(shards) = args.traffic {
        offer(&common, &wanted.jobs, shards, args.keys)?;
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
    left_out: Vec<LeftOut>,
    /// The region of the first spec, where the ledger's table is.
    home: Option<String>,
}

impl Wanted {
    async fn read(common: &Common, args: &Args, json: bool) -> Result<Self, Failure> {
        let Opened { jobs, left_out, home } = common.open_each(json).await?;
        if let (Place::Table(table), Some(left), None) = (&args.ledger, left_out.first(), &home) {
            let what = format!("the region of the table {table} is that of the first spec, and {}", left.message());
            return Err(Failure::refused(what, "mend the spec, or name a good one first with -f"));
        }
        let rules = Rules {
            calls_a_day: args.calls_a_day,
            at_once: args.at_once.into(),
            dry_run: args.dry_run,
            tick_seconds: u32::try_from(args.tick.seconds()).unwrap_or(u32::MAX).max(1),
            learn_minutes: i64::try_from(args.learn.seconds() / 60).unwrap_or(i64::MAX).min(14 * 1440),
            ..Rules::default()
        };
        let (clouds, watches, mut fleet) = fleet::of(&jobs, rules);
        fleet.left_out = left_out.iter().map(LeftOut::message).collect();
        if fleet.streams().is_empty() {
            return Err(Failure::refused(
                "no stream of the spec has a range of shards, so there is nothing to size",
                "write `capacity: { mode: provisioned, shards: { min: 2, max: 64 } }`",
            ));
        }
        Ok(Self { jobs, clouds, watches, fleet, left_out, home })
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
    let lasts = Duration::from_secs(args.lease.seconds());
    let ledger =
        args.ledger.open(&common.at_home(wanted.home.as_ref()), &wanted.jobs, (lasts, args.dry_run), out).await?;
    let Wanted { jobs, clouds, watches, fleet: streams, left_out, .. } = wanted;
    let count = streams.streams().len();
    let heard = Heard::default();
    let pulse = Arc::new(Pulse::new(args.real_tick()));
    let controller =
        Controller::start(clouds.clone(), watches, streams, ledger, asked.stop.clone(), heard.clone()).await?;
    let lives = Arc::clone(&pulse);
    let controller = controller.beating(Arc::new(move |sign| match sign {
        Sign::GoesOn => lives.goes_on(),
        Sign::Answered => lives.answered(),
    }));
    // A message that a dry run took would wake nobody else.
    let ears = match args.dry_run {
        true => Vec::new(),
        false => ears(common, &jobs, &controller, &heard, &asked.woken).await?,
    };
    let clock = Arc::clone(&clouds[0]);
    let voice = Voice::open(common, args).await?;
    let troubles = Mutex::new(Troubles::repeating());
    let leases = Mutex::default();
    let teller = Teller { json: args.json, quiet: common.quiet, out, voice: voice.as_ref(), troubles, leases };
    teller.started(count, args, door.as_ref().map(|door| door.address), clock.now());
    let port = door.map(|door| door.open(controller.fleet(), Arc::clone(&pulse), asked.stop.clone()));
    let reconcilers = reconcilers(jobs, args);
    let (ready, ticking) = (Mutex::default(), AtomicBool::new(true));
    let beats = Beats { common, args, out, clock: &clock, asked, pulse: &pulse, reconcilers, left_out, ready, ticking };
    let fleet = controller.fleet();
    let again = beats.go(controller, left, &teller).await;
    ears.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(voice) = &voice {
        teller.undelivered(voice.notifier.end(PARTING).await, clock.now());
    }
    let unwritten = std::mem::take(&mut locked(&fleet).unwritten);
    match &again {
        Some(_) => teller.reread(clock.now()),
        None => teller.stopped(asked.stop.is_asked(), &unwritten, clock.now()),
    }
    if let Some(port) = port {
        port.close().await;
    }
    Ok(again)
}

/// Puts traffic on the streams of the embedded cloud, which the Lambda functions of the specs read.
fn offer(common: &Common, jobs: &[Job], shards: f64, keys: Option<Skew>) -> Result<(), Failure> {
    let Where::Local(file) = &common.cloud else { return Ok(()) };
    for (seed, job) in jobs.iter().enumerate() {
        let local = super::local::open_local(file, &job.scope.region, Pace::Virtual)?;
        for (seed, (_, desired)) in (seed as u64 * 1000..).zip(fleet::ranges(job)) {
            // A shard takes 1,000 records a second; of 512 bytes each, so that records are what fills it.
            let load = Load::synthetic(seed, shards * 1000.0, 512.0);
            let load = match keys {
                Some(keys) => load.keys(keys.keys(seed)),
                None => load,
            };
            local.offer(&desired.physical, load).map_err(|fault| {
                let make = "make the pipeline first: tidegate apply -y with the same --cloud and -f";
                Failure::from(if fault.is_absent() { fault.help(make) } else { fault })
            })?;
            for function in fleet::functions(&job.spec, desired.address.name()) {
                local.map_function(&desired.physical, function.function.as_str(), LAMBDA_PACE)?;
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
            } else {
                // A thread of its own: what hangs may hold up all others.
                std::thread::spawn(|| {
                    std::thread::sleep(LAST);
                    std::process::exit(Exit::Error.code().into());
                });
            }
            asked.woken.notify_waiters();
            // Whoever was not waiting yet finds it.
            asked.woken.notify_one();
        }
    })
}
