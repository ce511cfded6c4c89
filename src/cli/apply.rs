mod ending;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::live::Live;
use super::plan::{Agree, Format};
use super::progress::Progress;
use super::signals::Signals;
use super::{Common, Exit, Failure, Job, Out, plan, planfile};
use crate::apply::{self, Limits, Stop};
use crate::cloud::Cloud;
use crate::kinds;
use crate::model::Address;
use crate::plan::{Held, Plan, Reason, digest_inventory, moved};
use crate::report::json;
use ending::Ending;
pub use ending::Errand;

#[derive(clap::Args)]
pub struct Args {
    /// A plan made by `tidegate plan --out`: exactly that is done, or nothing if the world has changed since
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    go: Go,
    #[command(flatten)]
    agree: Agree,
}

/// How to carry a plan out.
#[derive(clap::Args, Clone, Debug)]
pub struct Go {
    /// Do not ask
    #[arg(short = 'y', long = "yes", visible_alias = "auto-approve")]
    pub yes: bool,
    /// Steps at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub parallelism: u16,
    /// One JSON event a line in place of text
    #[arg(long)]
    pub json: bool,
}

pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    match &args.plan {
        Some(file) if common.file.is_empty() && common.vars.is_empty() && args.agree.is_empty() => {
            saved(common, file, &args.go, out).await
        }
        Some(_) => Err(Failure::refused(
            "a saved plan holds its spec, its variables and all that was agreed to",
            "give -f, --var, --adopt and --allow-data-loss to `tidegate plan --out`, or leave out the plan file",
        )),
        None => {
            let jobs = match common.open(args.go.json).await {
                Err(Failure::Problems { problems, sources, json: true }) => {
                    let problems = crate::report::problems::to_json(&problems, &sources);
                    out.line(&serde_json::json!({ "event": "mistakes", "problems": problems }).to_string());
                    return Ok(Exit::Error);
                }
                jobs => jobs?,
            };
            let plans = common.patiently(out, plan::all(&jobs, &args.agree.agreed(false))).await?;
            let clouds = jobs.iter().map(|job: &Job| Arc::clone(&job.cloud)).collect();
            carry_out(plans, clouds, &args.go, Errand::Apply, out).await
        }
    }
}

/// Applies a plan file: refused where it was computed from something that is no longer so.
async fn saved(common: &Common, file: &std::path::Path, go: &Go, out: &Out) -> Result<Exit, Failure> {
    let plans = planfile::load(file)?;
    let again = "plan again and look at what is different";
    let mut clouds: Vec<Arc<dyn Cloud>> = Vec::new();
    for plan in &plans {
        let cloud = common.connect(Some(plan.scope.region.clone())).await?;
        let scope = apply::scope_of(&*cloud, &plan.scope.pipeline).await?;
        if scope != plan.scope {
            let what = format!(
                "the plan is for account {} in {}, and these credentials are for {} in {}",
                plan.scope.account, plan.scope.region, scope.account, scope.region
            );
            return Err(Failure::refused(what, "use the credentials and region that the plan was made with"));
        }
        // Listings are quick and may be behind: they can say that nothing has changed, not that something has.
        let (cloud_of, scope_of) = (&*cloud, &scope);
        let changed = |quickly| async move {
            let now = apply::look_again(cloud_of, &plan.watched, scope_of, kinds::SCHEMAS, quickly).await;
            let now = digest_inventory(&now, &plan.watched);
            (now.whole != plan.inventory).then_some(now.marks)
        };
        if changed(true).await.is_some()
            && let Some(marks) = changed(false).await
        {
            let named = some_of(&moved(&marks, &plan.watched).collect::<Vec<_>>());
            let what = format!("the plan of {} is stale: what it was computed from has changed since", scope.pipeline);
            return Err(Failure::refused(format!("{what}{named}"), again));
        }
        clouds.push(cloud);
    }
    carry_out(plans, clouds, go, Errand::Saved, out).await
}

/// The first few of them, in brackets.
fn some_of(addresses: &[&Address]) -> String {
    const TOLD: usize = 3;
    let names: Vec<String> = addresses.iter().take(TOLD).map(ToString::to_string).collect();
    match addresses.len() {
        0 => String::new(),
        all if all > TOLD => format!(" ({} and {} more)", names.join(", "), all - TOLD),
        _ => format!(" ({})", names.join(", ")),
    }
}

/// Shows the plans, asks, carries them out and tells how it went.
pub async fn carry_out(
    plans: Vec<Plan>,
    clouds: Vec<Arc<dyn Cloud>>,
    go: &Go,
    errand: Errand,
    out: &Out,
) -> Result<Exit, Failure> {
    let command = errand.command();
    if !plans.iter().all(Plan::is_empty) {
        out.is_to_change();
    }
    if go.json {
        for plan in &plans {
            let (pipeline, plan) = (&plan.scope.pipeline, json::plan(plan));
            out.line(&serde_json::json!({ "event": "planned", "pipeline": pipeline, "plan": plan }).to_string());
        }
    } else if !(out.is_quiet() && go.yes) || plans.iter().any(|plan| plan.obstacles().next().is_some()) {
        tell(&plans, command, out);
    }
    if command == "destroy" {
        all_or_nothing(&plans)?;
    }
    if plans.iter().all(Plan::is_empty) {
        return Ok(after_nothing(&plans));
    }
    if !go.yes && !agreed(command, out)? {
        out.error("Nothing was done.");
        return Ok(Exit::Refused);
    }
    out.finish_what_began();
    let stop = Stop::default();
    let live = (!go.json && out.is_live()).then(Live::new);
    let signals = Signals::listen().map_err(|error| anyhow::Error::new(error).context("listening for Ctrl-C"))?;
    let listener = tokio::spawn(obey(signals, stop.clone(), live.clone()));
    let mut exits = Vec::new();
    for (plan, cloud) in plans.iter().zip(&clouds) {
        let limits = Limits { parallelism: usize::from(go.parallelism), ..Limits::default() };
        let progress = Progress::new(plan, go.json, live.as_ref().map(|live| &live.view), out);
        let outcomes =
            apply::execute(&**cloud, plan, kinds::SCHEMAS, limits, &stop, &|event| progress.tell(&event)).await;
        progress.finish();
        let how = Ending { errand, json: go.json, stopped: stop.is_asked() };
        exits.push(ending::tell(plan, &outcomes, &how, out));
    }
    listener.abort();
    Ok(match together(&exits) {
        Exit::Success if out.is_lost() => Exit::Error,
        exit => exit,
    })
}

/// How a run over several pipelines ended.
fn together(exits: &[Exit]) -> Exit {
    match exits {
        _ if exits.contains(&Exit::Interrupted) => Exit::Interrupted,
        [first, rest @ ..] if rest.iter().all(|exit| exit == first) => *first,
        [] => Exit::Success,
        _ => Exit::Partial,
    }
}

/// A pipeline is destroyed as a whole or not at all: what is kept would stand there without its roles and archives.
fn all_or_nothing(plans: &[Plan]) -> Result<(), Failure> {
    let keeps = |held: &&Held| held.reason != Reason::Retained;
    let kept: Vec<&Held> = plans.iter().flat_map(|plan| plan.held.iter().filter(keeps)).collect();
    let Some(first) = kept.first() else { return Ok(()) };
    let what = match kept.len() {
        1 => format!("nothing was destroyed, because {} has to stay", first.address),
        more => {
            format!("nothing was destroyed, because {more} resources have to stay, the first being {}", first.address)
        }
    };
    let loses = |held: &&&Held| held.reason == Reason::DataLoss;
    let words: Vec<String> =
        kept.iter().filter(loses).map(|held| format!("--allow-data-loss {}", held.address)).collect();
    let help = if words.len() == kept.len() {
        format!("to lose that data as well, run the same command with {}", words.join(" "))
    } else {
        first.remedy.clone()
    };
    Err(Failure::refused(what, help))
}

/// What will be done. An empty plan means something else where all is to go.
fn tell(plans: &[Plan], command: &str, out: &Out) {
    if command != "destroy" || plans.iter().any(|plan| !plan.is_empty() || !plan.held.is_empty()) {
        return plan::tell(plans, Format::Human, out);
    }
    for plan in plans {
        out.line(&format!("Nothing is left to destroy of {}.", plan.scope.pipeline));
        for unseen in &plan.not_checked {
            out.line(&format!("Not checked: {unseen}"));
        }
    }
}

/// Nothing to do is success, unless something that was asked for is not allowed.
fn after_nothing(plans: &[Plan]) -> Exit {
    let obstacles = plans.iter().flat_map(|plan| plan.obstacles()).next();
    if obstacles.is_some() { Exit::Refused } else { Exit::Success }
}

/// Without a terminal nobody is asked, and nothing is done.
fn agreed(command: &str, out: &Out) -> Result<bool, Failure> {
    if !out.can_ask() {
        let what = format!("nobody can be asked whether to {command} this: there is no terminal");
        return Err(Failure::refused(what, "look at the plan, then run the same command with -y"));
    }
    let mut terminal = std::io::stderr();
    // If the question cannot be written, the answer below will not be yes.
    let _ = write!(terminal, "\nDo this? Only `yes` is a yes: ");
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && answer.trim() == "yes")
}

/// One signal finishes what is in flight, a second drops it.
async fn obey(mut signals: Signals, stop: Stop, live: Option<Live>) {
    let out = Out::new(super::out::Color::Auto);
    while signals.next().await {
        if stop.ask() > 1 {
            live.iter().for_each(Live::give_up);
            out.error("Dropped; what was in flight may have taken effect. Run the command again.");
            std::process::exit(Exit::Interrupted.code().into());
        }
        let line = "Stopping: the steps in flight are finished. Ctrl-C once more drops them.";
        match &live {
            // Beside a live view a line would be drawn over.
            Some(live) => drop(live.view.println(line)),
            None => out.error(line),
        }
    }
}
