//! What the controller knows and did: `status`, `explain`, `history`.

mod books;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use books::{Books, Unread};

use super::ledger::Place;
use super::start::LeftOut;
use super::{Common, Exit, Failure, Out, fleet};
use crate::apply::Stop;
use crate::control::report::FORMAT;
use crate::control::{Decision, Entry, FunctionStatus, Key, Record, Report, Rules, Status, StreamStatus, hand};
use crate::kinds::{Name, Pipeline};
use crate::report::sizing::legend;
use crate::run::{Controller, Forgetful, Heard, Lost, locked};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    from: From,
}

#[derive(clap::Args)]
pub struct ExplainArgs {
    /// The stream's name in the spec, or PIPELINE/STREAM
    #[arg(value_name = "STREAM")]
    stream: String,
    /// Decisions at most, the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    #[command(flatten)]
    from: From,
}

#[derive(clap::Args)]
pub struct HistoryArgs {
    /// Only this stream
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    /// Lines at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: usize,
    #[command(flatten)]
    from: From,
}

#[derive(clap::Args)]
struct From {
    /// What `tidegate run` keeps its books in: a file, or dynamodb:TABLE
    #[arg(long, value_name = "PLACE", default_value = "tidegate-ledger")]
    ledger: Place,
    /// Calls of UpdateShardCount that AWS allows a stream in 24 hours, as `run` was told
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = super::ledger::calls_a_day)]
    calls_a_day: u32,
    /// JSON in place of text
    #[arg(long)]
    json: bool,
}

/// One look at the streams of every spec that can be used. One that is left out is a trouble that is told, and no error: `run`, which sizes
/// the streams of the others, ends with success as well.
pub async fn status(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let mut books = Books::default();
    let looked = common.patiently(out, now(common, &args.from, None, &mut |entry| books.take(entry))).await;
    let (report, unread) = match looked {
        Ok(looked) => looked,
        // What was written down is known also where AWS is not.
        Err(failure) => return Books::alone(common, &args.from, failure, out).await,
    };
    books.unread = unread;
    if args.from.json {
        out.line(&books.look(&report, &args.from.ledger).to_string());
        return Ok(Exit::Success);
    }
    books.head(&args.from.ledger, report.at, out);
    books.learning(report.streams.len()).iter().for_each(|learning| out.line(learning));
    for stream in &report.streams {
        tell(stream, books.newest(&stream.key()), out);
    }
    report.troubles.iter().for_each(|trouble| out.error(&format!("trouble: {trouble}")));
    Ok(Exit::Success)
}

pub async fn explain(common: &Common, args: ExplainArgs, out: &Out) -> Result<Exit, Failure> {
    let mut known: VecDeque<Decision> = VecDeque::new();
    let mut before = 0;
    let mut take = |entry: &Entry| {
        if let Record::Decided { decision } = &entry.record
            && is_named(&entry.key, &args.stream)
        {
            known.push_back((**decision).clone());
            if known.len() > args.last {
                known.pop_front();
                before += 1;
            }
        }
    };
    let (report, unread) = common.patiently(out, now(common, &args.from, Some(&args.stream), &mut take)).await?;
    if let Some(unread) = unread {
        unread.tell(&args.from.ledger, out);
    }
    report.left_out.iter().for_each(|left| out.error(&format!("warning: {left}")));
    let keys: Vec<Key> = report.streams.iter().map(StreamStatus::key).collect();
    let at = find(&keys, &args.stream, "with a range of shards")?;
    let stream = &report.streams[at];
    // What this look decided is in no ledger, and nothing is done by it.
    let newest = known.back().map_or(i64::MIN, |decision| decision.at);
    let of_ledger = known.len();
    known.extend(stream.decisions.iter().filter(|decision| decision.at > newest).cloned());
    if args.from.json {
        let mut value = serde_json::to_value(stream).unwrap_or_default();
        value["format_version"] = FORMAT.into();
        value["decisions"] = serde_json::to_value(&known).unwrap_or_default();
        value["decisions_before"] = before.into();
        value["decisions_of_ledger"] = of_ledger.into();
        out.line(&value.to_string());
        return Ok(Exit::Success);
    }
    tell(stream, None, out);
    out.line("");
    if known.iter().any(|decision| decision.because.contains("of the trust")) {
        out.text(&legend());
    }
    if before > 0 {
        let all = before + known.len();
        out.line(&format!("{before} older decisions are in the ledger: --last {all} shows them all"));
    }
    for (nth, decision) in known.iter().enumerate() {
        if nth == of_ledger {
            out.line("This look, by which nothing is done:");
        }
        out.line(&fleet::line(&keys[at], decision));
        out.line(&format!("    {}", figures(decision)));
    }
    Ok(Exit::Success)
}

/// The ledger alone, so that it also works where the stream cannot be reached.
pub async fn history(common: &Common, args: &HistoryArgs, out: &Out) -> Result<Exit, Failure> {
    let mut found: VecDeque<(Arc<Key>, Box<Decision>)> = VecDeque::new();
    let wanted = |key: &Key| args.stream.as_ref().is_none_or(|name| is_named(key, name));
    let mut streams: BTreeSet<Arc<Key>> = BTreeSet::new();
    let mut take = |entry: Entry| {
        if !streams.contains(&entry.key) {
            streams.insert(Arc::clone(&entry.key));
        }
        if let Record::Decided { decision } = entry.record
            && wanted(&entry.key)
        {
            found.push_back((entry.key, decision));
            if found.len() > args.last {
                found.pop_front();
            }
        }
    };
    let lost = args.from.ledger.peek(common, &[], &mut take).await?;
    let lost = losses(&args.from.ledger, lost);
    lost.iter().for_each(|lost| out.error(&format!("warning: {lost}")));
    if let Some(name) = &args.stream
        && !streams.iter().any(|key| is_named(key, name))
    {
        known(common, name, &streams)?;
    }
    if args.from.json {
        let told = |(key, decision): &(Arc<Key>, Box<Decision>)| {
            let mut value = serde_json::to_value(decision).unwrap_or_default();
            value["pipeline"] = key.pipeline.as_str().into();
            value["stream"] = key.stream.as_str().into();
            value
        };
        let decisions: Vec<serde_json::Value> = found.iter().map(told).collect();
        out.line(&serde_json::json!({ "format_version": FORMAT, "decisions": decisions }).to_string());
        return Ok(Exit::Success);
    }
    found.iter().for_each(|(key, decision)| out.line(&fleet::line(key, decision)));
    if found.is_empty() {
        let nothing = "Nothing has been decided yet.";
        out.note(if lost.is_empty() { nothing } else { "What is left of the ledger holds no decision." });
    }
    Ok(Exit::Success)
}

/// What a ledger is without, in sentences. A line that a controller writes at this moment is no loss.
fn losses(place: &Place, lost: Lost) -> Vec<String> {
    let is_cut = lost.has_no_end && place.is_held() != Some(true);
    let cut = is_cut.then(|| format!("the end of {place} is lost: its last line is cut off, and left out"));
    let damaged = match lost.damaged {
        0 => None,
        1 => Some(format!("1 line of {place} is damaged and left out")),
        lines => Some(format!("{lines} lines of {place} are damaged and left out")),
    };
    cut.into_iter().chain(damaged).collect()
}

/// Refuses a name that neither the ledger nor the spec, where it can be read, knows.
fn known(common: &Common, name: &str, written: &BTreeSet<Arc<Key>>) -> Result<(), Failure> {
    let (specs, _) = common.load(false).unwrap_or_default();
    let of = |spec: &Pipeline| -> Vec<Key> {
        let key = |stream: &Name| Key { pipeline: spec.pipeline.to_string(), stream: stream.to_string() };
        spec.streams.keys().map(key).collect()
    };
    let mut keys: Vec<Key> = written.iter().map(|key| Key::clone(key)).chain(specs.iter().flat_map(of)).collect();
    keys.sort();
    keys.dedup();
    find(&keys, name, "of the ledger and the spec").map(drop)
}

fn is_named(key: &Key, name: &str) -> bool {
    key.stream == name || key.to_string() == name
}

/// The one stream that is meant; `which` says in a few words which ones there are.
pub fn find(keys: &[Key], name: &str, which: &str) -> Result<usize, Failure> {
    let found: Vec<usize> = (0..keys.len()).filter(|at| is_named(&keys[*at], name)).collect();
    let names = keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
    match found[..] {
        [at] => Ok(at),
        [] => Err(Failure::refused(
            format!("no stream {which} is called `{name}`"),
            format!("the streams {which} are {names}"),
        )),
        _ => {
            Err(Failure::refused(format!("several pipelines have a stream `{name}`"), format!("write one of {names}")))
        }
    }
}

/// What the ledger says, and one look at the streams, or at the one that is named; nothing is changed or written.
async fn now(
    common: &Common,
    from: &From,
    named: Option<&str>,
    also: &mut (dyn FnMut(&Entry) + Send),
) -> Result<(Report, Option<Unread>), Failure> {
    let opened = common.open_each(from.json).await?;
    let jobs = &opened.jobs;
    let rules = Rules { dry_run: true, learn_minutes: 180, calls_a_day: from.calls_a_day, ..Rules::default() };
    let keys = fleet::keys(jobs);
    let one = named.map(|name| opened.find(&keys, name, "with a range of shards")).transpose()?;
    let is_wanted = |key: &Key| one.is_none_or(|at| keys[at] == *key);
    let (clouds, watches, mut streams) = fleet::some(jobs, rules, &is_wanted);
    streams.left_out = opened.left_out.iter().map(LeftOut::told).collect();
    let mut take = |entry: Entry| {
        also(&entry);
        streams.recall(&entry);
    };
    let missing = from.ledger.peek(&common.at_home(opened.home.as_ref()), jobs, &mut take).await.err().map(Unread::of);
    let controller =
        Controller::start(clouds, watches, streams, Box::new(Forgetful), Stop::default(), Heard::default());
    let mut controller = controller.await?.for_all();
    controller.tick(&|_| ()).await;
    let fleet = controller.fleet();
    let report = locked(&fleet).report();
    Ok((report, missing))
}

/// A stream in a few lines.
fn tell(stream: &StreamStatus, decided: Option<&Decision>, out: &Out) {
    let number = |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let state = stream.state.as_deref().unwrap_or("not seen");
    out.line(&format!(
        "{}/{}  {} of {} to {} shards, {state}",
        stream.pipeline,
        stream.stream,
        number(stream.shards),
        stream.min,
        stream.max,
    ));
    let percent = stream.utilisation.map_or_else(|| "?".to_owned(), |used| format!("{:.0} %", used * 100.0));
    let age = stream.age_seconds.map_or_else(|| "?".to_owned(), |age| format!("{age:.0} s"));
    let back = stream.call_back_at.filter(|_| stream.calls_left == 0);
    let back = back.map_or_else(String::new, |at| format!(", the next at {}", hand::stamp(at)));
    out.line(&format!(
        "  use {percent}, iterator age {age}, {} wanted, {} of {} calls left{back}",
        number(stream.desired),
        stream.calls_left,
        stream.calls_a_day
    ));
    if let Some(pin) = stream.pin {
        out.line(&format!("  pinned to {} until {}", pin.count(), hand::stamp(pin.until)));
    }
    if let Some(pause) = stream.pause {
        out.line(&format!("  paused {}", hand::pause_text(&pause)));
    }
    stream.functions.iter().for_each(|function| out.line(&format!("  {}", of_function(function))));
    for condition in &stream.conditions {
        let status = match condition.status {
            Status::True => "yes",
            Status::False => "no",
            Status::Unknown => "?",
        };
        out.line(&format!("  {:<16} {status:<4} {}", format!("{:?}", condition.kind), condition.message));
    }
    if let Some(decided) = decided {
        out.line(&format!("  the controller: {}", fleet::line(&stream.key(), decided)));
    }
    if let Some(last) = &stream.last {
        out.line(&format!("  this look: {}", last.because));
    }
}

/// A Lambda function that reads, and what was decided about it.
fn of_function(function: &FunctionStatus) -> String {
    let FunctionStatus { function: name, min, max, factor, state, age_seconds, reason, because, .. } = function;
    let factor = factor.map_or_else(|| "?".to_owned(), |factor| factor.to_string());
    let state = state.as_deref().unwrap_or("not seen");
    let age = age_seconds.map_or_else(|| "?".to_owned(), |age| format!("{age:.0} s"));
    format!(
        "{name}: parallelization factor {factor} of {min} to {max}, {state}, iterator age {age}; {reason}: {because}"
    )
}

/// The numbers behind a decision.
fn figures(decision: &Decision) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.2}"));
    if let Some(lambda) = &decision.lambda {
        return format!(
            "{}: iterator age {} min, grows {} min a minute; {} shards written to each; factor {} to {}",
            lambda.function,
            number(lambda.age_minutes),
            number(lambda.age_slope),
            number(lambda.load),
            lambda.min,
            lambda.max
        );
    }
    let numbers = &decision.numbers;
    let at = numbers.metrics_at.map_or_else(|| "none".to_owned(), hand::stamp);
    format!(
        "metrics of {at}: attempts {} shards, {} of them rejected; demand {} by estimate, age {} s; {} wanted, {} calls left",
        number(numbers.demand),
        number(numbers.rejected),
        number(numbers.estimate),
        number(numbers.age_seconds),
        decision.desired,
        numbers.calls_left
    )
}
