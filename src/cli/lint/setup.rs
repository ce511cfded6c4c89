//! What a run of lint needs: settings, rules, engines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Common, Failure};
use super::judge::with_room;
use super::{Args, Folder, Who};
use crate::disk;
use crate::lint::baseline::Baseline;
use crate::lint::builtin;
use crate::lint::cases::Cases;
use crate::lint::choice::{Choice, nearest};
use crate::lint::config::{Config, Lint};
use crate::lint::elsewhere;
use crate::lint::engine::Engine;
use crate::lint::finding::Finding;
use crate::lint::policy::{Policy, PolicyFailure, PolicyFile};
use crate::lint::rule::{About, Persona};
use crate::lint::suppress;
use crate::model::Prices;
use crate::report::lint::rules;

/// The settings, where none are named.
const USUAL: &str = "tidegate.toml";
/// A team's settings have some hundred bytes.
const MOST_SETTINGS: u64 = 1 << 20;
/// A finding takes a line of some 200 bytes: these are 300,000.
const MOST_BASELINE: u64 = 64 << 20;

pub struct Setup {
    pub config: Lint,
    pub choice: Choice,
    pub rules: Vec<Arc<About>>,
    pub engines: Vec<Engine>,
    cases: Vec<(String, String, Cases)>,
    pub failures: Vec<PolicyFailure>,
    /// By which facts tell dollars.
    pub prices: Prices,
    /// Where the paths of the configuration begin.
    pub home: PathBuf,
    /// The settings and policies that were read.
    pub files: Vec<PathBuf>,
}

impl Setup {
    pub fn of(args: &Args, common: &Common) -> Result<Self, Failure> {
        let prices = common.price_table().map_err(|failure| match failure {
            Failure::Other(error) => {
                Failure::unusable(format!("{error:#}"), "correct that file, or leave --prices out")
            }
            other => other,
        })?;
        let (config, home) = config(args.config.as_deref())?;
        let (built_in, mut failures) = with_room(builtin::engine);
        let mut rules: Vec<Arc<About>> = built_in.policies.iter().map(|policy| Arc::clone(&policy.about)).collect();
        let mut engines = vec![built_in];
        let mut cases = Vec::new();
        let mut files = vec![args.config.clone().unwrap_or_else(|| USUAL.into())];
        let named = args.policies.clone().or_else(|| config.policies.as_ref().map(|folder| home.join(folder)));
        let usual = Some(PathBuf::from("policies")).filter(|folder| named.is_none() && folder.is_dir());
        if let Some(folder) = named.or(usual) {
            let mut folder = Folder::read(&folder)?;
            // Where Tidegate's own policies lie, they are those that are built in.
            folder.policies.retain(|file| !builtin::holds(file));
            let taken = |file: &PolicyFile| rules.iter().any(|rule| rule.id == file.id());
            let engine = with_room(|| folder.engine(&taken));
            failures.extend(clashing(&engine, &rules));
            rules.extend(engine.policies.iter().flat_map(|one| one.abouts()));
            engines.push(engine);
            failures.extend(folder.failures);
            cases = folder.cases;
            files.extend(folder.files);
        }
        rules.extend(suppress::rules().iter().cloned());
        let choice = choice(args, &config);
        Ok(Self { config, choice, rules, engines, cases, failures, prices, home, files })
    }

    /// The rules, for people or for programs: those that the arguments choose, and without any all that there are.
    pub fn list(&self, args: &Args, for_programs: bool) -> Result<String, Failure> {
        let persona = args.persona.map_or(Persona::Auditor, Who::persona);
        let choice = Choice { select: args.select.clone(), ignore: args.ignore.clone(), persona };
        let known: Vec<&About> = self.rules.iter().map(|rule| &**rule).collect();
        // Rules that failed to load are not known, and the failure is told.
        if let Some((name, _)) = choice.unknown(&known).into_iter().next().filter(|_| self.failures.is_empty()) {
            return Err(self.no_rule(name));
        }
        let chosen: Vec<&About> = known.into_iter().filter(|about| choice.takes(about)).collect();
        Ok(if for_programs { rules::json(&chosen) } else { rules::list(&chosen) })
    }

    pub fn explain(&self, name: &str, for_programs: bool) -> Result<String, Failure> {
        let found: Vec<_> = self.rules.iter().filter(|rule| rule.id == name || rule.is_known_as(name)).collect();
        if found.is_empty() {
            return match elsewhere::of(name) {
                Some(one) if !for_programs => Ok(rules::explain_elsewhere(name, one)),
                _ => Err(self.no_rule(name)),
            };
        }
        if for_programs {
            return Ok(rules::json(&found.iter().map(|rule| &***rule).collect::<Vec<_>>()));
        }
        let text = found.into_iter().map(|about| {
            let built_in = builtin::RULES.iter().find(|rule| rule.id == about.id);
            let own = self.cases.iter().find(|(id, ..)| *id == about.id).map(|(.., cases)| cases.clone());
            let cases = built_in.and_then(|rule| Cases::read(rule.cases).ok()).or(own);
            rules::explain(about, cases.as_ref())
        });
        Ok(text.collect::<Vec<_>>().join("\n"))
    }

    /// Names in the choice and in the settings that mean no rule are a mistake: the rule would go unasked or unprotected.
    pub fn check_names(&self) -> Result<(), Failure> {
        // Rules that failed to load are not known, and the failure is told.
        if !self.failures.is_empty() {
            return Ok(());
        }
        let known: Vec<&About> = self.rules.iter().map(|rule| &**rule).collect();
        let by_team = self.config.protected.iter().chain(self.config.severity.keys());
        let chosen = Choice { select: by_team.cloned().collect(), ..Choice::default() };
        match self.choice.unknown(&known).into_iter().chain(chosen.unknown(&known)).next() {
            Some((name, _)) => Err(self.no_rule(name)),
            None => Ok(()),
        }
    }

    fn no_rule(&self, name: &str) -> Failure {
        let known: Vec<&About> = self.rules.iter().map(|rule| &**rule).collect();
        let help = match (elsewhere::of(name), nearest(name, &known)) {
            (Some(one), _) => one.why.to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => "`tidegate lint --list-rules` lists them".to_owned(),
        };
        Failure::unusable(format!("there is no rule `{name}`"), help)
    }

    /// Gives findings the severities that the configuration wants.
    pub fn weigh(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Some(severity) = self.config.severity_of(&finding.about) {
                finding.severity = severity;
            }
        }
    }
}

/// Rules that give themselves the id of a built-in one: nobody could tell which was meant.
fn clashing(engine: &Engine, built_in: &[Arc<About>]) -> Vec<PolicyFailure> {
    let abouts =
        engine.policies.iter().flat_map(|policy| policy.abouts().into_iter().map(move |about| (policy, about)));
    let taken = abouts.filter(|(_, about)| built_in.iter().any(|rule| rule.id == about.id));
    let failure = |(policy, about): (&Arc<Policy>, Arc<About>)| {
        let message = format!("`{}` is the id of a built-in rule; choose another in the METADATA block", about.id);
        PolicyFailure::new(&policy.source.name, 1, 1, message).at(policy.origin.as_ref())
    };
    taken.map(failure).collect()
}

fn choice(args: &Args, config: &Lint) -> Choice {
    let or = |own: &[String], other: &[String]| if own.is_empty() { other.to_vec() } else { own.to_vec() };
    let persona = args.persona.map(Who::persona).or(config.persona);
    Choice {
        select: or(&args.select, &config.select),
        ignore: [args.ignore.as_slice(), config.ignore.as_slice()].concat(),
        persona: persona.unwrap_or_default(),
    }
}

/// The settings and the folder that their paths begin in. A file that is named must be there.
fn config(named: Option<&Path>) -> Result<(Lint, PathBuf), Failure> {
    let file = named.unwrap_or(Path::new(USUAL));
    if named.is_none() && !file.exists() {
        return Ok((Lint::default(), PathBuf::new()));
    }
    let unusable = |why: String| {
        Failure::unusable(
            format!("reading {}: {why}", file.display()),
            "correct the file, or name another with --config",
        )
    };
    let text = disk::text(file, MOST_SETTINGS).map_err(|error| unusable(error.to_string()))?;
    let config = Config::read(&text).map_err(unusable)?;
    Ok((config.lint, file.parent().map(Path::to_path_buf).unwrap_or_default()))
}

pub fn baseline(file: &Path) -> Result<Baseline, Failure> {
    let doing = || format!("reading the baseline {}", file.display());
    let text = disk::text(file, MOST_BASELINE).map_err(|error| {
        Failure::unusable(format!("{}: {error}", doing()), "write one: tidegate lint --write-baseline FILE")
    })?;
    Baseline::read(&text).map_err(|why| {
        Failure::unusable(format!("{}: {why}", doing()), "write it anew: tidegate lint --write-baseline FILE")
    })
}
