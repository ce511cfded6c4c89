use std::path::PathBuf;

use clap::ValueEnum;

use super::{Common, Exit, Failure, Job, Out, planfile};
use crate::plan::{Consent, Plan};
use crate::report::{human, json, markdown};

#[derive(clap::Args)]
pub struct Args {
    /// Write the plan to a file, for `tidegate apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Exit with 2 if something would be done or is held
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    agree: Agree,
}

/// What the user agrees to beyond the spec.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Agree {
    /// Take over a resource that exists without our tags, by address or name; repeatable
    #[arg(long, value_name = "NAME")]
    pub adopt: Vec<String>,
    /// Let a deletion or replacement take its data with it, by address or name; repeatable
    #[arg(long, value_name = "NAME")]
    pub allow_data_loss: Vec<String>,
    /// Let consumers that others registered (a KCL application, the console) go with a stream that is deleted
    #[arg(long)]
    pub force_consumers: bool,
}

impl Agree {
    pub fn consent(&self, destroy: bool) -> Consent {
        Consent {
            adopt: self.adopt.iter().cloned().collect(),
            data_loss: self.allow_data_loss.iter().cloned().collect(),
            destroy,
            foreign_consumers: self.force_consumers,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
    /// For a comment on a pull request
    Markdown,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let jobs = common.open(args.format == Format::Json).await?;
    let consent = args.agree.consent(false);
    let plans = all(&jobs, &consent).await;
    tell(&plans, args.format, out);
    if let Some(file) = &args.out {
        planfile::write(file, &plans)?;
        out.note(&format!("Saved. To do exactly this: tidegate apply {}", file.display()));
    }
    let quiet = plans.iter().all(|plan| plan.is_empty() && plan.obstacles().next().is_none());
    Ok(if args.detailed_exitcode && !quiet { Exit::Different } else { Exit::Success })
}

/// The plans of all pipelines, one after the other: they share the rates of one account.
pub async fn all(jobs: &[Job], consent: &Consent) -> Vec<Plan> {
    let mut plans = Vec::with_capacity(jobs.len());
    for job in jobs {
        plans.push(job.plan(consent).await.0);
    }
    plans
}

pub fn tell(plans: &[Plan], format: Format, out: &Out) {
    match format {
        Format::Human => {
            let style = human::Style { color: out.color(), width: out.width() };
            for (at, plan) in plans.iter().enumerate() {
                if at > 0 {
                    out.line("");
                }
                out.text(&human::plan(plan, &style));
            }
        }
        Format::Json => {
            let plans: Vec<_> = plans.iter().map(json::plan).collect();
            out.line(&serde_json::json!({ "format_version": crate::plan::FORMAT, "plans": plans }).to_string());
        }
        Format::Markdown => out.text(&markdown::plan(plans)),
    }
}
