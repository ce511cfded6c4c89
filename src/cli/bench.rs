//! `tidegate bench scaling`: every policy over every trace of a folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;

use super::simulate::input::{self, Recorded};
use super::simulate::{Plant, chosen, side_by_side, write};
use super::{Common, Exit, Failure, Out};
use crate::local::Profile;
use crate::report::sizing;
use crate::scale::baseline::Row;
use crate::simulate::bench::{self, Case, Contender, Line};
use crate::simulate::scenario::{self, SCENARIOS, Scenario};
use crate::simulate::score;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Compare sizing policies over every trace of a folder
    Scaling(Box<Scaling>),
    /// Compare them on uneven keys, a hot key, readers that stand still, mixed APIs, late metrics and batches by the clock; needs no
    /// traces
    Scenarios(Scenarios),
}

#[derive(clap::Args)]
struct Scenarios {
    /// Which: names with commas between them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    names: Vec<String>,
    /// Write scenarios.md here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// JSON in place of a table
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Scaling {
    /// A folder of traces: CSV `timestamp,value` on a grid of 1 to 60 minutes
    #[arg(long, value_name = "DIR")]
    traces: PathBuf,
    /// Levels: shards that the 99th percentile minute of a trace fills
    #[arg(long, value_name = "N,…", default_value = "4,40", value_delimiter = ',')]
    n99: Vec<f64>,
    /// Who takes part: `all`, or names with commas between them
    #[arg(long, value_name = "NAMES", default_value = "all")]
    policies: String,
    /// Also with thresholds and windows tuned on the other traces
    #[arg(long)]
    tuned: bool,
    /// Also with resharding one operation after the other (legacy); otherwise fast and slow, or the one of --profile
    #[arg(long)]
    legacy: bool,
    #[command(flatten)]
    plant: Plant,
    /// Write scores.csv, scaling.md and index.html here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// JSON in place of a table
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    match args.what {
        What::Scaling(args) => scaling(common, *args, out),
        What::Scenarios(args) => scenarios(&args, out),
    }
}

fn scenarios(args: &Scenarios, out: &Out) -> Result<Exit, Failure> {
    let known = || SCENARIOS.iter().map(|scenario| scenario.name);
    if let Some(name) = args.names.iter().find(|name| !known().any(|known| known == *name)) {
        let names: Vec<&str> = known().collect();
        return Err(Failure::from(anyhow::anyhow!("there is no scenario `{name}`; there are {}", names.join(", "))));
    }
    let wanted = |scenario: &&Scenario| args.names.is_empty() || args.names.iter().any(|name| name == scenario.name);
    let chosen: Vec<&'static Scenario> = SCENARIOS.iter().filter(wanted).collect();
    let outcomes = side_by_side(&chosen, |scenario| scenario::compare(scenario));
    let played: Vec<_> = chosen.into_iter().zip(outcomes).collect();
    let page = sizing::scenarios_page(&played);
    if args.json {
        out.line(&sizing::scenarios_json(&played).to_string());
    } else {
        out.text(&page);
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        write(&folder.join("scenarios.md"), &page)?;
    }
    Ok(Exit::Success)
}

fn scaling(common: &Common, args: Scaling, out: &Out) -> Result<Exit, Failure> {
    let began = Instant::now();
    let (settings, prices) = (args.plant.settings()?, common.price_table()?);
    let contenders = contenders(&args)?;
    let mut profiles = args.plant.pace().map_or(vec![Profile::Fast, Profile::Slow], |profile| vec![profile]);
    if args.legacy {
        profiles.push(Profile::Legacy);
    }
    let files = files(&args.traces)?;
    let scores = args.out.as_ref().map(|folder| folder.join("scores.csv"));
    common.spare(&[("--out", scores.as_ref())], &files)?;
    // All are read before the first run, so that a mistake in one does not cost the work on the others.
    let mut traces = files.iter().map(|file| Recorded::read(file)).collect::<Result<Vec<Recorded>, Failure>>()?;
    for (file, _) in files.iter().zip(&traces).filter(|(_, trace)| trace.is_idle()) {
        out.error(&format!("{} is left out: less than a hundredth of it has any load", file.display()));
    }
    traces.retain(|trace| !trace.is_idle());
    if traces.is_empty() {
        return Err(Failure::from(anyhow::anyhow!(
            "no trace of {} has enough load to compare policies",
            args.traces.display()
        )));
    }
    // The longest first, so that no core waits for one of them at the end.
    traces.sort_by_key(|trace| std::cmp::Reverse(trace.minutes()));
    let cases: Vec<(&Recorded, f64)> =
        traces.iter().flat_map(|trace| args.n99.iter().map(move |n99| (trace, *n99))).collect();
    let results = side_by_side(&cases, |(trace, n99)| -> Result<Vec<Line>, Failure> {
        let given = trace.at(*n99, input::TRACE_SEED)?;
        let bound = score::bound(&given.demand);
        let case = Case { trace: trace.name.clone(), n99: *n99, step: given.step, demand: given.demand, bound };
        Ok(bench::lines(&case, &profiles, &contenders, &settings, &prices))
    });
    let mut lines = results.into_iter().collect::<Result<Vec<Vec<Line>>, Failure>>()?.concat();
    lines.sort_by(|a, b| a.trace.cmp(&b.trace).then(a.n99.total_cmp(&b.n99)));
    if args.json {
        out.line(&sizing::bench_json(&lines).to_string());
    } else {
        out.text(&sizing::brief(&lines));
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let about = about(&files, &args, &profiles);
        write(&folder.join("scores.csv"), &sizing::csv(&lines))?;
        write(&folder.join("scaling.md"), &sizing::markdown(&lines, &about))?;
        write(&folder.join("index.html"), &sizing::html(&lines, &about))?;
    }
    out.error(&format!("{} runs in {:.0} s", lines.len(), began.elapsed().as_secs_f64()));
    Ok(Exit::Success)
}

fn contenders(args: &Scaling) -> Result<Vec<Contender>, Failure> {
    let mut contenders = chosen(&args.policies)?;
    for (entry, _) in contenders.clone() {
        let asked = contenders.iter().any(|(known, row)| known.name == entry.name && *row == Row::Shipped);
        if entry.shipped.is_some() && !asked {
            contenders.push((entry, Row::Shipped));
        }
        if args.tuned && entry.tunable {
            contenders.extend(entry.grid().into_iter().map(|tuning| (entry, Row::Tuned(tuning))));
        }
    }
    Ok(contenders)
}

/// The traces of a folder by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let doing = || format!("reading the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(doing)? {
        let path = entry.with_context(doing)?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::from(anyhow::anyhow!(
            "there is no .csv in {}; a trace is `timestamp,value`",
            folder.display()
        )));
    }
    Ok(files)
}

fn about(files: &[PathBuf], args: &Scaling, profiles: &[Profile]) -> String {
    let scales: Vec<String> = args.n99.iter().map(ToString::to_string).collect();
    let profiles: Vec<String> = profiles.iter().map(|profile| format!("{profile:?}")).collect();
    format!(
        "{} traces × {} shards at p99 × resharding {}, made by tidegate {} with `tidegate bench scaling --traces DIR{} --out DIR`.",
        files.len(),
        scales.join(" and "),
        profiles.join(" and ").to_lowercase(),
        env!("CARGO_PKG_VERSION"),
        if args.tuned { " --tuned" } else { "" }
    )
}
