use std::sync::Arc;

use super::apply::{Errand, Go, carry_out};
use super::plan::{self, Agree};
use super::{Common, Exit, Failure, Out};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    go: Go,
    #[command(flatten)]
    agree: Agree,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(args.go.json).await?;
    let plans = common.patiently(out, plan::all(&jobs, &args.agree.agreed(true))).await?;
    let clouds = jobs.iter().map(|job| Arc::clone(&job.cloud)).collect();
    carry_out(plans, clouds, &args.go, Errand::Destroy, out).await
}
