use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::{Common, Failure};
use crate::disk;
use crate::simulate::demand::Mistake;
use crate::simulate::{Demand, Trace, synthetic};

/// Files of demand larger than this are wrong ones: ten years of minutes have 300 MB.
const MOST_BYTES: u64 = 400 << 20;

/// Minutes since 1970 of Monday, 2026-01-05, 00:00 UTC.
const SYNTHETIC_START: i64 = 29_459_520;

/// Decides the spread inside coarse traces: the judge's own, and the same for every run, so that policies are compared on
/// one demand.
pub const TRACE_SEED: u64 = 7;

/// Where the demand comes from.
#[derive(clap::Args, Clone, Debug)]
pub struct Input {
    /// Demand by minute: CSV `minute,timestamp,records,bytes`
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    pub demand: Option<PathBuf>,
    /// A traffic trace on a grid of 1 to 60 minutes: CSV `timestamp,value`
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Scale the trace so that its 99th percentile minute fills so many shards
    #[arg(long, value_name = "SHARDS", default_value = "40", allow_negative_numbers = true)]
    pub n99: f64,
    /// The last --days of a living stream, from CloudWatch's one-minute metrics
    #[arg(long, value_name = "STREAM", conflicts_with_all = ["demand", "trace", "synthetic"])]
    pub from_cloudwatch: Option<String>,
    /// Made-up traffic: constant, diurnal, sawtooth, batch, daily-batch, weekday-batch, flash-crowd, growth, on-off,
    /// level-shift or quiet
    #[arg(long, value_name = "KIND", conflicts_with_all = ["demand", "trace"])]
    pub synthetic: Option<String>,
    /// Days of made-up traffic, or of history (at most 15)
    #[arg(long, value_name = "N", default_value = "14", value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// Shards that made-up traffic fills on the mean of a weekday
    #[arg(long, value_name = "SHARDS", default_value = "20", allow_negative_numbers = true)]
    pub level: f64,
}

/// The demand and what to call it.
pub struct Given {
    pub demand: Demand,
    pub title: String,
    /// Minutes between the values that it was made from.
    pub step: usize,
}

impl Input {
    pub async fn read(&self, common: &Common, seed: u64) -> Result<Given, Failure> {
        if let Some(file) = &self.demand {
            let demand = Demand::parse(&text(file)?).map_err(|mistake| wrong(file, &mistake))?;
            return Ok(Given { demand, title: stem(file), step: 1 });
        }
        if let Some(file) = &self.trace {
            return Recorded::read(file)?.at(self.n99, TRACE_SEED);
        }
        if let Some(stream) = &self.from_cloudwatch {
            return super::cloudwatch::read(common, stream, self.days).await;
        }
        let Some(name) = &self.synthetic else {
            let help =
                "name a file with --demand or --trace, a stream with --from-cloudwatch, or try --synthetic diurnal";
            return Err(Failure::from(anyhow::anyhow!("no demand to simulate; {help}")));
        };
        let Some(kind) = synthetic::find(name) else {
            let kinds: String = synthetic::KINDS.iter().map(|(name, _, is)| format!("\n  {name:13} {is}")).collect();
            return Err(Failure::from(anyhow::anyhow!("there is no made-up traffic `{name}`; there are{kinds}")));
        };
        checked("--level", self.level)?;
        let demand = synthetic::synthetic(kind, self.level, self.days.into(), SYNTHETIC_START, seed);
        Ok(Given { demand, title: format!("{name} traffic around {} shards", self.level), step: 1 })
    }
}

/// A trace that was read from a file.
pub struct Recorded {
    /// The file's name without its ending.
    pub name: String,
    file: PathBuf,
    trace: Trace,
}

impl Recorded {
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let trace = Trace::parse(&text(file)?).map_err(|mistake| wrong(file, &mistake))?;
        Ok(Self { name: stem(file), file: file.to_owned(), trace })
    }

    /// Whether it has too little load to be scaled.
    pub fn is_idle(&self) -> bool {
        self.trace.is_idle()
    }

    /// How many minutes it lasts.
    pub fn minutes(&self) -> usize {
        self.trace.values.len() * self.trace.step
    }

    /// The demand whose 99th percentile minute fills `n99` shards.
    pub fn at(&self, n99: f64, seed: u64) -> Result<Given, Failure> {
        checked("--n99", n99)?;
        let demand = self.trace.scaled(n99, seed).map_err(|mistake| wrong(&self.file, &mistake))?;
        Ok(Given { demand, title: format!("{} at {n99} shards", self.name), step: self.trace.step })
    }
}

fn checked(name: &str, shards: f64) -> Result<(), Failure> {
    if shards.is_finite() && shards > 0.0 && shards <= 10_000.0 {
        return Ok(());
    }
    Err(Failure::from(anyhow::anyhow!("{name} is {shards}; it is a number of shards, above 0 and up to 10000")))
}

fn stem(file: &Path) -> String {
    file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn wrong(file: &Path, mistake: &Mistake) -> Failure {
    Failure::from(anyhow::anyhow!("reading {}: {mistake}", file.display()))
}

fn text(file: &Path) -> Result<String, Failure> {
    disk::text(file, MOST_BYTES).map_err(|error| {
        let why =
            if error.kind() == ErrorKind::FileTooLarge { ", more than any demand: name its CSV file" } else { "" };
        Failure::from(anyhow::anyhow!("reading {}: {error}{why}", file.display()))
    })
}
