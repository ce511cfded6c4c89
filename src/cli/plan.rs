use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Common, Exit, Failure, Job, Out, planfile};
use crate::plan::{Agreed, Plan};
use crate::report::{human, json, markdown, plain};

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
    pub fn agreed(&self, destroy: bool) -> Agreed {
        Agreed {
            adopt: self.adopt.clone(),
            data_loss: self.allow_data_loss.clone(),
            destroy,
            foreign_consumers: self.force_consumers,
        }
    }

    /// Nothing was agreed to.
    pub fn is_empty(&self) -> bool {
        self.adopt.is_empty() && self.allow_data_loss.is_empty() && !self.force_consumers
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
    common.spare(&[("--out", args.out.as_ref())], &[])?;
    let jobs = common.open(args.format == Format::Json).await?;
    let plans = common.patiently(out, all(&jobs, &args.agree.agreed(false))).await?;
    tell(&plans, args.format, out);
    if let Some(file) = &args.out {
        planfile::write(file, &plans)?;
        let secrets: BTreeSet<String> = plans.iter().flat_map(plain::secrets).collect();
        if !secrets.is_empty() {
            let (file, places) = (file.display(), secrets.into_iter().collect::<Vec<_>>().join(", "));
            out.error(&format!(
                "warning: {file} holds in clear what looks like a secret: {places}. A plan holds what it will send, and tags and descriptions are plain \
                 to read in AWS: keep the secret in a secret store and write where it is."
            ));
        }
        // Where it was not the environment that chose it, the next command has to be told, too.
        let cloud = common.cloud.file().filter(|_| std::env::var_os("TIDEGATE_CLOUD").is_none());
        let cloud = cloud.map_or_else(String::new, |cloud| format!(" --cloud local:{}", cloud.display()));
        out.note(&format!("Saved. To do exactly this: tidegate apply {}{cloud}", file.display()));
    }
    if plans.iter().any(Plan::is_blind) {
        return Ok(Exit::Error);
    }
    let quiet = plans.iter().all(|plan| plan.is_empty() && plan.obstacles().next().is_none());
    Ok(if args.detailed_exitcode && !quiet { Exit::Different } else { Exit::Success })
}

/// The plans of all pipelines, one after the other: they share the rates of one account. A name that the user agreed
/// to must mean something in one of them.
pub async fn all(jobs: &[Job], agreed: &Agreed) -> Result<Vec<Plan>, Failure> {
    let mut plans = Vec::with_capacity(jobs.len());
    let mut unknown: BTreeSet<String> = agreed.adopt.iter().chain(&agreed.data_loss).cloned().collect();
    for job in jobs {
        let (plan, not_here) = job.plan(agreed).await?;
        unknown.retain(|name| not_here.contains(name));
        plans.push(plan);
    }
    match unknown.first() {
        None => Ok(plans),
        Some(name) => Err(Failure::refused(
            format!("nothing in the spec or among what it owns is called `{name}`"),
            "write an address as the plan shows it, such as stream/clicks",
        )),
    }
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
