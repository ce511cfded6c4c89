use clap::Subcommand;

use super::{Common, Exit, Failure, Out};
use crate::kinds::SCHEMAS;
use crate::model::When;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    who: Who,
}

#[derive(Clone, Copy, Subcommand)]
enum Who {
    /// What planning, applying and destroying this spec needs
    Deployer,
    /// What running the controller on this spec needs
    Controller,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(false).await?;
    let policies = jobs.iter().map(|job| match args.who {
        Who::Deployer => crate::kinds::permissions::deployer(&job.graph, &job.scope, SCHEMAS, When::Delete),
        Who::Controller => crate::kinds::permissions::controller(&job.graph, &job.scope),
    });
    for policy in policies {
        // A policy is plain data: it always has a JSON form.
        out.line(&serde_json::to_string_pretty(&policy).unwrap_or_default());
    }
    Ok(Exit::Success)
}
