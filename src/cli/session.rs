use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use super::out::Color;
use super::{Failure, Out, files, outputs, text, vars};
use crate::apply;
use crate::aws::{Aws, Connect};
use crate::cloud::Cloud;
use crate::disk;
use crate::kinds::{self, Pipeline};
use crate::local::Pace;
use crate::model::{Graph, Inventory, Path, Prices, Problem, Scope};
use crate::plan::{Agreed, Consent, Plan, Question};
use crate::spec::{self, Document, Source, VarKind};

/// Bytes of a file of prices, which has a line of some 30 for each of a few dozen.
const MOST_PRICES: u64 = 1 << 20;

/// Looks that take longer are told of.
const LONG: Duration = Duration::from_secs(10);

/// Arguments of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// A spec file, a folder of them, or - for standard input; repeatable [default: tidegate.yaml]
    #[arg(short, long = "file", value_name = "PATH", global = true)]
    pub file: Vec<PathBuf>,
    /// A YAML file of `NAME: VALUE` lines for ${var:NAME}; repeatable, later ones and --var go before
    #[arg(long = "var-file", value_name = "FILE", global = true)]
    pub var_files: Vec<PathBuf>,
    /// A value for ${var:NAME} in the spec; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE", global = true, value_parser = Variable)]
    pub vars: Vec<(String, String)>,
    /// `aws`, or `local[:FILE]`: the embedded cloud, kept in a file
    #[arg(long, value_name = "CLOUD", default_value = "aws", global = true, env = "TIDEGATE_CLOUD")]
    pub cloud: Where,
    /// A profile of ~/.aws/config
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// The AWS region, where the spec names none
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Send all calls to this address; AWS_ENDPOINT_URL_<SERVICE> works as well
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint_url: Option<String>,
    /// The share of AWS's published API rates to use: 0.5 leaves half to others, 2 suits an account with raised quotas
    #[arg(long, value_name = "FACTOR", global = true, env = "TIDEGATE_API_RATE", value_parser = api_rate)]
    pub api_rate: Option<f64>,
    /// A YAML file of prices in US dollars that go before the built-in table, such as `kinesis.shardHour: 0.018`
    #[arg(long, value_name = "FILE", global = true)]
    pub prices: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", global = true)]
    pub color: Color,
    /// The same as --color never
    #[arg(long, global = true, conflicts_with = "color")]
    pub no_color: bool,
    /// Say only results and mistakes: no hints, notes and progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Tell more on standard error; twice tells every call
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// How the embedded cloud's time passes: at once, unless a command says otherwise.
    #[arg(skip)]
    pub local_pace: Option<Pace>,
}

/// Which cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    Aws,
    Local(PathBuf),
}

impl Where {
    /// The file of the embedded cloud.
    pub fn file(&self) -> Option<&std::path::Path> {
        match self {
            Self::Local(file) => Some(file),
            Self::Aws => None,
        }
    }
}

impl std::str::FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("aws", "") => Ok(Self::Aws),
            ("local", "") => Ok(Self::Local("tidegate-local.json".into())),
            ("local", file) => Ok(Self::Local(file.into())),
            _ => Err("write `aws`, `local` or `local:FILE`".into()),
        }
    }
}

/// Reads `NAME=VALUE`. The parser's own errors repeat what was given, which may be nothing but the secret.
#[derive(Clone)]
struct Variable;

impl TypedValueParser for Variable {
    type Value = (String, String);

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, given: &OsStr) -> Result<Self::Value, clap::Error> {
        let parts = given.to_str().and_then(|text| text.split_once('='));
        let variable = parts.filter(|(name, _)| !name.is_empty()).map(|(name, value)| (name.into(), value.into()));
        let what = "a value of '--var <NAME=VALUE>' has no name or is no text: write NAME=VALUE";
        variable.ok_or_else(|| clap::Error::raw(ErrorKind::ValueValidation, what).with_cmd(command))
    }
}

fn api_rate(text: &str) -> Result<f64, String> {
    let known = text.parse().ok().filter(|factor| (0.01..=1e6).contains(factor));
    known.ok_or_else(|| "write a number between 0.01 and 1000000".into())
}

/// What a variable stands for.
pub fn variable_of(given: &BTreeMap<String, String>, kind: VarKind, name: &str) -> Option<String> {
    match kind {
        VarKind::Env => std::env::var(name).ok(),
        VarKind::Var => given.get(name).cloned(),
    }
}

/// One pipeline and the cloud that it lives in.
pub struct Job {
    pub spec: Pipeline,
    pub cloud: Arc<dyn Cloud>,
    pub scope: Scope,
    pub graph: Graph,
    pub prices: Prices,
}

impl Common {
    /// When to use colour.
    pub fn color(&self) -> Color {
        if self.no_color { Color::Never } else { self.color }
    }

    /// Diagnostics go to standard error: `-v`, `-vv`, or TIDEGATE_LOG.
    pub fn start_diagnostics(&self, color: bool) {
        let level = match self.verbose {
            0 => "off",
            1 => "tidegate=info",
            _ => "tidegate=debug",
        };
        let filter = tracing_subscriber::EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| level.into());
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(|| super::log::Masked(std::io::stderr()))
            .with_target(false)
            .with_ansi(color)
            .init();
    }

    pub(super) fn specs(&self) -> Vec<PathBuf> {
        if self.file.is_empty() { vec![PathBuf::from("tidegate.yaml")] } else { self.file.clone() }
    }

    /// Refuses to write to a file that this command reads: the spec, files of values and prices, the local cloud, and `more`.
    pub fn spare(&self, outputs: &[(&str, Option<&PathBuf>)], more: &[PathBuf]) -> Result<(), Failure> {
        let outputs: Vec<_> =
            outputs.iter().filter_map(|(flag, path)| Some((*flag, path.as_ref()?.as_path()))).collect();
        if outputs.is_empty() {
            return Ok(());
        }
        let cloud = self.cloud.file().map(std::path::Path::to_path_buf);
        let mut inputs = files::listed(&self.specs()).0;
        inputs.extend(self.var_files.iter().chain(&self.prices).chain(&cloud).chain(more).cloned());
        match outputs::clash(&outputs, &inputs) {
            Some(what) => Err(anyhow::anyhow!("{what}; {}", outputs::HELP).into()),
            None => Ok(()),
        }
    }

    /// Reads the spec: every mistake of every file at once.
    pub fn load(&self, json: bool) -> Result<(Vec<Pipeline>, Vec<Document>), Failure> {
        let sources =
            files::read(&self.specs()).map_err(|problems| Failure::Problems { problems, sources: vec![], json })?;
        let given = self.values().map_err(|(problems, sources)| Failure::Problems { problems, sources, json })?;
        let mut problems = Vec::new();
        let mut specs = Vec::new();
        let mut documents = Vec::new();
        for source in &sources {
            let (read, found) = text::read(source, &|kind, name| variable_of(&given, kind, name));
            problems.extend(found);
            if let Some((spec, document)) = read {
                specs.push(spec);
                documents.push(document);
            }
        }
        if !problems.is_empty() {
            for (spec, document) in specs.iter().zip(&documents) {
                text::look_further(spec, document, self.region.as_deref(), &mut problems);
            }
        }
        twins(&specs, &documents, &mut problems);
        if problems.is_empty() { Ok((specs, documents)) } else { Err(Failure::Problems { problems, sources, json }) }
    }

    /// The values of `--var-file` and `--var`.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn values(&self) -> Result<BTreeMap<String, String>, (Vec<Problem>, Vec<Source>)> {
        vars::read(&self.var_files, &self.vars)
    }

    /// Reads the spec, connects to its cloud and derives what is wanted.
    pub async fn open(&self, json: bool) -> Result<Vec<Job>, Failure> {
        let (specs, documents) = self.load(json)?;
        let prices = self.price_table()?;
        let mut clouds: BTreeMap<Option<String>, Arc<dyn Cloud>> = BTreeMap::new();
        let mut jobs = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        for (spec, document) in specs.into_iter().zip(&documents) {
            let region = self.region_of(&spec)?;
            let cloud = match clouds.get(&region) {
                Some(cloud) => Arc::clone(cloud),
                None => {
                    let cloud = self.connect(region.clone()).await?;
                    clouds.insert(region, Arc::clone(&cloud));
                    cloud
                }
            };
            let scope = apply::scope_of(&*cloud, spec.pipeline.as_str()).await?;
            let mut wishes = kinds::wish(&spec, &scope);
            document.locate(&mut wishes.problems);
            problems.append(&mut wishes.problems);
            jobs.push(Job { spec, cloud, scope, graph: wishes.graph, prices: prices.clone() });
        }
        shared_names(&jobs, &documents, &mut problems);
        if problems.is_empty() {
            return Ok(jobs);
        }
        let sources: Vec<Source> = documents.iter().map(|document| document.source.clone()).collect();
        Err(Failure::Problems { problems, sources, json })
    }

    /// The region of a pipeline. Two that contradict each other are not guessed between.
    pub(super) fn region_of(&self, spec: &Pipeline) -> Result<Option<String>, Failure> {
        match (&spec.region, &self.region) {
            (Some(said), Some(asked)) if said != asked => Err(Failure::refused(
                format!("the spec of {} says region {said}, and --region says {asked}", spec.pipeline),
                "leave out one of the two",
            )),
            (said, asked) => Ok(said.clone().or_else(|| asked.clone())),
        }
    }

    /// The region that the first spec names, where there is one that can be read; no cloud is asked.
    pub fn first_region(&self) -> Option<String> {
        let (specs, _) = self.load(false).ok()?;
        self.region_of(specs.first()?).ok()?
    }

    /// The built-in prices, with those of `--prices` in front. A name that nothing is priced by is a mistake.
    pub fn price_table(&self) -> Result<Prices, Failure> {
        let mut table = crate::plan::price_table();
        let Some(file) = &self.prices else { return Ok(table) };
        let wrong = |what: String| Failure::from(anyhow::anyhow!("reading the prices of {}: {what}", file.display()));
        let text = disk::text(file, MOST_PRICES)
            .map_err(|error| wrong(format!("{error}; name a file of `NAME: DOLLARS` lines with --prices")))?;
        let own: BTreeMap<String, serde_yaml::Value> = spec::yaml(&text)
            .map_err(|_| wrong("write `NAME: DOLLARS` lines, for example `kinesis.shardHour: 0.018`".into()))?;
        for (name, price) in own {
            let price = price.as_f64().unwrap_or(f64::NAN);
            match table.0.get_mut(&name) {
                Some(known) if price.is_finite() && price >= 0.0 => *known = price,
                Some(_) => {
                    return Err(wrong(format!("the price of {name} is not a number of dollars, such as 0.018")));
                }
                None => {
                    let names = table.0.keys().cloned().collect::<Vec<_>>().join(", ");
                    return Err(wrong(format!("nothing is priced by `{name}`; there are {names}")));
                }
            }
        }
        Ok(table)
    }

    /// Connects to AWS for a command that needs no spec.
    pub async fn aws(&self, profile: Option<String>) -> Result<Aws, Failure> {
        if self.cloud != Where::Aws {
            return Err(Failure::refused("the embedded cloud has no CloudWatch", "leave out --cloud"));
        }
        self.reach(profile, self.region.clone()).await
    }

    async fn reach(&self, profile: Option<String>, region: Option<String>) -> Result<Aws, Failure> {
        let (endpoint_url, api_rate) = (self.endpoint_url.clone(), self.api_rate);
        Ok(Aws::connect(&Connect { profile, region, endpoint_url, static_keys: None, api_rate }).await?)
    }

    /// Connects to AWS for the controller's own needs, also beside the embedded cloud.
    pub async fn own_aws(&self, region: Option<String>) -> Result<Aws, Failure> {
        self.reach(self.profile.clone(), self.region.clone().or(region)).await
    }

    /// Waits for a look at the cloud, and says so where AWS takes long: a silence of minutes looks like a program that hangs.
    pub async fn patiently<T>(&self, out: &Out, look: impl Future<Output = T>) -> T {
        tokio::pin!(look);
        let Ok(seen) = tokio::time::timeout(LONG, &mut look).await else {
            if self.cloud == Where::Aws {
                out.note("Still waiting for AWS; what does not answer in a minute or two is told.");
            }
            return look.await;
        };
        seen
    }

    /// Connects to the cloud of a region.
    pub async fn connect(&self, region: Option<String>) -> Result<Arc<dyn Cloud>, Failure> {
        match &self.cloud {
            Where::Aws => Ok(Arc::new(self.reach(self.profile.clone(), region).await?)),
            Where::Local(file) => {
                let region = region.unwrap_or_else(|| "eu-west-1".into());
                super::local::open(file, &region, self.local_pace.unwrap_or(Pace::Virtual))
            }
        }
    }
}

/// Two files that describe one pipeline would each undo the other's work.
fn twins(specs: &[Pipeline], documents: &[Document], problems: &mut Vec<Problem>) {
    let at = Path::of(["pipeline"]);
    for (later, spec) in specs.iter().enumerate() {
        if let Some(first) = specs[..later].iter().position(|other| other.pipeline == spec.pipeline) {
            let message = format!("the pipeline `{}` is described twice", spec.pipeline);
            let mut problem = Problem::new("duplicate-pipeline", at.clone(), message)
                .help("give one of them another name, or put both into one file")
                .at(documents[later].place(&at));
            problem.related = [(documents[first].place(&at), "first described here".into())].into();
            documents[later].hide(std::slice::from_mut(&mut problem));
            problems.push(problem);
        }
    }
}

/// Two pipelines of one run that would make the same thing.
pub(super) fn shared_names(jobs: &[Job], documents: &[Document], problems: &mut Vec<Problem>) {
    let mut taken: BTreeMap<(&str, &str, &str, &str), (usize, &Path)> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        for desired in job.graph.iter().filter(|desired| !desired.existing) {
            let place = (job.scope.account.as_str(), job.scope.region.as_str());
            let name = (place.0, place.1, desired.schema.kind, desired.physical.as_str());
            match taken.get(&name) {
                Some((first, path)) if *first != at => {
                    let message = format!(
                        "{} {} is made by the pipeline {} as well",
                        desired.schema.title, desired.physical, jobs[*first].scope.pipeline
                    );
                    let mut problem = Problem::new("duplicate-name", desired.path.clone(), message)
                        .help("give one of them another name in AWS (`name:`)")
                        .at(documents[at].place(&desired.path));
                    problem.related = [(documents[*first].place(path), "first described here".into())].into();
                    for document in [&documents[*first], &documents[at]] {
                        document.hide(std::slice::from_mut(&mut problem));
                    }
                    problems.push(problem);
                }
                Some(_) => {}
                None => {
                    taken.insert(name, (at, &desired.path));
                }
            }
        }
    }
}

impl Job {
    /// Looks at the cloud and computes the plan. Answers also the names that were agreed to and mean nothing here.
    pub async fn plan(&self, agreed: &Agreed) -> Result<(Plan, BTreeSet<String>), Failure> {
        let look = apply::look(&*self.cloud, &self.graph, &self.scope, kinds::SCHEMAS, agreed.destroy);
        let mut inventory = look.await;
        let (consent, unknown) = agreed.understand(&self.graph, &inventory, kinds::SCHEMAS).map_err(|ambiguous| {
            Failure::refused(ambiguous.to_string(), "write the address of the one that you mean")
        })?;
        let plan = crate::plan::plan(&self.question(&inventory, &consent));
        if apply::count_others(&*self.cloud, &plan, &mut inventory).await {
            return Ok((crate::plan::plan(&self.question(&inventory, &consent)), unknown));
        }
        Ok((plan, unknown))
    }

    pub fn question<'a>(&'a self, inventory: &'a Inventory, consent: &'a Consent) -> Question<'a> {
        let made_by = env!("CARGO_PKG_VERSION");
        Question { graph: &self.graph, inventory, schemas: kinds::SCHEMAS, prices: &self.prices, consent, made_by }
    }
}
