mod gather;
mod judge;
mod mend;
mod policies;
mod revision;
mod setup;
mod telling;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::{Common, Exit, Failure, Out, outputs};
use crate::lint::baseline::Baseline;
use crate::lint::rule::{About, Concern, Persona, Severity};
use crate::lint::verdict::Fix;
use crate::report::lint::Told;
use crate::spec::Source;

use gather::Gathered;
pub use judge::with_room;
use judge::{Judge, Judged, judge_all};
pub use policies::Folder;
use setup::Setup;
use telling::Target;

#[derive(clap::Args)]
#[command(after_help = EXITS)]
pub struct Args {
    /// Spec files, folders of them, IAM policies (`*.json`), or - for standard input [default: `paths` of tidegate.toml,
    /// else tidegate.yaml]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to tell it, and where: `human`, `json`, `sarif`, `junit`, `github` or `markdown`, each with an optional
    /// `=FILE`; repeatable
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "human")]
    format: Vec<Target>,
    /// Exit with 1 for findings of this severity or worse [default: warning]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Threshold>,
    /// Only these rules, by id, concern or another tool's id; repeatable, or separated by commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these rules; repeatable, or separated by commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// How much to tell: each includes those before it [default: regular]
    #[arg(long, value_enum)]
    persona: Option<Who>,
    /// The folder of your own policies [default: policies, if it is there]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Settings of the team [default: tidegate.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Tell what comments silence as well, and let it count
    #[arg(long)]
    no_suppressions: bool,
    /// Tell only what this file does not know
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is found into a baseline, and tell nothing of it from then on
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    write_baseline: Option<PathBuf>,
    /// Tell only what was not there where this branch left a revision of git, such as `origin/main`
    #[arg(long, value_name = "REF")]
    since: Option<String>,
    /// Mend what can be mended: `safe` leaves what runs as it is and costs at most a few dollars a month, `unsafe` may
    /// change more. Of standard input the mended text goes to standard output, and reports without a file go to standard
    /// error
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "safe", require_equals = true, value_name = "HOW")]
    fix: Option<How>,
    /// Show what --fix would write, and write nothing
    #[arg(long)]
    diff: bool,
    /// List the rules that --select, --ignore and --persona leave, with `--format json` all that is known of them
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

impl Who {
    fn persona(self) -> Persona {
        match self {
            Self::Regular => Persona::Regular,
            Self::Pedantic => Persona::Pedantic,
            Self::Auditor => Persona::Auditor,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    Safe,
    Unsafe,
}

pub fn run(common: &Common, args: Args, out: &Out) -> Result<Exit, Failure> {
    let setup = Setup::of(&args, common)?;
    let asks = args.list_rules || args.explain.is_some();
    let told = if asks { about_rules(&setup, &args, out) } else { lint(&setup, common, &args, out) };
    match told {
        // Whatever else went wrong, a policy that failed counts for more.
        Err(failure) if !setup.failures.is_empty() => {
            telling::complain(&setup.failures, out);
            failure.tell(out);
            Ok(Exit::PolicyFailed)
        }
        // To others a 1 says that something was found.
        Err(Failure::Other(error)) => {
            Err(Failure::unusable(format!("{error:#}"), "name another file, or make room and rights for this one"))
        }
        told => told,
    }
}

fn about_rules(setup: &Setup, args: &Args, out: &Out) -> Result<Exit, Failure> {
    let for_programs = args.format.iter().any(Target::is_json);
    out.text(&match &args.explain {
        Some(name) => setup.explain(name, for_programs)?,
        None => setup.list(args, for_programs)?,
    });
    telling::complain(&setup.failures, out);
    Ok(if setup.failures.is_empty() { Exit::Success } else { Exit::PolicyFailed })
}

fn lint(setup: &Setup, common: &Common, args: &Args, out: &Out) -> Result<Exit, Failure> {
    setup.check_names()?;
    let Gathered { mut sources, beside, values, mistakes } = Gathered::of(setup, common, args, out)?;
    spare(setup, common, args, sources.iter().chain(&beside))?;
    let aside = args.fix.is_some() && sources.iter().any(is_stdin);
    if !args.diff {
        let targets = args.format.clone();
        watch::told_by(move |failure| telling::tell_the_end(failure, &targets, aside));
    }
    if args.fix.is_some() || args.diff {
        let also_unsafe = args.fix == Some(How::Unsafe);
        with_room(|| mend::run(&mut Judge::new(setup, &values), &mut sources, also_unsafe, args.diff, out))?;
    }
    let mut judged = judge_all(setup, &values, &sources);
    judged.broken |= !mistakes.is_empty();
    judged.findings.extend(mistakes);
    if args.diff {
        // The difference is all there is on standard output, so that `git apply` can read it.
        let mistakes = judged.findings.iter().filter(|finding| finding.about.concern == Concern::Spec);
        mistakes.for_each(|mistake| out.complain(&format!("{}: {}", mistake.file, mistake.message), None));
        telling::complain(&judged.failures, out);
        judged.findings.clear();
        return Ok(exit(&judged, args, setup));
    }
    // What was tried in vain, such as in a block that others repeat, is not promised again.
    judged.findings.iter_mut().for_each(|finding| finding.fix = finding.fix.take().filter(|fix| !tried(fix, args.fix)));
    if let Some(revision) = &args.since {
        let earlier = revision::texts_at(revision, &sources)?;
        // Each file as it was, by the rules of today.
        let known = Baseline::of(&judge_all(setup, &values, &earlier).findings);
        // Files that were renamed have their new names already, so each is compared with itself.
        known.apply(&mut judged.findings, &format!("there in {revision} already"), &|_| true);
    }
    sources.extend(beside);
    if let Some(file) = args.baseline.as_ref().or(setup.config.baseline.as_ref()) {
        let is_there = |file: &str| std::path::Path::new(file).exists();
        setup::baseline(file)?.apply(&mut judged.findings, "known in the baseline", &is_there);
    }
    tell_prices(&judged, common, args, out);
    let mut written = Ok(());
    if let Some(file) = &args.write_baseline {
        let known = Baseline::of(&judged.findings);
        written = super::files::publish(file, &known.text());
        if written.is_ok() {
            out.error(&format!("Wrote {}. From now on: tidegate lint --baseline {}", file.display(), file.display()));
            known.apply(&mut judged.findings, "known in the baseline", &|_| true);
        }
    }
    let asked: Vec<Arc<About>> = setup.rules.iter().filter(|about| setup.choice.takes(about)).cloned().collect();
    let told = Told::new(&judged.findings, &judged.failures, &sources, &asked, args.no_suppressions);
    let exit = exit(&judged, args, setup);
    match telling::tell(&told, &args.format, aside, out).and(written.map_err(Failure::from)) {
        Err(Failure::Other(error)) if exit == Exit::PolicyFailed => {
            out.complain(&format!("{error:#}"), None);
            Ok(exit)
        }
        told => told.map(|()| exit),
    }
}

/// Says whose prices the dollars of findings are.
fn tell_prices(judged: &Judged, common: &Common, args: &Args, out: &Out) {
    let open = judged.findings.iter().filter(|finding| finding.counts(args.no_suppressions));
    if open.into_iter().any(|finding| finding.message.contains("dollars")) && common.prices.is_none() {
        out.note("dollars are at the prices of us-east-1; --prices FILE takes those of another region");
    }
}

fn is_stdin(source: &Source) -> bool {
    &*source.name == "<stdin>"
}

/// Refuses to write to a file that is read. A baseline may be written over the one that is asked: that is how it is renewed.
fn spare<'a>(
    setup: &Setup,
    common: &Common,
    args: &Args,
    sources: impl Iterator<Item = &'a Source>,
) -> Result<(), Failure> {
    let outputs = args.format.iter().filter_map(Target::output);
    let written = args.write_baseline.as_deref().map(|file| ("--write-baseline", file));
    let outputs: Vec<_> = outputs.chain(written).collect();
    let mut inputs: Vec<PathBuf> = sources.map(|source| (&*source.name).into()).collect();
    inputs.extend(setup.files.iter().chain(&common.var_files).cloned());
    let asked = args.baseline.as_ref().or(setup.config.baseline.as_ref());
    let clash = outputs::clash(&outputs, &inputs).or_else(|| {
        let asked: Vec<PathBuf> = asked.into_iter().cloned().collect();
        outputs::clash(&outputs[..outputs.len() - usize::from(written.is_some())], &asked)
    });
    clash.map_or(Ok(()), |what| Err(Failure::unusable(what, outputs::HELP)))
}

/// Whether `--fix` has tried it.
fn tried(fix: &Fix, asked: Option<How>) -> bool {
    asked.is_some_and(|how| fix.safe || how == How::Unsafe)
}

fn exit(judged: &Judged, args: &Args, setup: &Setup) -> Exit {
    let least = match args.fail_on {
        Some(Threshold::Error) => Severity::Error,
        Some(Threshold::Warning) => Severity::Warning,
        Some(Threshold::Note) => Severity::Note,
        None => setup.config.fail_on.unwrap_or(Severity::Warning),
    };
    let counts = |finding: &&crate::lint::finding::Finding| {
        finding.counts(args.no_suppressions) && finding.about.concern != Concern::Spec && finding.severity >= least
    };
    if !judged.failures.is_empty() {
        Exit::PolicyFailed
    } else if judged.broken {
        Exit::Unusable
    } else if !args.exit_zero && judged.findings.iter().any(|finding| counts(&finding)) {
        Exit::Found
    } else {
        Exit::Success
    }
}
