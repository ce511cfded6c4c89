//! What people ask of the controller: `pin`, `pause`, `resume`. Kept as tags on the streams, so that it works from any machine.

use super::{Common, Exit, Failure, Job, Out, fleet, status};
use crate::cloud::Target;
use crate::control::{Key, Pause, Pin, hand, is_ours};
use crate::model::units::Span;
use crate::model::{Call, Effect, PAUSED, PIN, Value};
use crate::scale::Bounds;

#[derive(clap::Args)]
pub struct PinArgs {
    /// The stream's name in the spec, or PIPELINE/STREAM
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The count that it is to have
    #[arg(long, value_name = "N")]
    shards: u32,
    /// For how long
    #[arg(long = "for", value_name = "TIME", value_parser = some_time)]
    duration: Span,
}

#[derive(clap::Args)]
pub struct PauseArgs {
    /// Only this stream; without it all of the spec
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    /// For how long; without it until `tidegate resume`
    #[arg(long = "for", value_name = "TIME", value_parser = some_time)]
    duration: Option<Span>,
}

#[derive(clap::Args)]
pub struct ResumeArgs {
    /// Only this stream; without it all of the spec
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
}

pub async fn pin(common: &Common, args: PinArgs, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(false).await?;
    for (job, key, target, bounds) in chosen(&jobs, Some(&args.stream))? {
        if !(bounds.min..=bounds.max).contains(&args.shards) {
            let what = format!("{} shards are outside of the spec's {} to {}", args.shards, bounds.min, bounds.max);
            return Err(Failure::refused(what, "pin a count inside the range, or change the range and apply"));
        }
        let pin = Pin { shards: args.shards, until: job.cloud.now() + seconds(args.duration) };
        tag(job, &key, &target, PIN, Some(hand::pin_text(&pin))).await?;
        out.line(&format!("{key} is pinned to {} shards until {}", pin.shards, hand::stamp(pin.until)));
    }
    Ok(Exit::Success)
}

pub async fn pause(common: &Common, args: PauseArgs, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(false).await?;
    for (job, key, target, _) in chosen(&jobs, args.stream.as_deref())? {
        let pause = Pause { until: args.duration.map(|time| job.cloud.now() + seconds(time)) };
        let text = hand::pause_text(&pause);
        tag(job, &key, &target, PAUSED, Some(text.clone())).await?;
        out.line(&format!("{key} is paused {text}"));
    }
    Ok(Exit::Success)
}

pub async fn resume(common: &Common, args: ResumeArgs, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(false).await?;
    for (job, key, target, _) in chosen(&jobs, args.stream.as_deref())? {
        tag(job, &key, &target, PAUSED, None).await?;
        tag(job, &key, &target, PIN, None).await?;
        out.line(&format!("{key} is sized again"));
    }
    Ok(Exit::Success)
}

fn some_time(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    if span.seconds() == 0 {
        Err("write a time above 0, such as 4h: it would be over at once".into())
    } else {
        Ok(span)
    }
}

fn seconds(time: Span) -> i64 {
    i64::try_from(time.seconds()).unwrap_or(i64::MAX / 4)
}

/// The streams that are meant.
fn chosen<'a>(jobs: &'a [Job], name: Option<&str>) -> Result<Vec<(&'a Job, Key, Target, Bounds)>, Failure> {
    let all: Vec<(&Job, Key, Target, Bounds)> = jobs
        .iter()
        .flat_map(|job| {
            fleet::ranges(job).map(move |(bounds, desired)| {
                let key = Key { pipeline: job.scope.pipeline.clone(), stream: desired.address.name().to_owned() };
                (job, key, fleet::target(job, desired), bounds)
            })
        })
        .collect();
    let Some(name) = name else { return Ok(all) };
    let keys: Vec<Key> = all.iter().map(|(_, key, _, _)| key.clone()).collect();
    let at = status::find(&keys, name)?;
    Ok(all.into_iter().skip(at).take(1).collect())
}

/// Writes or takes off a tag of a stream that is ours.
async fn tag(job: &Job, key: &Key, target: &Target, name: &str, text: Option<String>) -> Result<(), Failure> {
    let tags = job.cloud.glance(target, true).await?.tags.unwrap_or_default();
    if !is_ours(key, &tags) {
        let what = format!("stream {} does not carry the tags of this pipeline", target.physical);
        return Err(Failure::refused(what, "apply the spec first, with --adopt if the stream was there before"));
    }
    let call = match text {
        Some(text) => Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", Value::map([(name, text)])),
        None if !tags.contains_key(name) => return Ok(()),
        None => {
            let mut call = Call::new(Effect::Set, "kinesis:RemoveTagsFromStream");
            call.drop_tags = vec![name.to_owned()];
            call
        }
    };
    job.cloud.perform(target, &call).await?;
    Ok(())
}
