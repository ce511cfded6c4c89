use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::{Common, Exit, Failure, Out, files};
use crate::lint::builtin;
use crate::lint::cases::Cases;
use crate::lint::choice::{Choice, nearest};
use crate::lint::engine::{Engine, RULE_LIMIT};
use crate::lint::examine::{examine, examine_policy, sort};
use crate::lint::finding::Finding;
use crate::lint::iam::catalog::Catalog;
use crate::lint::iam::need::Stream;
use crate::lint::iam::{file, pipeline};
use crate::lint::policy::PolicyFailure;
use crate::lint::reading::{Reading, looks_like_spec, scope};
use crate::lint::rule::{About, Concern, Persona, Severity};
use crate::report::lint::{Told, github, human, json, junit, markdown, rules, sarif};
use crate::spec::Source;

#[derive(clap::Args)]
#[command(after_help = EXITS)]
pub struct Args {
    /// Spec files, folders of them, IAM policies (`*.json`), or - for standard input [default: what -f names, else
    /// tidegate.yaml]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to tell it, and where: `human`, `json`, `sarif`, `junit`, `github` or `markdown`, each with an optional
    /// `=FILE`; repeatable
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "human")]
    format: Vec<Target>,
    /// Exit with 1 for findings of this severity or worse
    #[arg(long, value_enum, default_value = "warning", value_name = "SEVERITY")]
    fail_on: Threshold,
    /// Only these rules, by id, concern or another tool's id; repeatable, or separated by commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these rules; repeatable, or separated by commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// How much to tell: each includes those before it
    #[arg(long, value_enum, default_value = "regular")]
    persona: Who,
    /// List the rules
    #[arg(long)]
    list_rules: bool,
    /// Say why a rule exists, what to do, and show its cases
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
    /// Exit with 0 even if something is found; mistakes in specs and failing policies still count
    #[arg(long)]
    exit_zero: bool,
}

const EXITS: &str = "\
Exit codes of lint:
  0  nothing found at or above --fail-on
  1  something found
  2  wrong arguments, or a mistake in a spec
  3  a policy or its engine failed, so the result is not whole";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Human,
    Json,
    Sarif,
    Junit,
    Github,
    Markdown,
}

/// A form and the file that it goes to; standard output without one.
#[derive(Clone, Debug)]
struct Target {
    form: Form,
    file: Option<PathBuf>,
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (form, file) = text.split_once('=').map_or((text, None), |(form, file)| (form, Some(file)));
        Ok(Self { form: Form::from_str(form, false)?, file: file.map(PathBuf::from) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Threshold {
    Error,
    Warning,
    Note,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    Regular,
    Pedantic,
    Auditor,
}

pub fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let (engine, failures) = Engine::load(&builtin::files(), RULE_LIMIT);
    let abouts: Vec<Arc<About>> = engine.policies.iter().map(|policy| Arc::clone(&policy.about)).collect();
    let known: Vec<&About> = abouts.iter().map(|about| &**about).collect();
    if args.list_rules {
        out.text(&rules::list(&known));
        return Ok(Exit::Success);
    }
    if let Some(name) = &args.explain {
        return explain(name, &known, out);
    }
    let choice = choice(&args);
    if let Some((name, near)) = choice.unknown(&known).first() {
        let near = near.as_ref().map_or_else(|| "`tidegate lint --list-rules` lists them".into(), |near| format!("did you mean `{near}`?"));
        return Err(Failure::unusable(format!("there is no rule `{name}`"), near));
    }
    let sources = sources(common, &args)?;
    let mut run = Run { findings: Vec::new(), failures, broken: false, streams: Vec::new() };
    let mut engines = vec![engine];
    let (policies, specs): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|source| source.name.ends_with(".json"));
    for source in specs {
        run.file(common, source, &mut engines, &choice);
    }
    for source in policies {
        run.policy(source, &mut engines, &choice);
    }
    let asked: Vec<Arc<About>> = abouts.iter().filter(|about| choice.takes(about)).cloned().collect();
    let told = Told {
        findings: &run.findings,
        failures: &run.failures,
        sources: &sources,
        rules: &asked,
        show_silenced: false,
    };
    tell(&told, &args.format, out)?;
    Ok(run.exit(&args))
}

fn choice(args: &Args) -> Choice {
    let persona = match args.persona {
        Who::Regular => Persona::Regular,
        Who::Pedantic => Persona::Pedantic,
        Who::Auditor => Persona::Auditor,
    };
    Choice { select: args.select.clone(), ignore: args.ignore.clone(), persona }
}

fn explain(name: &str, known: &[&About], out: &Out) -> Result<Exit, Failure> {
    let called = |about: &&&About| about.id == name || about.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    let found: Vec<&&About> = known.iter().filter(called).collect();
    if found.is_empty() {
        let help = nearest(name, known).map_or_else(|| "`tidegate lint --list-rules` lists them".into(), |near| format!("did you mean `{near}`?"));
        return Err(Failure::unusable(format!("there is no rule `{name}`"), help));
    }
    for about in found {
        let built_in = builtin::RULES.iter().find(|rule| rule.id == about.id);
        let cases = built_in.and_then(|rule| Cases::read(rule.cases).ok());
        out.text(&rules::explain(about, cases.as_ref()));
    }
    Ok(Exit::Success)
}

/// The files. What a folder holds besides specs is left alone; what is named is read in any case.
fn sources(common: &Common, args: &Args) -> Result<Vec<Source>, Failure> {
    let paths = match (args.paths.is_empty(), common.file.is_empty()) {
        (false, _) => args.paths.clone(),
        (true, false) => common.file.clone(),
        (true, true) => vec![PathBuf::from("tidegate.yaml")],
    };
    let (folders, named): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    let read = |paths: &[PathBuf]| {
        let unreadable = |problems: Vec<crate::model::Problem>| {
            let what = problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ");
            Failure::unusable(what, "name spec files or folders, or - for standard input")
        };
        if paths.is_empty() { Ok(Vec::new()) } else { files::read(paths).map_err(unreadable) }
    };
    let mut sources = read(&named)?;
    sources.extend(read(&folders)?.into_iter().filter(looks_like_spec));
    Ok(sources)
}

/// What a run has found so far.
struct Run {
    findings: Vec<Finding>,
    failures: Vec<PolicyFailure>,
    /// Some spec has a mistake, so its pipeline was not judged.
    broken: bool,
    /// The streams of the specs, which policy files beside them are judged by.
    streams: Vec<Stream>,
}

impl Run {
    fn file(&mut self, common: &Common, source: &Source, engines: &mut [Engine], choice: &Choice) {
        let reading = Reading::of(source, &|kind, name| common.variable(kind, name));
        let mut findings = Vec::new();
        if let Some(known) = reading.known() {
            let (found, failed) = examine(engines, &known, choice);
            findings.extend(found);
            self.failures.extend(failed);
            self.streams.extend(pipeline::streams(known.spec, known.graph, &scope(known.spec)));
        }
        self.broken |= !reading.problems.is_empty();
        findings.extend(reading.problems.into_iter().map(|problem| Finding::mistake(problem, &source.name)));
        sort(&mut findings);
        self.findings.append(&mut findings);
    }

    fn policy(&mut self, source: &Source, engines: &mut [Engine], choice: &Choice) {
        let judged = file::judge(source, None, &self.streams, Catalog::builtin());
        let (mut findings, failed) = examine_policy(engines, &judged, choice);
        self.failures.extend(failed);
        self.broken |= !judged.problems.is_empty();
        findings.extend(judged.problems.into_iter().map(|problem| Finding::mistake(problem, &source.name)));
        sort(&mut findings);
        self.findings.append(&mut findings);
    }

    fn exit(&self, args: &Args) -> Exit {
        let least = match args.fail_on {
            Threshold::Error => Severity::Error,
            Threshold::Warning => Severity::Warning,
            Threshold::Note => Severity::Note,
        };
        let counts = |finding: &Finding| finding.silenced.is_none() && finding.about.concern != Concern::Spec && finding.severity >= least;
        if !self.failures.is_empty() {
            Exit::PolicyFailed
        } else if self.broken {
            Exit::Unusable
        } else if !args.exit_zero && self.findings.iter().any(counts) {
            Exit::Found
        } else {
            Exit::Success
        }
    }
}

/// Writes every form. Failures of policies also go to standard error, whatever the form.
fn tell(told: &Told, targets: &[Target], out: &Out) -> Result<(), Failure> {
    for Target { form, file } in targets {
        let color = file.is_none() && out.color();
        let text = match form {
            Form::Human => human::render(told, color, out.width()),
            Form::Json => json::render(told),
            Form::Sarif => sarif::render(told),
            Form::Junit => junit::render(told),
            Form::Github => github::render(told),
            Form::Markdown => markdown::render(told),
        };
        match file {
            Some(file) => files::write(file, &text)?,
            None => out.text(&text),
        }
    }
    for failure in told.failures {
        out.complain(&format!("a policy failed: {failure}"), None);
    }
    Ok(())
}
