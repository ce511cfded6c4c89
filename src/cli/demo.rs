use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::apply::{Errand, Go};
use super::plan::{self, Agree, Format};
use super::session::Where;
use super::{Common, Exit, Failure, Job, Out};
use crate::kinds::SCHEMAS;
use crate::local::{Local, Options};
use crate::model::Value;
use crate::plan::{Agreed, Plan, Reason};

#[derive(clap::Args)]
pub struct Args {
    /// Where the spec and the embedded cloud are kept
    #[arg(long, value_name = "DIR", default_value = "tidegate-demo")]
    dir: PathBuf,
}

/// The pipeline of the demo is the full example; a test plans and applies it.
const SPEC: &str = include_str!("../../specs/clickstream.yaml");
const REGION: &str = "eu-west-1";

/// The whole life of a pipeline on the embedded cloud: made, damaged by hand, healed, destroyed.
pub async fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let doing = || format!("preparing {}", args.dir.display());
    std::fs::create_dir_all(&args.dir).with_context(doing)?;
    let (usual, is_kept) = (args.dir.join("clickstream.yaml"), is_changed(&args.dir.join("clickstream.yaml")));
    let [spec, cloud] = if is_kept { ["demo.yaml", "demo.json"] } else { ["clickstream.yaml", "cloud.json"] };
    let (spec, cloud) = (args.dir.join(spec), args.dir.join(cloud));
    std::fs::write(&spec, SPEC).with_context(doing)?;
    // Every demo begins with an empty account.
    if cloud.exists() {
        std::fs::remove_file(&cloud).with_context(doing)?;
    }
    let common = Common { file: vec![spec.clone()], cloud: Where::Local(cloud.clone()), ..common.clone() };
    let show = Show { common, out, spec: &spec, cloud: &cloud };
    show.title("A pipeline in one file");
    if is_kept {
        let (usual, spec) = (usual.display(), spec.display());
        out.line(&format!("{usual} was changed and is kept, with its cloud; this demo plays with {spec}.\n"));
    }
    out.text(SPEC);
    show.title("What would be done?");
    show.says("plan");
    plan::tell(&plan::all(&show.jobs().await?, &Agreed::default()).await?, Format::Human, out);
    show.title("Do it");
    show.says("apply -y");
    show.apply().await?;
    show.title("Again: nothing is left to do");
    show.says("plan");
    plan::tell(&plan::all(&show.jobs().await?, &Agreed::default()).await?, Format::Human, out);
    show.title("Somebody changes things by hand");
    show.break_something()?;
    show.says("drift");
    super::drift::run(&show.common, super::drift::Args::default(), out).await?;
    show.title("Heal it");
    show.says("apply -y");
    show.apply().await?;
    show.title("Clean up");
    show.destroy().await?;
    show.next();
    Ok(Exit::Success)
}

/// Whether somebody has made the demo's spec their own, as the last demo asks for. What cannot be read is not ours to write over either.
fn is_changed(spec: &Path) -> bool {
    match std::fs::read_to_string(spec) {
        Ok(text) => text != SPEC,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

struct Show<'a> {
    common: Common,
    out: &'a Out,
    spec: &'a Path,
    cloud: &'a Path,
}

impl Show<'_> {
    async fn jobs(&self) -> Result<Vec<Job>, Failure> {
        self.common.open(false).await
    }

    async fn apply(&self) -> Result<(), Failure> {
        let jobs = self.jobs().await?;
        self.carry_out(&jobs, plan::all(&jobs, &Agreed::default()).await?, Errand::Apply).await
    }

    /// What holds data is named, as anybody has to who means it.
    async fn destroy(&self) -> Result<(), Failure> {
        let jobs = self.jobs().await?;
        let asks = plan::all(&jobs, &Agree::default().agreed(true)).await?;
        let loses = asks.iter().flat_map(|plan| &plan.held).filter(|held| held.reason == Reason::DataLoss);
        let named: Vec<String> = loses.map(|held| held.address.to_string()).collect();
        let words: Vec<String> = named.iter().map(|name| format!(" --allow-data-loss {name}")).collect();
        self.says(&format!("destroy -y{}", words.concat()));
        let agree = Agree { allow_data_loss: named, ..Agree::default() };
        self.carry_out(&jobs, plan::all(&jobs, &agree.agreed(true)).await?, Errand::Destroy).await
    }

    async fn carry_out(&self, jobs: &[Job], plans: Vec<Plan>, errand: Errand) -> Result<(), Failure> {
        let clouds = jobs.iter().map(|job| Arc::clone(&job.cloud)).collect();
        let go = Go { yes: true, parallelism: 10, json: false };
        super::apply::carry_out(plans, clouds, &go, errand, self.out).await.map(drop)
    }

    fn break_something(&self) -> Result<(), Failure> {
        let options = Options { region: REGION.to_owned(), ..Options::default() };
        let local = Local::open(self.cloud, SCHEMAS, options, jiff::Timestamp::now().as_second())?;
        local.tamper("stream", "clicks", "retention", Value::text("24h"))?;
        self.out.line("  - the retention of stream clicks is set to 24h");
        local.remove("alarm", "clickstream-clicks-iterator-age")?;
        self.out.line("  - the alarm on its iterator age is deleted");
        Ok(())
    }

    fn title(&self, title: &str) {
        let bold = anstyle::Style::new().bold();
        self.out.line(&format!("\n{bold}== {title}{bold:#}\n"));
    }

    fn says(&self, command: &str) {
        let dim = anstyle::Style::new().dimmed();
        self.out.line(&format!("{dim}$ tidegate {command}{dim:#}\n"));
    }

    fn next(&self) {
        self.title("Your turn");
        let me = called();
        let on = format!("-f {} --cloud local:{}", self.spec.display(), self.cloud.display());
        self.out.line(
            "The demo destroyed everything again. Make it once more, change the file, and see what would be done:\n",
        );
        self.out.line(&format!("  {me} apply -y {on}\n  $EDITOR {}\n  {me} plan {on}\n", self.spec.display()));
        self.out
            .line(&format!("Without --cloud the same commands work on AWS. `{me} init` writes a spec of your own."));
    }
}

/// How this program was called: from a clone it is not in the path.
fn called() -> &'static str {
    let exe = std::env::current_exe().unwrap_or_default();
    let built =
        ["target/debug", "target/release"].iter().any(|folder| exe.parent().is_some_and(|at| at.ends_with(folder)));
    if built { "cargo run -q --" } else { "tidegate" }
}
