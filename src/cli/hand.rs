//! What people ask of the controller: `pin`, `pause`, `resume`. Kept as tags on the streams, so that it works from any machine. A spec
//! that cannot be used keeps nobody from asking it of the streams of others.

use super::start::Opened;
use super::{Common, Exit, Failure, Job, Out, fleet};
use crate::cloud::{Tags, Target};
use crate::control::{Key, Pause, Pin, hand, is_ours};
use crate::kinds::stream::SCHEMA;
use crate::model::units::Span;
use crate::model::{Call, Desired, Effect, PAUSED, PIN, Value};
use crate::scale::Bounds;

#[derive(clap::Args)]
pub struct PinArgs {
    /// The stream's name in the spec, or PIPELINE/STREAM
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The count that it is to have, whatever the load
    #[arg(
        long, value_name = "N", value_parser = count, allow_negative_numbers = true, required_unless_present = "at_least",
        conflicts_with = "at_least"
    )]
    shards: Option<u32>,
    /// The fewest that it is to have: a load that needs more gets more
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    at_least: Option<u32>,
    /// For how long, at most 366d
    #[arg(long = "for", value_name = "TIME", value_parser = pin_time)]
    duration: Span,
}

#[derive(clap::Args)]
pub struct PauseArgs {
    /// Only this stream, with its alarms, consumers and policy; without it the whole pipeline: nothing of it is sized or healed
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    /// For how long, at most 366d; without it until `tidegate resume`
    #[arg(long = "for", value_name = "TIME", value_parser = pause_time)]
    duration: Option<Span>,
}

#[derive(clap::Args)]
pub struct ResumeArgs {
    /// Only this stream; without it all of the spec
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
}

pub async fn pin(common: &Common, args: PinArgs, out: &Out) -> Result<Exit, Failure> {
    let opened = open(common, out).await?;
    let all: Vec<(Asked<'_>, Bounds)> = opened
        .jobs
        .iter()
        .flat_map(|job| fleet::ranges(job).map(move |(bounds, desired)| (Asked::of(job, desired), bounds)))
        .collect();
    let keys: Vec<Key> = all.iter().map(|(asked, _)| asked.key.clone()).collect();
    let (asked, bounds) = &all[opened.find(&keys, &args.stream, "with a range of shards")?];
    // The arguments ask for one of the two.
    let shards = args.shards.or(args.at_least).unwrap_or(bounds.min);
    if !(bounds.min..=bounds.max).contains(&shards) {
        let what = format!("{shards} shards are outside of the spec's {} to {}", bounds.min, bounds.max);
        return Err(Failure::refused(what, "pin a count inside the range, or change the range and apply"));
    }
    let until = asked.job.cloud.now() + seconds(args.duration);
    let pin = Pin { shards, until, at_least: args.at_least.is_some() };
    let tags = asked.tags().await?;
    asked.put(&tags, PIN, Some(hand::pin_text(&pin))).await?;
    out.line(&format!("{} is pinned to {} shards until {}", asked.key, pin.count(), hand::stamp(pin.until)));
    let now = asked.job.cloud.now();
    if let Some(pause) = tags.get(PAUSED).and_then(|text| hand::pause(text, now)) {
        let key = &asked.key;
        out.error(&format!(
            "warning: {key} is paused {}, which goes before the pin: until then nothing is resized",
            hand::pause_text(&pause)
        ));
        out.error(&format!(
            "help: `tidegate resume {key}` ends the pause and takes the pin off, too; pin it again after that"
        ));
    }
    Ok(Exit::Success)
}

pub async fn pause(common: &Common, args: PauseArgs, out: &Out) -> Result<Exit, Failure> {
    let opened = open(common, out).await?;
    let all = chosen(&opened, args.stream.as_deref())?;
    let (mut exit, mut is_part) = (whole(&opened, args.stream.as_deref()), false);
    for asked in &all {
        let pause = Pause { until: args.duration.map(|time| asked.job.cloud.now() + seconds(time)) };
        let text = hand::pause_text(&pause);
        match async { asked.put(&asked.tags().await?, PAUSED, Some(text.clone())).await }.await {
            Ok(_) => out.line(&format!("{} is paused {text}", asked.key)),
            // The others are paused all the same: somebody wants to be left alone.
            Err(failure) => (exit, is_part) = (failure.tell(out), true),
        }
    }
    if is_part && args.stream.is_none() {
        out.error("warning: a pipeline with a stream that is not paused is still healed, but for its paused streams");
    }
    Ok(exit)
}

pub async fn resume(common: &Common, args: ResumeArgs, out: &Out) -> Result<Exit, Failure> {
    let opened = open(common, out).await?;
    let mut exit = whole(&opened, args.stream.as_deref());
    for asked in &chosen(&opened, args.stream.as_deref())? {
        let resumed = async {
            let tags = asked.tags().await?;
            asked.put(&tags, PAUSED, None).await?;
            asked.put(&tags, PIN, None).await
        };
        match resumed.await {
            Ok(true) => out.line(&format!("{} is sized and healed again; its pin was taken off, too", asked.key)),
            Ok(false) => out.line(&format!("{} is sized and healed again", asked.key)),
            Err(failure) => exit = failure.tell(out),
        }
    }
    Ok(exit)
}

/// Opens what can be used, and tells what cannot.
async fn open(common: &Common, out: &Out) -> Result<Opened, Failure> {
    let opened = common.open_each(false).await?;
    opened.warn(out);
    Ok(opened)
}

/// Who asked for something of all streams did not get it of those whose spec is left out, which is an error as much as one that fails.
fn whole(opened: &Opened, name: Option<&str>) -> Exit {
    if name.is_none() && !opened.left_out.is_empty() { Exit::Error } else { Exit::Success }
}

/// The longest time for which something is asked: what is to last is written into the spec.
const LONGEST: u64 = 366 * 86_400;
/// The most shards that a stream of AWS has.
const MOST_SHARDS: u32 = 20_000;

fn count(text: &str) -> Result<u32, String> {
    let known = text.parse().ok().filter(|count| (1..=MOST_SHARDS).contains(count));
    known.ok_or_else(|| format!("write a whole number of shards from 1 to {MOST_SHARDS}, within the stream's range"))
}

fn pin_time(text: &str) -> Result<Span, String> {
    some_time(text, "for a count that is to stay write it as `min` and `max` into the spec, and apply")
}

fn pause_time(text: &str) -> Result<Span, String> {
    some_time(text, "without --for it lasts until `tidegate resume`")
}

/// `otherwise`: what there is for those who want more.
fn some_time(text: &str, otherwise: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    match span.seconds() {
        0 => Err("write a time above 0, such as 4h: it would be over at once".into()),
        seconds if seconds > LONGEST => Err(format!("write at most {} days; {otherwise}", LONGEST / 86_400)),
        _ => Ok(span),
    }
}

fn seconds(time: Span) -> i64 {
    i64::try_from(time.seconds()).unwrap_or(i64::MAX / 4)
}

/// A stream that a person asks something of.
struct Asked<'a> {
    job: &'a Job,
    key: Key,
    target: Target,
}

/// The streams that are meant, with a range or without: all that the pipelines have of their own, or one of them.
fn chosen<'a>(opened: &'a Opened, name: Option<&str>) -> Result<Vec<Asked<'a>>, Failure> {
    let own = |job: &'a Job| job.graph.of_kind(SCHEMA.kind).filter(|desired| !desired.existing);
    let mut all: Vec<Asked<'a>> =
        opened.jobs.iter().flat_map(|job| own(job).map(move |desired| Asked::of(job, desired))).collect();
    if all.is_empty() {
        let what = "the spec has no stream of its own, which could carry the tag";
        return Err(Failure::refused(what, "stop `tidegate run`, or run it without --apply, --heal and --prune"));
    }
    if let Some(name) = name {
        let keys: Vec<Key> = all.iter().map(|asked| asked.key.clone()).collect();
        let at = opened.find(&keys, name, "of the spec")?;
        all = all.into_iter().skip(at).take(1).collect();
    }
    Ok(all)
}

impl<'a> Asked<'a> {
    fn of(job: &'a Job, desired: &Desired) -> Self {
        let key = Key { pipeline: job.scope.pipeline.clone(), stream: desired.address.name().to_owned() };
        Self { job, key, target: fleet::target(job, desired) }
    }

    /// The tags of a stream that is ours.
    async fn tags(&self) -> Result<Tags, Failure> {
        let Self { job, key, target } = self;
        let tags = job.cloud.glance(target, true).await?.tags.unwrap_or_default();
        if !is_ours(key, &tags) {
            let what = format!("stream {} does not carry the tags of this pipeline", target.physical);
            return Err(Failure::refused(what, "apply the spec first, with --adopt if the stream was there before"));
        }
        Ok(tags)
    }

    /// Writes or takes off a tag of a stream that has these. Answers whether anything was changed.
    async fn put(&self, tags: &Tags, name: &str, text: Option<String>) -> Result<bool, Failure> {
        let call = match text {
            Some(text) => Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", Value::map([(name, text)])),
            None if !tags.contains_key(name) => return Ok(false),
            None => {
                let mut call = Call::new(Effect::Set, "kinesis:RemoveTagsFromStream");
                call.drop_tags = vec![name.to_owned()];
                call
            }
        };
        self.job.cloud.perform(&self.target, &call).await?;
        Ok(true)
    }
}
