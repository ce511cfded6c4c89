//! Rego in process. The only module that knows the engine; it guards against what the engine does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::Value;
use regorus::unstable::{Expr, Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value as Json;

use super::calls;
use super::guard;
use super::metadata;
use super::patterns;
use super::policy::{Entry, Policy, PolicyFailure, PolicyFile, Style};
use super::premise::Premise;
use super::rule::{About, Concern, Severity};
use super::verdict::Verdict;
use super::walks;

/// How long one rule may think about one file. Rules take well under a millisecond.
pub const RULE_LIMIT: Duration = Duration::from_secs(2);
const TOO_LONG: &str = "the rule takes too long";
/// Results of one rule for one file; more is a rule gone wild.
const MAX_RESULTS: usize = 10_000;

/// Policies, compiled. Cloning is cheap, and each thread has its own.
#[derive(Clone)]
pub struct Engine {
    inner: regorus::Engine,
    pub policies: Vec<Arc<Policy>>,
    /// Whether a policy mentions `input.resources`, which is large and made only then.
    pub reads_resources: bool,
    /// Whether rules are asked whose premises say that they find nothing.
    asks_all: bool,
    /// Policies that took too long for some file: in a folder of a thousand files they would take that long for each.
    given_up: BTreeSet<usize>,
    /// The names of fields, which are the same for every file.
    fields: Fields,
}

/// What a policy is asked about.
pub struct Subject<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// For policies of the package `tidegate`.
    pub facts: &'a Json,
    /// The YAML as it stands, for all others.
    pub document: &'a Json,
}

impl Engine {
    /// Reads the policies. Those that cannot be used are told, and the others still work.
    pub fn load(files: &[PolicyFile], limit: Duration) -> (Self, Vec<PolicyFailure>) {
        let mut inner = regorus::Engine::new();
        // OPA and conftest do not stop at a built-in function that fails.
        inner.set_strict_builtin_errors(false);
        inner.set_execution_timer_config(ExecutionTimerConfig {
            limit,
            check_interval: NonZeroU32::new(128).unwrap_or(NonZeroU32::MIN),
        });
        let mut engine = Self {
            inner,
            policies: Vec::new(),
            reads_resources: false,
            asks_all: true,
            given_up: BTreeSet::new(),
            fields: Fields::default(),
        };
        let mut failures: Vec<PolicyFailure> =
            files.iter().filter_map(|file| engine.add(file).err()).map(|failure| *failure).collect();
        if let Err(located) = calls::check(engine.inner.get_modules()) {
            let (file, refusal) = *located;
            failures.push(PolicyFailure::new(&file, refusal.line, refusal.column, refusal.message));
            engine.policies.clear();
        } else if !engine.policies.is_empty()
            // The engine compiles at the first question.
            && let Err(error) = engine.inner.eval_query("true".into(), false)
        {
            failures.push(PolicyFailure::told(&engine.policies[0].source.name, &error.to_string()));
            engine.policies.clear();
        }
        (engine, failures)
    }

    fn add(&mut self, file: &PolicyFile) -> Result<(), Box<PolicyFailure>> {
        let (name, text) = (&*file.source.name, &*file.source.text);
        let refuse = |line, column, message: String| Box::new(PolicyFailure::new(name, line, column, message));
        guard::check(text).map_err(|refusal| refuse(refusal.line, refusal.column, refusal.message))?;
        let about = metadata::read(file.id(), file.concern, text).map_err(|bad| refuse(bad.line, 1, bad.message))?;
        self.reads_resources |= text.contains("input.resources");
        let rewritten = text.contains("walk(").then(|| rewritten(name, text)).flatten();
        add_either(&mut self.inner, name, rewritten.as_deref().unwrap_or(text))
            .map_err(|error| Box::new(PolicyFailure::told(name, &error)))?;
        let Some(module) = self.inner.get_modules().last() else { return Ok(()) };
        patterns::check(module).map_err(|refusal| refuse(refusal.line, refusal.column, refusal.message))?;
        let package = format!("data.{}", module.package.refr.span().text());
        let mut heads: Vec<&str> = module.policy.iter().filter_map(|rule| head(rule)).collect();
        heads.sort_unstable();
        heads.dedup();
        let mut entries: Vec<Entry> = heads.iter().filter_map(|name| Entry::of(&package, name)).collect();
        for entry in &mut entries {
            let first = module.policy.iter().find(|rule| head(rule) == Some(&entry.name));
            entry.line = first.map_or(1, |rule| rule.span().line as usize);
        }
        // Several files of one package share its rules: each is asked once.
        entries
            .retain(|entry| !self.policies.iter().any(|other| other.entries.iter().any(|one| one.path == entry.path)));
        let premises = entries.iter().map(|entry| Premise::of(module, &entry.name)).collect();
        let style = match package.split('.').nth(1) {
            Some("tidegate") => Style::Facts,
            _ => Style::Document,
        };
        let nameless = || About {
            title: file.id().replace(['-', '_'], " "),
            ..About::built_in(&file.id().replace('_', "-"), file.concern, Severity::Error, "")
        };
        self.policies.push(Arc::new(Policy {
            about: Arc::new(about.unwrap_or_else(nameless)),
            source: file.source.clone(),
            style,
            package,
            entries,
            premises,
            tests: heads.iter().filter(|name| name.starts_with("test_")).map(|name| (*name).to_owned()).collect(),
            has_exceptions: heads.contains(&"exception"),
        }));
        Ok(())
    }

    /// Leaves rules unasked whose premises say that they find nothing. For rules that are known not to fail: of others
    /// a failure would go untold.
    #[must_use]
    pub fn by_premises(mut self) -> Self {
        self.asks_all = false;
        self
    }

    /// Asks every policy that is chosen about one file, but for those that took too long for an earlier one.
    pub fn judge(&mut self, subject: &Subject, chosen: &dyn Fn(&About) -> bool) -> (Vec<Verdict>, Vec<PolicyFailure>) {
        let (mut verdicts, mut failures) = (Vec::new(), Vec::new());
        for (style, input) in [(Style::Facts, subject.facts), (Style::Document, subject.document)] {
            let policies: Vec<usize> = (0..self.policies.len())
                .filter(|nth| self.policies[*nth].style == style && chosen(&self.policies[*nth].about))
                .filter(|nth| !self.given_up.contains(nth))
                .collect();
            if policies.is_empty() {
                continue;
            }
            let input = self.fields.value(input);
            self.inner.set_input(input.clone());
            for nth in policies {
                let policy = Arc::clone(&self.policies[nth]);
                if let Err(mut failure) = self.ask(nth, &policy, &input, &mut verdicts) {
                    if failure.message.contains(TOO_LONG) {
                        self.given_up.insert(nth);
                    }
                    failure.judging = subject.file.to_owned();
                    failures.push(*failure);
                }
            }
        }
        (verdicts, failures)
    }

    fn ask(
        &mut self,
        nth: usize,
        policy: &Policy,
        input: &Value,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), Box<PolicyFailure>> {
        let file = &*policy.source.name;
        let lifted = if policy.has_exceptions { self.exceptions(policy)? } else { Vec::new() };
        for (entry, premise) in policy.entries.iter().zip(&policy.premises) {
            let silent = !self.asks_all && premise.as_ref().is_some_and(|premise| !premise.may_hold(input));
            if silent || lifted.contains(&entry.suffix) {
                continue;
            }
            let severity = entry.at_most.map_or(policy.about.severity, |most| most.min(policy.about.severity));
            let results = self.results(file, &entry.path).map_err(|mut failure| {
                // What takes too long has no place of its own.
                if (failure.line, failure.column) == (1, 1) {
                    failure.line = entry.line;
                }
                failure
            })?;
            if results.len() > MAX_RESULTS {
                let message = format!("`{}` has {} results; at most {MAX_RESULTS} are read", entry.name, results.len());
                return Err(Box::new(PolicyFailure::new(file, 1, 1, message)));
            }
            for result in results {
                let verdict = Verdict::read(nth, severity, &entry.suffix, &result);
                let wrong = |message| Box::new(PolicyFailure::new(file, 1, 1, format!("`{}`: {message}", entry.name)));
                verdicts.push(verdict.map_err(wrong)?);
            }
        }
        Ok(())
    }

    /// The suffixes that an `exception` lifts, as in conftest: lists of names.
    fn exceptions(&mut self, policy: &Policy) -> Result<Vec<String>, Box<PolicyFailure>> {
        let found = self.results(&policy.source.name, &format!("{}.exception", policy.package))?;
        let names = found.into_iter().flat_map(|names| match names {
            Json::Array(names) => names,
            one => vec![one],
        });
        Ok(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// The members of a set or list; a single text or object counts as one, as in conftest.
    fn results(&mut self, file: &str, rule: &str) -> Result<Vec<Json>, Box<PolicyFailure>> {
        let failed = |error: &dyn std::fmt::Display| Box::new(PolicyFailure::told(file, &error.to_string()));
        let value = self.inner.eval_rule(rule.into()).map_err(|error| failed(&explain(&error)))?;
        let plain = |value: &Value| serde_json::to_value(value).map_err(|error| failed(&error));
        match &value {
            // Serialised, this would be the text "<undefined>", which is a finding.
            Value::Undefined | Value::Bool(false) | Value::Null => Ok(Vec::new()),
            Value::Set(items) => items.iter().map(plain).collect(),
            Value::Array(items) => items.iter().map(plain).collect(),
            other => Ok(vec![plain(other)?]),
        }
    }

    /// Runs a rule of a policy, such as a `test_` rule: whether it holds.
    ///
    /// # Errors
    /// The rule fails or takes too long.
    pub fn holds(&mut self, nth: usize, rule: &str) -> Result<bool, PolicyFailure> {
        let policy = &self.policies[nth];
        let (file, path) = (Arc::clone(&policy.source.name), format!("{}.{rule}", policy.package));
        match self.inner.eval_rule(path) {
            Ok(value) => Ok(value == Value::Bool(true)),
            Err(error) => Err(PolicyFailure::told(&file, &explain(&error))),
        }
    }

    /// Begins to note which lines are run.
    pub fn cover(&mut self) {
        self.inner.set_enable_coverage(true);
        self.inner.clear_coverage_data();
    }

    /// For each file the lines that were run and those that were not.
    ///
    /// # Errors
    /// The engine has no report.
    pub fn coverage(&self) -> Result<Vec<Covered>, PolicyFailure> {
        let report = self.inner.get_coverage_report();
        let report = report.map_err(|error| PolicyFailure::told("", &error.to_string()))?;
        let lines = |set: &std::collections::BTreeSet<u32>| set.iter().copied().collect();
        Ok(report
            .files
            .iter()
            .map(|file| (file.path.clone(), lines(&file.covered), lines(&file.not_covered)))
            .collect())
    }
}

/// Field names as the engine holds them, each made once.
#[derive(Clone, Default)]
struct Fields(HashMap<String, Value>);

/// Field names that are kept; those of streams and roles, of which there is no end, come later than our own.
const MOST_FIELDS: usize = 2_000;

impl Fields {
    /// Data as the engine holds it.
    fn value(&mut self, json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(yes) => Value::Bool(*yes),
            // Large numbers and fractions as the engine reads them.
            Json::Number(number) => number.as_i64().map_or_else(|| Value::from(json.clone()), Value::from),
            Json::String(text) => Value::from(text.as_str()),
            Json::Array(items) => Value::from(items.iter().map(|item| self.value(item)).collect::<Vec<_>>()),
            Json::Object(map) => {
                let entries = map.iter().map(|(key, member)| (self.field(key), self.value(member)));
                Value::from(entries.collect::<BTreeMap<_, _>>())
            }
        }
    }

    fn field(&mut self, name: &str) -> Value {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let made = Value::from(name);
        if self.0.len() < MOST_FIELDS {
            self.0.insert(name.to_owned(), made.clone());
        }
        made
    }
}

/// A file, its lines that were run, and those that were not.
pub type Covered = (String, Vec<u32>, Vec<u32>);

/// Adds a policy as Rego of today or, if it can be, as Rego before OPA 1.0.
fn add_either(engine: &mut regorus::Engine, name: &str, text: &str) -> Result<(), String> {
    let Err(error) = engine.add_policy(name.into(), text.into()) else { return Ok(()) };
    if !guard::may_be_older(text) {
        return Err(error.to_string());
    }
    engine.set_rego_v0(true);
    let older = engine.add_policy(name.into(), text.into());
    engine.set_rego_v0(false);
    older.map(|_| ()).map_err(|_| error.to_string())
}

/// The text with its walks as the engine wants them; nothing where there is nothing to rewrite.
fn rewritten(name: &str, text: &str) -> Option<String> {
    let mut alone = regorus::Engine::new();
    add_either(&mut alone, name, text).ok()?;
    walks::rewritten(text, alone.get_modules().last()?)
}

/// The first name of a rule's head.
fn head(rule: &Rule) -> Option<&str> {
    let mut expr = match rule {
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } => refr,
            RuleHead::Func { .. } => return None,
        },
        Rule::Default { .. } => return None,
    };
    loop {
        match &**expr {
            Expr::Var { span, .. } => return Some(span.text()),
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => expr = refr,
            _ => return None,
        }
    }
}

/// The engine's word for a time-out says nothing of what to do.
fn explain(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    if text.contains("time limit") {
        let limit = RULE_LIMIT.as_secs();
        return format!(
            "{text}\nerror: {TOO_LONG}; a rule has {limit} s for each file, and is not asked about others then"
        );
    }
    text
}

/// The concern of a policy file: the folder that it lies in.
pub fn concern_of(path: &str) -> Concern {
    let folder = path.rsplit(['/', '\\']).nth(1).unwrap_or_default();
    match folder.parse() {
        Ok(Concern::Spec) | Err(_) => Concern::Custom,
        Ok(concern) => concern,
    }
}

#[cfg(test)]
mod tests;
