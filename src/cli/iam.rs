use clap::Subcommand;

use super::ledger::Place;
use super::{Common, Exit, Failure, Out};
use crate::kinds::permissions::{self, Grants, LONGEST_POLICY};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    who: Who,
    /// Print a list of documents that each keep within the size of a managed policy, in place of one document
    #[arg(long, global = true)]
    split: bool,
}

#[derive(Clone, Subcommand)]
enum Who {
    /// What planning, applying and destroying these specs needs
    Deployer {
        /// Without the right to delete what has left the spec; it can still be looked for
        #[arg(long)]
        no_removals: bool,
    },
    /// What running the controller on these specs needs
    Controller {
        /// The ledger that it will be run with: dynamodb:TABLE needs rights of its own
        #[arg(long, value_name = "PLACE")]
        ledger: Option<Place>,
    },
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(false).await?;
    let mut grants = Grants::default();
    for job in &jobs {
        grants.merge(match &args.who {
            Who::Deployer { no_removals } => permissions::deployer(&job.graph, &job.scope, !no_removals),
            Who::Controller { ledger } => {
                let mut grants = permissions::controller(&job.spec, &job.graph, &job.scope);
                if let Some(Place::Table(table)) = ledger {
                    permissions::table(&mut grants, table, &job.scope);
                }
                grants
            }
        });
    }
    // A policy is plain data: it always has a JSON form.
    let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    if args.split {
        out.line(&pretty(&grants.policies().into()));
        return Ok(Exit::Success);
    }
    let policy = grants.policy();
    let length = permissions::length(&policy);
    if length > LONGEST_POLICY {
        out.error(&format!(
            "warning: this policy has {length} characters, and IAM takes {LONGEST_POLICY} in a managed policy\n\
             help: --split prints several documents that fit; `-f` with fewer specs prints less"
        ));
    }
    out.line(&pretty(&policy));
    Ok(Exit::Success)
}
