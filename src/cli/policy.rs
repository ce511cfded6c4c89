use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::lint::{Folder, with_room};
use super::{Exit, Failure, Out, files};
use crate::lint::builtin;
use crate::lint::cases::{Case, Cases};
use crate::lint::choice::Choice;
use crate::lint::engine::Engine;
use crate::lint::examine::{examine, examine_case};
use crate::lint::policy::PolicyFile;
use crate::lint::reading::Reading;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Run the `test_` rules and the cases of your own policies
    Test(Test),
    /// Write a rule with its cases, to begin with
    New(New),
}

#[derive(clap::Args)]
struct Test {
    /// The folder of policies
    #[arg(default_value = "policies")]
    dir: PathBuf,
    /// Show which lines of the policies were run
    #[arg(long)]
    coverage: bool,
}

#[derive(clap::Args)]
struct New {
    /// The rule's id: lower-case letters, digits and dashes
    id: String,
    /// The folder of policies
    #[arg(long, default_value = "policies", value_name = "DIR")]
    policies: PathBuf,
}

pub fn run(args: Args, out: &Out) -> Result<Exit, Failure> {
    match args.what {
        What::Test(test) => run_tests(&test, out),
        What::New(new) => write(&new, out),
    }
}

fn run_tests(test: &Test, out: &Out) -> Result<Exit, Failure> {
    let mut folder = Folder::read(&test.dir)?;
    if folder.files.is_empty() {
        let what = format!("no policy is in {}, so nothing was tested", test.dir.display());
        return Err(Failure::unusable(what, "name another folder, or write a rule: tidegate policy new ID"));
    }
    let taken = |file: &PolicyFile| !builtin::holds(file) && builtin::RULES.iter().any(|rule| rule.id == file.id());
    let (lines, failed) = with_room(|| {
        let mut engine = folder.engine(&taken);
        if test.coverage {
            engine.cover();
        }
        let mut report = Report::default();
        report.rules(&mut engine);
        for (id, file, cases) in &folder.cases {
            report.cases(&mut engine, id, file, cases);
        }
        if test.coverage {
            report.coverage(&engine);
        }
        report.lines.push(format!("{} passed, {} failed", report.passed, report.failed));
        (report.lines, report.failed)
    });
    lines.iter().for_each(|line| out.line(line));
    for failure in &folder.failures {
        out.complain(&format!("a policy failed: {failure}"), None);
    }
    Ok(match (folder.failures.is_empty(), failed) {
        (false, _) => Exit::PolicyFailed,
        (true, 0) => Exit::Success,
        (true, _) => Exit::Found,
    })
}

#[derive(Default)]
struct Report {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
}

impl Report {
    fn tell(&mut self, what: &str, wrong: Option<String>) {
        match wrong {
            None => {
                self.passed += 1;
                self.lines.push(format!("pass  {what}"));
            }
            Some(wrong) => {
                self.failed += 1;
                self.lines.push(format!("FAIL  {what}: {wrong}"));
            }
        }
    }

    fn rules(&mut self, engine: &mut Engine) {
        for nth in 0..engine.policies.len() {
            let policy = engine.policies[nth].clone();
            for test in &policy.tests {
                let wrong = match engine.holds(nth, test) {
                    Ok(true) => None,
                    Ok(false) => Some("it does not hold".to_owned()),
                    Err(failure) => Some(failure.to_string()),
                };
                self.tell(&format!("{} {test}", policy.source.name), wrong);
            }
        }
    }

    fn cases(&mut self, engine: &mut Engine, id: &str, file: &str, cases: &Cases) {
        for (cases, is_bad) in [(&cases.bad, true), (&cases.good, false)] {
            for case in cases {
                let word = if is_bad { "bad" } else { "good" };
                let wrong = judge(engine, id, case, is_bad);
                self.tell(&format!("{file} {word}: {}", case.name), wrong);
            }
        }
    }

    fn coverage(&mut self, engine: &Engine) {
        let files = match engine.coverage() {
            Ok(files) => files,
            Err(failure) => return self.lines.push(failure.to_string()),
        };
        for (file, run, not_run) in files {
            let all = run.len() + not_run.len();
            let share = (run.len() * 100).checked_div(all).unwrap_or(100);
            let missing = not_run.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let missing = if missing.is_empty() { String::new() } else { format!(", not lines {missing}") };
            self.lines.push(format!("{share:>4} %  {file}{missing}"));
        }
    }
}

/// What is wrong with a case; nothing if the rule does as the case says.
fn judge(engine: &mut Engine, id: &str, case: &Case, is_bad: bool) -> Option<String> {
    if !engine.policies.iter().any(|policy| policy.abouts().iter().any(|about| about.is_called(id))) {
        return Some(format!("there is no rule `{id}`; the file of a rule's cases is ID.cases.yaml"));
    }
    let choice = Choice { select: vec![id.to_owned()], ..Choice::default() };
    let engines = std::slice::from_mut(engine);
    let (found, failures) = match &case.policy {
        Some(policy) => match examine_case(engines, case, policy, &choice) {
            Ok(examined) => examined,
            Err(problem) => return Some(format!("the spec is not valid: {}", problem.message)),
        },
        None => {
            let source = case.source(id)?;
            let reading = Reading::of(&source, &Case::variable);
            let Some(known) = reading.known() else {
                let problem = reading.problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                return Some(format!("the spec is not valid: {problem}"));
            };
            examine(engines, &known, &choice)
        }
    };
    if let Some(failure) = failures.first() {
        return Some(failure.to_string());
    }
    let places: Vec<String> = found.iter().map(|finding| finding.path.to_string()).collect();
    match (is_bad, found.first()) {
        (true, None) => Some("nothing is found".to_owned()),
        (false, Some(finding)) => Some(format!("found: {}", finding.message)),
        _ if is_bad && case.at.as_ref().is_some_and(|at| !places.contains(at)) => {
            Some(format!("found at {}, not at {}", places.join(", "), case.at.as_deref().unwrap_or_default()))
        }
        _ => None,
    }
}

const REGO: &str = include_str!("policy/new.rego");
const CASES: &str = include_str!("policy/new.cases.yaml");

fn write(new: &New, out: &Out) -> Result<Exit, Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !new.id.starts_with(|c: char| c.is_ascii_lowercase()) || !new.id.chars().all(fits) {
        let help = "use lower-case letters, digits and dashes, for example streams-need-an-owner";
        return Err(Failure::unusable(format!("`{}` is no id", new.id), help));
    }
    if builtin::RULES.iter().any(|rule| rule.id == new.id) {
        return Err(Failure::unusable(format!("`{}` is the id of a built-in rule", new.id), "choose another id"));
    }
    let made = [(format!("{}.rego", new.id), REGO), (format!("{}.cases.yaml", new.id), CASES)];
    let paths: Vec<(PathBuf, &str)> = made.into_iter().map(|(name, text)| (new.policies.join(name), text)).collect();
    if let Some((path, _)) = paths.iter().find(|(path, _)| path.exists()) {
        let what = format!("{} exists, and nothing is overwritten", path.display());
        return Err(Failure::unusable(what, "choose another id"));
    }
    std::fs::create_dir_all(&new.policies).map_err(|error| {
        Failure::unusable(format!("making {}: {error}", new.policies.display()), "name another folder with --policies")
    })?;
    for (path, text) in &paths {
        files::publish(path, &text.replace("PACKAGE", &new.id.replace('-', "_")))?;
        out.line(&format!("Wrote {}.", path.display()));
    }
    out.line(format!("Next: tidegate policy test {}", shown(&new.policies)).trim_end());
    Ok(Exit::Success)
}

fn shown(folder: &Path) -> String {
    if folder == Path::new("policies") { String::new() } else { folder.display().to_string() }
}
