//! The pipelines of a controller: one whose spec is mistaken, or whose region is dead, keeps none of the others from being sized.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::session::shared_names;
use super::{Common, Failure, Job, Out, files, status};
use crate::apply;
use crate::cloud::Cloud;
use crate::control::Key;
use crate::kinds::{self, Pipeline};
use crate::model::{self, Problem, Scope};
use crate::spec::{Document, NodeValue};

/// Real time for a region to say whose it is: the others wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A spec that could not be started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Its file.
    pub spec: String,
    /// In a sentence.
    pub why: String,
}

/// The specs of a run, as far as they can be used.
#[derive(Default)]
pub struct Opened {
    pub jobs: Vec<Job>,
    pub left_out: Vec<LeftOut>,
    /// The region of the first spec, whether it could be used or not; `None` where it could not even be read.
    pub home: Option<String>,
}

/// A spec that has no mistakes of its own.
struct Read {
    file: String,
    spec: Pipeline,
    document: Document,
    region: Option<String>,
}

type Reached = BTreeMap<Option<String>, Result<(Arc<dyn Cloud>, Scope), String>>;

impl LeftOut {
    fn new(spec: impl Into<String>, why: impl Into<String>) -> Self {
        Self { spec: spec.into(), why: why.into() }
    }

    /// As it is told with each tick.
    pub fn message(&self) -> String {
        format!("{} is left out, and its streams are not sized: {}", self.spec, self.why)
    }

    /// As the commands tell it that size nothing.
    pub fn told(&self) -> String {
        format!("{} is left out: {}", self.spec, self.why)
    }

    /// The streams that its text names, as far as it can be read.
    fn streams(&self) -> Vec<String> {
        let sources = match self.spec.as_str() {
            // It was read already, and is not there twice.
            "-" => Vec::new(),
            file => files::read(&[file.into()]).unwrap_or_default(),
        };
        let streams = model::Path::of(["streams"]);
        let of = |document: Document| match document.get(&streams).map(|node| &node.value) {
            Some(NodeValue::Map(entries)) => entries.iter().map(|entry| entry.key.clone()).collect(),
            _ => Vec::new(),
        };
        sources.into_iter().filter_map(|source| Document::parse(source).0).flat_map(of).collect()
    }
}

impl Opened {
    /// Tells people which specs are left out, and why.
    pub fn warn(&self, out: &Out) {
        self.left_out.iter().for_each(|left| out.error(&format!("warning: {}", left.told())));
    }

    /// The one stream that is meant. Of one that only a spec that is left out names that is said, which is no mistake in its name.
    pub fn find(&self, keys: &[Key], name: &str, which: &str) -> Result<usize, Failure> {
        let stream = name.rsplit('/').next().unwrap_or(name);
        status::find(keys, name, which).map_err(|failure| {
            let is_known = keys.iter().any(|key| key.stream == name);
            match self.left_out.iter().find(|left| !is_known && left.streams().iter().any(|one| one == stream)) {
                Some(left) => Failure::refused(
                    format!("the stream `{name}` is in a spec that cannot be used: {}", left.told()),
                    format!("mend {}; `tidegate plan` with it alone shows every mistake", left.spec),
                ),
                None => failure,
            }
        })
    }
}

impl Common {
    /// As a ledger is looked for: in the first spec's region, `home`, also where that spec is left out.
    pub fn at_home(&self, home: Option<&String>) -> Self {
        Self { region: self.region.as_ref().or(home).cloned(), ..self.clone() }
    }

    /// Opens each spec by itself. With a single one, or where none can be used, a failure is that of all.
    ///
    /// # Errors
    /// Nothing can be started; or values or prices, which are everybody's, cannot be read.
    pub async fn open_each(&self, json: bool) -> Result<Opened, Failure> {
        let (files, unlisted) = files::listed(&self.specs());
        if files.len() < 2 {
            return Ok(Opened { jobs: self.open(json).await?, ..Opened::default() });
        }
        self.values().map_err(|(problems, sources)| Failure::Problems { problems, sources, json })?;
        let prices = self.price_table()?;
        let mut left_out: Vec<LeftOut> =
            unlisted.into_iter().map(|problem| LeftOut::new("a folder", problem.message)).collect();
        let mut read = Vec::new();
        for file in &files {
            match self.read_one(file) {
                Ok(one) => read.extend(one),
                Err(left) => left_out.push(left),
            }
        }
        let first = files[0].display().to_string();
        let home = read.first().filter(|read| read.file == first).and_then(|read| read.region.clone());
        let reached = self.reach_all(&read).await;
        let mut opened = Opened { jobs: Vec::new(), left_out, home };
        let mut documents = Vec::new();
        for Read { file, spec, document, region } in read {
            let (cloud, scope) = match reached.get(&region) {
                Some(Ok((cloud, scope))) => (Arc::clone(cloud), scope.clone()),
                Some(Err(why)) => {
                    opened.left_out.push(LeftOut::new(file, why));
                    continue;
                }
                None => continue,
            };
            let scope = Scope { pipeline: spec.pipeline.as_str().to_owned(), ..scope };
            if opened.jobs.iter().any(|job| job.scope.pipeline == scope.pipeline) {
                let why = format!("the pipeline `{}` is described by another spec as well", scope.pipeline);
                opened.left_out.push(LeftOut::new(file, why));
                continue;
            }
            let wishes = kinds::wish(&spec, &scope);
            let mut problems = wishes.problems;
            document.locate(&mut problems);
            opened.jobs.push(Job { spec, cloud, scope, graph: wishes.graph, prices: prices.clone() });
            documents.push(document);
            // It is the newest one that takes another's name.
            shared_names(&opened.jobs, &documents, &mut problems);
            if !problems.is_empty() {
                opened.jobs.pop();
                documents.pop();
                opened.left_out.push(LeftOut::new(file.clone(), sentence(&problems, &file)));
            }
        }
        if opened.jobs.is_empty() {
            // Every mistake of every file at once, as the other commands tell them.
            return Ok(Opened { jobs: self.open(json).await?, ..Opened::default() });
        }
        Ok(opened)
    }

    /// One file's pipelines, or why they are left out.
    fn read_one(&self, file: &Path) -> Result<Vec<Read>, LeftOut> {
        let name = file.display().to_string();
        let left = |failure: Failure| LeftOut::new(name.clone(), why(&failure, &name));
        let alone = Self { file: vec![file.to_owned()], ..self.clone() };
        let (specs, documents) = alone.load(false).map_err(left)?;
        let read = specs.into_iter().zip(documents).map(|(spec, document)| {
            let region = self.region_of(&spec)?;
            Ok(Read { file: name.clone(), spec, document, region })
        });
        read.collect::<Result<_, Failure>>().map_err(left)
    }

    /// Connects to all regions at once. One that does not answer is waited for by nobody.
    async fn reach_all(&self, read: &[Read]) -> Reached {
        let regions: BTreeSet<Option<String>> = read.iter().map(|read| read.region.clone()).collect();
        let all = regions.into_iter().map(|region| async move {
            let reach = async {
                let cloud = self.connect(region.clone()).await?;
                let scope = apply::scope_of(&*cloud, "").await?;
                Ok::<_, Failure>((cloud, scope))
            };
            let place = region.as_deref().unwrap_or("its region");
            let reached = match tokio::time::timeout(PATIENCE, reach).await {
                Ok(reached) => reached.map_err(|failure| why(&failure, place)),
                Err(_) => Err(format!("{place} did not answer within {} s", PATIENCE.as_secs())),
            };
            (region, reached)
        });
        join_all(all).await.into_iter().collect()
    }
}

/// A failure in one sentence.
pub fn why(failure: &Failure, of: &str) -> String {
    match failure {
        Failure::Problems { problems, .. } => sentence(problems, of),
        Failure::Fault(fault) => fault.to_string(),
        Failure::Refused { what, .. } | Failure::Unusable { what, .. } => what.clone(),
        Failure::Other(error) => format!("{error:#}"),
    }
}

fn sentence(problems: &[Problem], file: &str) -> String {
    let first = problems.first().map_or("it has a mistake", |problem| problem.message.as_str());
    match problems.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first}, and {} more (tidegate plan -f {file} shows all)", count - 1),
    }
}
