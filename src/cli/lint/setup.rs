//! What a run of lint needs: settings, rules, engines, files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::super::{Common, Failure, files};
use super::{Args, Folder, Who};
use crate::lint::baseline::Baseline;
use crate::lint::builtin;
use crate::lint::cases::Cases;
use crate::lint::choice::{Choice, nearest};
use crate::lint::config::{Config, Lint};
use crate::lint::engine::{Engine, RULE_LIMIT};
use crate::lint::examine::{examine, examine_policy, sort};
use crate::lint::finding::Finding;
use crate::lint::iam;
use crate::lint::iam::catalog::Catalog;
use crate::lint::iam::need::Stream;
use crate::lint::policy::{PolicyFailure, PolicyFile};
use crate::lint::reading::{Reading, looks_like_spec, scope};
use crate::lint::rule::{About, Persona};
use crate::lint::suppress::{self, Law};
use crate::report::lint::rules;
use crate::spec::Source;

/// The engine recurses as deep as policies do; the main thread's stack is somebody else's choice.
const STACK: usize = 64 << 20;
/// Files below which threads cost more than they save.
const FEW: usize = 16;

pub struct Setup {
    pub config: Lint,
    pub choice: Choice,
    pub rules: Vec<Arc<About>>,
    engines: Vec<Engine>,
    cases: Vec<(String, String, Cases)>,
    failures: Vec<PolicyFailure>,
    /// Where the paths of the configuration begin.
    home: PathBuf,
}

/// What was found in some files.
#[derive(Default)]
pub struct Judged {
    pub findings: Vec<Finding>,
    pub failures: Vec<PolicyFailure>,
    /// Some spec has a mistake, so its pipeline was not judged.
    pub broken: bool,
    /// The streams of the specs, by which policy files beside them are judged.
    streams: Vec<Stream>,
}

/// Judges files one after the other, with engines of its own.
pub struct Judge<'a> {
    setup: &'a Setup,
    common: &'a Common,
    engines: Vec<Engine>,
}

/// Runs on a thread with a large stack.
pub fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(|thread| thread.join()) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => std::panic::resume_unwind(Box::new(format!("starting a thread: {error}"))),
        }
    })
}

impl Setup {
    pub fn of(common: &Common, args: &Args) -> Result<Self, Failure> {
        let _ = common;
        let (config, home) = config(args.config.as_deref())?;
        let (built_in, mut failures) = with_room(|| Engine::load(&builtin::files(), RULE_LIMIT));
        let mut rules: Vec<Arc<About>> = built_in.policies.iter().map(|policy| Arc::clone(&policy.about)).collect();
        let mut engines = vec![built_in];
        let mut cases = Vec::new();
        let named = args.policies.clone().or_else(|| config.policies.as_ref().map(|folder| home.join(folder)));
        let usual = Some(PathBuf::from("policies")).filter(|folder| named.is_none() && folder.is_dir());
        if let Some(folder) = named.or(usual) {
            let mut folder = Folder::read(&folder)?;
            // Where Tidegate's own policies lie, they are those that are built in.
            folder.policies.retain(|file| !builtin::holds(file));
            let taken = |file: &PolicyFile| rules.iter().any(|rule| rule.id == file.id());
            let engine = with_room(|| folder.engine(&taken));
            rules
                .extend(engine.policies.iter().filter(|one| !one.entries.is_empty()).map(|one| Arc::clone(&one.about)));
            engines.push(engine);
            failures.extend(folder.failures);
            cases = folder.cases;
        }
        rules.extend(suppress::rules().iter().cloned());
        let choice = choice(args, &config);
        Ok(Self { config, choice, rules, engines, cases, failures, home })
    }

    pub fn list(&self) -> String {
        rules::list(&self.rules.iter().map(|rule| &**rule).collect::<Vec<_>>())
    }

    pub fn explain(&self, name: &str) -> Result<String, Failure> {
        let is_alias = |rule: &About| rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
        let found: Vec<_> = self.rules.iter().filter(|rule| rule.id == name || is_alias(rule)).collect();
        if found.is_empty() {
            return Err(self.no_rule(name));
        }
        let text = found.into_iter().map(|about| {
            let built_in = builtin::RULES.iter().find(|rule| rule.id == about.id);
            let own = self.cases.iter().find(|(id, ..)| *id == about.id).map(|(.., cases)| cases.clone());
            let cases = built_in.and_then(|rule| Cases::read(rule.cases).ok()).or(own);
            rules::explain(about, cases.as_ref())
        });
        Ok(text.collect::<Vec<_>>().join("\n"))
    }

    /// Names in the choice that mean no rule are a mistake: the rule would go unasked.
    pub fn check_names(&self) -> Result<(), Failure> {
        let known: Vec<&About> = self.rules.iter().map(|rule| &**rule).collect();
        // Rules that failed to load are not known, and the failure is told.
        match self.choice.unknown(&known).first() {
            Some((name, _)) if self.failures.is_empty() => Err(self.no_rule(name)),
            _ => Ok(()),
        }
    }

    fn no_rule(&self, name: &str) -> Failure {
        let known: Vec<&About> = self.rules.iter().map(|rule| &**rule).collect();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`tidegate lint --list-rules` lists them".to_owned(),
        };
        Failure::unusable(format!("there is no rule `{name}`"), help)
    }

    /// The files. What a folder holds besides specs is left alone; what is named is read in any case.
    pub fn sources(&self, common: &Common, args: &Args) -> Result<Vec<Source>, Failure> {
        let paths = if !args.paths.is_empty() {
            args.paths.clone()
        } else if !common.file.is_empty() {
            common.file.clone()
        } else if !self.config.paths.is_empty() {
            self.config.paths.iter().map(|path| self.home.join(path)).collect()
        } else {
            vec![PathBuf::from("tidegate.yaml")]
        };
        let (folders, named): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
        let mut sources = read(&named)?;
        sources.extend(read(&folders)?.into_iter().filter(looks_like_spec));
        Ok(sources)
    }

    /// Gives findings the severities that the configuration wants.
    fn weigh(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Some(severity) = self.config.severity.get(&finding.about.id) {
                finding.severity = *severity;
            }
        }
    }

    pub fn judge<'a>(&'a self, common: &'a Common) -> Judge<'a> {
        Judge { setup: self, common, engines: self.engines.clone() }
    }

    /// Judges all files: specs on as many threads as there are processors, then the policies beside them. The result
    /// is in the order of the files, specs first.
    pub fn judge_all(&self, common: &Common, sources: &[Source]) -> Judged {
        let (policies, specs): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|source| is_policy(source));
        let mut all = self.judge_specs(common, &specs);
        if !policies.is_empty() {
            let streams = std::mem::take(&mut all.streams);
            let judged = with_room(|| {
                let mut judge = self.judge(common);
                policies.iter().map(|source| judge.policy(source, &streams)).collect::<Vec<_>>()
            });
            judged.into_iter().for_each(|one| all.add(one));
        }
        all.failures.sort();
        // A policy that fails fails for every file; once is enough.
        all.failures.dedup_by(|a, b| (&a.file, a.line, &a.message) == (&b.file, b.line, &b.message));
        all
    }

    fn judge_specs(&self, common: &Common, sources: &[&Source]) -> Judged {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = if sources.len() < FEW { 1 } else { processors.min(16) };
        let size = sources.len().div_ceil(parts).max(1);
        let judge_part = |part: &[&Source]| {
            with_room(|| {
                let mut judge = self.judge(common);
                part.iter().map(|source| judge.file(source)).collect::<Vec<_>>()
            })
        };
        let judged: Vec<Judged> = std::thread::scope(|scope| {
            let threads: Vec<_> = sources.chunks(size).map(|part| scope.spawn(move || judge_part(part))).collect();
            let done = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            done.flatten().collect()
        });
        let mut all = Judged { failures: self.failures.clone(), ..Judged::default() };
        judged.into_iter().for_each(|one| all.add(one));
        all
    }
}

impl Judged {
    fn add(&mut self, one: Self) {
        self.findings.extend(one.findings);
        self.failures.extend(one.failures);
        self.broken |= one.broken;
        self.streams.extend(one.streams);
    }
}

/// IAM policies are JSON, specs are YAML.
fn is_policy(source: &Source) -> bool {
    source.name.ends_with(".json")
}

impl Judge<'_> {
    /// An IAM policy, beside these streams.
    fn policy(&mut self, source: &Source, streams: &[Stream]) -> Judged {
        let read = iam::file::judge(source, None, streams, Catalog::builtin());
        let (mut findings, failures) = examine_policy(&mut self.engines, &read, &self.setup.choice);
        self.setup.weigh(&mut findings);
        let broken = !read.problems.is_empty();
        findings.extend(read.problems.into_iter().map(|problem| Finding::mistake(problem, &source.name)));
        sort(&mut findings);
        Judged { findings, failures, broken, streams: Vec::new() }
    }

    pub fn file(&mut self, source: &Source) -> Judged {
        if is_policy(source) {
            return self.policy(source, &[]);
        }
        let (setup, common) = (self.setup, self.common);
        let reading = Reading::of(source, &|kind, name| common.variable(kind, name));
        let mut judged = Judged { broken: !reading.problems.is_empty(), ..Judged::default() };
        if let Some(known) = reading.known() {
            let (mut findings, failures) = examine(&mut self.engines, &known, &setup.choice);
            setup.weigh(&mut findings);
            judged.streams = iam::pipeline::streams(known.spec, known.graph, &scope(known.spec));
            let law = Law {
                known: &setup.rules,
                asked: &|about| setup.choice.takes(about),
                protected: &setup.config.protected,
                at_most: setup.config.max_suppressions,
                // UTC: the same file must not be clean in one time zone and not in another.
                today: jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date(),
            };
            suppress::apply(known.document, &mut findings, &law);
            judged.findings = findings;
            judged.failures = failures;
        }
        let mistakes = reading.problems.into_iter().map(|problem| Finding::mistake(problem, &source.name));
        judged.findings.extend(mistakes);
        sort(&mut judged.findings);
        judged
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    files::read(paths).map_err(|problems| {
        let what = problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ");
        Failure::unusable(what, "name spec files or folders, or - for standard input")
    })
}

fn choice(args: &Args, config: &Lint) -> Choice {
    let or = |own: &[String], other: &[String]| if own.is_empty() { other.to_vec() } else { own.to_vec() };
    let persona = match args.persona {
        Some(Who::Regular) => Some(Persona::Regular),
        Some(Who::Pedantic) => Some(Persona::Pedantic),
        Some(Who::Auditor) => Some(Persona::Auditor),
        None => config.persona,
    };
    Choice {
        select: or(&args.select, &config.select),
        ignore: [args.ignore.as_slice(), config.ignore.as_slice()].concat(),
        persona: persona.unwrap_or_default(),
    }
}

/// The settings and the folder that their paths begin in. A file that is named must be there.
fn config(named: Option<&Path>) -> Result<(Lint, PathBuf), Failure> {
    let file = named.unwrap_or(Path::new("tidegate.toml"));
    if named.is_none() && !file.exists() {
        return Ok((Lint::default(), PathBuf::new()));
    }
    let unusable = |why: String| {
        Failure::unusable(
            format!("reading {}: {why}", file.display()),
            "correct the file, or name another with --config",
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let config = Config::read(&text).map_err(unusable)?;
    Ok((config.lint, file.parent().map(Path::to_path_buf).unwrap_or_default()))
}

pub fn baseline(file: &Path) -> Result<Baseline, Failure> {
    let doing = || format!("reading the baseline {}", file.display());
    let text = std::fs::read_to_string(file).with_context(doing);
    let text = text
        .map_err(|error| Failure::unusable(format!("{error:#}"), "write one: tidegate lint --write-baseline FILE"))?;
    Baseline::read(&text).map_err(|why| {
        Failure::unusable(format!("{}: {why}", doing()), "write it anew: tidegate lint --write-baseline FILE")
    })
}
