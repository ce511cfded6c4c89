//! `tidegate simulate`: what a policy would have done on your own traffic, and why.

mod cloudwatch;
mod compare;
pub mod input;
mod standing;

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Common, Exit, Failure, Out};
use crate::kinds::stream::Objective;
use crate::local::Profile;
use crate::model::Prices;
use crate::report::sizing::{self, Told};
use crate::scale::{Bounds, Inputs};
use crate::simulate::demand::clock;
use crate::simulate::{Bill, LAMBDA_PACE, Lambda, Score, Settings, Skew, Totals, minutes, registry, timeline};
pub use compare::{chosen, scores, side_by_side};
pub use input::Input;
use standing::Standing;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    trial: Trial,
    /// Compare policies in one table: `all`, or names with commas between them; --report then holds the table beside the run of --policy
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["timeline", "day"])]
    compare: Option<String>,
    /// Show the resizes of this day (such as 2026-11-25) in place of the busiest one
    #[arg(long, value_name = "DATE")]
    day: Option<String>,
    /// Write the shard counts: CSV `minute,open_shards,calls`
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// Write every minute: CSV of demand, shards, calls, accepted, rejected, throttled and lost load, and age
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    minutes: Option<PathBuf>,
    /// Write a page with plots: one HTML file that opens offline
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What every trial needs: traffic, a plant, and somebody who decides.
#[derive(clap::Args)]
pub struct Trial {
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub plant: Plant,
    /// Who decides: a name of the list that `simulate --policy list` prints [default: tidegate]
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Take bounds, objective, schedule, hours without shrinking, budget and the Lambda function that reads from this stream of the spec (-f); an objective given here
    /// goes before the spec's
    #[arg(long, value_name = "NAME", conflicts_with_all = ["min", "max"])]
    stream: Option<String>,
    /// Records of one shard that the Lambda function which the spec's stream names in `scaling.lambda` gets done in a second for each step of
    /// its parallelization factor [default: 400]
    #[arg(long, value_name = "RECORDS", requires = "stream", value_parser = pace_of_lambda)]
    lambda_pace: Option<f64>,
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

impl Trial {
    /// The name of who decides; ours where none is given.
    pub fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or(registry::ENTRIES[0].name)
    }

    /// The plant, and the user's wishes: those of the command, and where it names a stream, those of the spec.
    pub fn settings(&self, common: &Common, prices: &Prices) -> Result<Settings, Failure> {
        let settings = self.plant.settings()?;
        let Some(stream) = &self.stream else { return Ok(settings) };
        let Standing { bounds, terms, factors } = standing::of_spec(common, stream, prices, self.json)?;
        if self.lambda_pace.is_some() && factors.is_none() {
            let what = format!("streams.{stream} names no Lambda function whose factor may be changed");
            let help = "write `scaling: { lambda: [{ function: NAME, parallelization: { max: 10 } }] }`, or leave out --lambda-pace";
            return Err(Failure::refused(what, help));
        }
        let lambda = factors.map(|factors| Lambda { pace: self.lambda_pace.unwrap_or(LAMBDA_PACE), factors });
        let Worth { price, bound } =
            self.plant.worth().unwrap_or(Worth { price: terms.price, bound: terms.inputs.bound });
        Ok(Settings { bounds, price, inputs: Inputs { bound, ..terms.inputs }, money: terms.money, lambda, ..settings })
    }
}

fn pace_of_lambda(text: &str) -> Result<f64, String> {
    let known = text.parse().ok().filter(|pace| *pace > 0.0 && *pace <= 1e6);
    known.ok_or_else(|| "write a number of records above 0, at most 1000000, such as 400".into())
}

/// The plant that the policy is tried on, and what the user wants of it.
#[derive(clap::Args, Clone, Debug)]
pub struct Plant {
    /// The simulated stream
    #[arg(long, value_enum, default_value = "reference", conflicts_with = "keys")]
    plant: Model,
    /// Uneven keys, on single shards in place of the reference plant: `zipf:EXPONENT` (a hundred keys) or `hot:SHARE%` (one key); on-demand streams are played with even ones
    #[arg(long, value_name = "SKEW")]
    keys: Option<Skew>,
    /// How long resharding takes: `fast` (the default, splits and merges side by side), `slow` (eight at a time) or `legacy` (one after the other); the policy is not told. A profile of ~/.aws/config goes before the command
    #[arg(long, value_name = "PACE", value_parser = clap::builder::PossibleValuesParser::new(PACES.map(|(name, _)| name)), hide_possible_values = true)]
    profile: Option<String>,
    /// What a throttled record is worth: thrifty (10), balanced (100, the default), strict (1000), a number in units of the capacity that would have carried it, or a bound: "at most 0.01 % throttled"
    #[arg(long, value_name = "WORTH", value_parser = worth)]
    objective: Option<Worth>,
    /// The same as a number
    #[arg(long, value_name = "NUMBER", conflicts_with = "objective", value_parser = price)]
    throttle_price: Option<f64>,
    /// Fewest open shards
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    min: u32,
    /// Most open shards
    #[arg(long, value_name = "N", default_value = "20000", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    max: u32,
    /// Half of each minute runs at so many times its mean rate, 1 to 2
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    burst: f64,
    /// The share of minutes whose metrics never arrive, 0 to 0.9
    #[arg(long, value_name = "SHARE", default_value = "0")]
    gaps: f64,
    /// Whole minutes from the end of a minute until its metrics arrive
    #[arg(long, value_name = "MINUTES", default_value = "2", value_parser = clap::value_parser!(u8).range(0..=60))]
    metric_delay: u8,
    /// Decides start delays, gaps and synthetic traffic
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Model {
    /// One stream as a fluid with even keys, minute by minute
    Reference,
}

/// What `--profile` means here. Every command has an option of this name, whose value comes down to this one.
const PACES: [(&str, Profile); 3] = [("fast", Profile::Fast), ("slow", Profile::Slow), ("legacy", Profile::Legacy)];

/// The pace of a name; `None`: it is a profile of AWS's configuration.
pub fn pace(name: &str) -> Option<Profile> {
    PACES.iter().find(|(known, _)| *known == name).map(|(_, profile)| *profile)
}

/// The highest worth of a throttled record, as in the spec.
const MOST_WORTH: f64 = 1e6;

/// What a throttled record is worth, and the share of them that the user allows.
#[derive(Clone, Copy, Debug)]
struct Worth {
    price: f64,
    bound: Option<f64>,
}

/// Any number above 0.
fn price(text: &str) -> Result<f64, String> {
    let price = text.parse::<f64>().ok().filter(|price| *price > 0.0 && *price <= MOST_WORTH);
    price.ok_or_else(|| format!("a number above 0, at most {MOST_WORTH}; 10 is thrifty, 100 balanced, 1000 strict"))
}

/// As the spec says it, and any number above 0.
fn worth(text: &str) -> Result<Worth, String> {
    if text.parse::<f64>().is_ok() {
        return price(text).map(|price| Worth { price, bound: None });
    }
    let objective: Objective = text.parse()?;
    Ok(Worth { price: objective.price(), bound: objective.bound() })
}

impl Plant {
    pub fn settings(&self) -> Result<Settings, Failure> {
        let Model::Reference = self.plant;
        let wrong = |what: &str, help: &str| Failure::from(anyhow::anyhow!("{what}; {help}"));
        if self.min > self.max {
            return Err(wrong("--min is above --max", "a stream needs a count between them"));
        }
        if !(1.0..=2.0).contains(&self.burst) {
            return Err(wrong("--burst is not from 1 to 2", "1 is an even minute, 2 is all of it in half a minute"));
        }
        if !(0.0..=0.9).contains(&self.gaps) {
            return Err(wrong("--gaps is not from 0 to 0.9", "0.03 means that 3 % of the minutes have no metrics"));
        }
        let Worth { price, bound } = self.worth().unwrap_or(Worth { price: Objective::Balanced.price(), bound: None });
        Ok(Settings {
            profile: self.pace().unwrap_or_default(),
            bounds: Bounds { min: self.min, max: self.max },
            price,
            inputs: Inputs { bound, ..Inputs::default() },
            skew: self.keys,
            metric_delay: self.metric_delay.into(),
            burst: self.burst,
            gaps: self.gaps,
            seed: self.seed,
            ..Settings::default()
        })
    }

    /// What a throttled record is worth, if that was said here.
    fn worth(&self) -> Option<Worth> {
        self.throttle_price.map(|price| Worth { price, bound: None }).or(self.objective)
    }

    /// The pace that was asked for.
    pub fn pace(&self) -> Option<Profile> {
        self.profile.as_deref().and_then(pace)
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Args {
    fn spare_what_is_read(&self, common: &Common) -> Result<(), Failure> {
        let outputs = [
            ("--timeline", self.timeline.as_ref()),
            ("--minutes", self.minutes.as_ref()),
            ("--report", self.report.as_ref()),
        ];
        let read: Vec<PathBuf> = self.trial.input.demand.iter().chain(&self.trial.input.trace).cloned().collect();
        common.spare(&outputs, &read)
    }

    /// Those that are compared, if any are.
    fn compared(&self) -> Result<Option<Vec<Contender>>, Failure> {
        let Some(list) = &self.compare else { return Ok(None) };
        if self.trial.policy.is_some() && self.report.is_none() {
            let what = "--compare has a table of its own names, and --policy beside it says whose run --report draws";
            return Err(Failure::refused(what, "leave out --policy, or add --report FILE"));
        }
        chosen(list).map(Some)
    }

    fn tell_compared(&self, title: &str, settings: &Settings, scores: &[Score], out: &Out) {
        if self.trial.json {
            let figures: Vec<_> = scores.iter().map(Score::figures).collect();
            out.line(&serde_json::json!({ "format_version": sizing::FORMAT, "scores": figures }).to_string());
        } else {
            out.text(&sizing::comparison(title, settings, scores));
        }
    }
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    if args.trial.policy() == "list" {
        out.text(&sizing::policies());
        return Ok(Exit::Success);
    }
    args.spare_what_is_read(common)?;
    let prices = common.price_table()?;
    let settings = args.trial.settings(common, &prices)?;
    let (entry, row) = named(args.trial.policy())?;
    let compared = args.compared()?;
    let given = args.trial.input.read(common, args.trial.plant.seed()).await?;
    let compared = compared.map(|chosen| scores(&chosen, &given.demand, &settings, &prices));
    if let (Some(scores), None) = (&compared, &args.report) {
        args.tell_compared(&given.title, &settings, scores, out);
        return Ok(Exit::Success);
    }
    if let Some(day) = args.day.as_deref().filter(|day| !sizing::has_day(&given.demand, day)) {
        let (start, minutes) = (given.demand.start, given.demand.load.len() as i64);
        let days = [0, minutes - 1].map(|at| clock(start + at).chars().take(10).collect::<String>());
        let what = format!("the demand has no day `{day}`; it runs from {} to {}", days[0], days[1]);
        return Err(Failure::from(anyhow::anyhow!(what)));
    }
    let run = entry.run(row, &given.demand, &settings);
    if let Some(file) = &args.timeline {
        if !entry.has_shards() {
            let what = format!("{} has no shards to count", entry.title);
            return Err(Failure::from(anyhow::anyhow!("{what}; leave out --timeline, or name another --policy")));
        }
        write(file, &timeline(&run))?;
    }
    if let Some(file) = &args.minutes {
        write(file, &minutes(&run))?;
    }
    let totals = Totals::of(&run);
    let bill = Bill::of(entry, &totals, &given.demand, &prices);
    // What it is compared with knows the future or is managed by AWS; the bound of a schedule is not shown.
    let others = chosen("static-p99.9,static-peak,on-demand")?;
    let others = side_by_side(&others, |other| Score::of(*other, &given.demand, &settings, 1.0, &prices).0);
    let told = Told {
        entry,
        row,
        run: &run,
        totals: &totals,
        bill: &bill,
        settings: &settings,
        title: &given.title,
        others: &others,
        compared: compared.as_deref().unwrap_or_default(),
    };
    if let Some(file) = &args.report {
        write(file, &sizing::page(&told))?;
    }
    if let Some(scores) = &compared {
        args.tell_compared(&given.title, &settings, scores, out);
    } else if args.trial.json {
        out.line(&sizing::json(&told).to_string());
    } else {
        let style = crate::report::human::Style { color: out.color(), width: out.width() };
        out.text(&sizing::human(&told, args.day.as_deref(), &style));
    }
    Ok(Exit::Success)
}

/// A policy and how it is configured.
pub type Contender = (&'static registry::Entry, crate::scale::baseline::Row);

/// The entry of a name, or what could have been meant.
pub fn named(name: &str) -> Result<Contender, Failure> {
    registry::find(name).ok_or_else(|| {
        let distance = |known: &&str| strsim::levenshtein(known, name);
        let near = registry::ENTRIES.iter().map(|entry| entry.name).min_by_key(distance);
        // A third of the letters may be wrong.
        let near = near.filter(|near| distance(near) <= name.chars().count().max(3) / 3);
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let help = format!("{near}`tidegate simulate --policy list` prints all");
        Failure::from(anyhow::anyhow!("there is no policy `{name}`; {help}"))
    })
}

/// Writes a result file; it can be made again at any time.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    Ok(std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?)
}
