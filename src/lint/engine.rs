//! Rego in process. The only module that knows the engine; it guards against what the engine does not.

mod texts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::Value;
use regorus::unstable::{Expr, Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value as Json;

use super::apart::Shared;
use super::bounded;
use super::calls::{self, Around};
use super::data::Data;
use super::guard;
use super::metadata;
use super::patterns;
use super::policy::{APART, Entry, Policy, PolicyFailure, PolicyFile, Style};
use super::premise::Premise;
use super::results;
use super::rule::{About, Concern};
use super::verdict::Verdict;
use texts::{add_either, rewritten, shared};

/// How long one rule may think about one file. Rules take well under a millisecond.
pub const RULE_LIMIT: Duration = Duration::from_secs(2);
const TOO_LONG: &str = "the rule takes too long";
/// Files that are left out, one after the other, because the rest cannot be used with them.
const MOST_ATTEMPTS: usize = 20;

/// Policies, compiled. Cloning is cheap, and each thread has its own.
#[derive(Clone)]
pub struct Engine {
    inner: regorus::Engine,
    pub policies: Vec<Arc<Policy>>,
    /// Whether a policy mentions `input.resources`, which is large and made only then.
    pub reads_resources: bool,
    /// The same of `input.filled`.
    pub reads_filled: bool,
    /// Whether rules are asked whose premises say that they find nothing.
    asks_all: bool,
    /// Policies that took too long for some file: in a folder of a thousand files they would take that long for each.
    given_up: BTreeSet<usize>,
    /// The names of fields, which are the same for every file.
    fields: Fields,
    watch: Option<Watch>,
}

/// Told of each question before it is asked, as a failure at its place without a message, and of nothing after it.
pub type Watch = fn(Option<PolicyFailure>);

/// What a policy is asked about.
pub struct Subject<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// For policies of the package `tidegate`.
    pub facts: &'a Json,
    /// The YAML as it stands, for all others.
    pub document: &'a Json,
}

/// What is judged, its name, and whether a rule is asked at all.
type Question<'a> = (&'a Value, &'a str, &'a dyn Fn(&About) -> bool);

impl Engine {
    /// Reads the policies. Those that cannot be used are told, and the others still work.
    pub fn load(files: &[PolicyFile], limit: Duration) -> (Self, Vec<PolicyFailure>) {
        Self::load_with(files, &Data::default(), limit)
    }

    /// The same for policies that have data beside them.
    pub fn load_with(files: &[PolicyFile], data: &Data, limit: Duration) -> (Self, Vec<PolicyFailure>) {
        let packages: BTreeSet<&str> = files.iter().filter_map(PolicyFile::package_root).collect();
        let all = files;
        let mut files: Vec<&PolicyFile> = files.iter().collect();
        let mut failures = Vec::new();
        // Of a policy that cannot be used is told once, and not again by who uses it.
        let is_known = |name: &str| data.has(name) || packages.contains(name);
        for _ in 0..MOST_ATTEMPTS {
            let mut engine = Self::empty(limit, data);
            let shared = shared(&files);
            let mut nth = 0;
            files.retain(|file| {
                nth += 1;
                let added = engine.add(file, &shared, nth);
                added.map_err(|failure| failures.push(failure.at(file.origin.as_ref()))).is_ok()
            });
            let is_used = |file: &PolicyFile| files.iter().any(|used| std::ptr::eq(*used, file));
            let lost: BTreeSet<&str> =
                all.iter().filter(|file| !is_used(file)).filter_map(PolicyFile::package_root).collect();
            let around = Around { is_data: &is_known, is_lost: &|package| lost.contains(package) };
            let broken = engine.broken_by(data, &around);
            if broken.is_empty() {
                engine.share_exceptions();
                return (engine, failures);
            }
            // The engine takes all files or none, so those that it refuses are left out and the others are read anew.
            let before = files.len();
            for failure in broken {
                let bad = files.iter().position(|file| *file.source.name == *failure.file).map(|nth| files.remove(nth));
                failures.push(failure.at(bad.and_then(|file| file.origin.as_ref())));
            }
            if files.len() == before {
                break;
            }
        }
        (Self::empty(limit, data), failures)
    }

    fn empty(limit: Duration, data: &Data) -> Self {
        let mut inner = regorus::Engine::new();
        // OPA and conftest do not stop at a built-in function that fails.
        inner.set_strict_builtin_errors(false);
        inner.set_execution_timer_config(ExecutionTimerConfig {
            limit,
            check_interval: NonZeroU32::new(128).unwrap_or(NonZeroU32::MIN),
        });
        let bounded = bounded::add_to(&mut inner);
        debug_assert_eq!(bounded, Ok(()), "an engine that is new has no functions of ours");
        let added = inner.add_data(data.json().into());
        debug_assert!(added.is_ok(), "an engine that is new has no data");
        Self {
            inner,
            policies: Vec::new(),
            reads_resources: false,
            reads_filled: false,
            asks_all: true,
            given_up: BTreeSet::new(),
            fields: Fields::default(),
            watch: None,
        }
    }

    /// What keeps the policies from being used together, and which of them it is: of each file the first reason.
    fn broken_by(&mut self, data: &Data, around: &Around) -> Vec<PolicyFailure> {
        if let Some(policy) = self.policies.iter().find(|policy| data.holds(&policy.package)) {
            let message = format!("`{}` is a package, and stands in data.json or data.yaml as well", policy.package);
            return vec![PolicyFailure::new(&policy.source.name, 1, 1, message)];
        }
        if let Err(located) = calls::check(self.inner.get_modules(), around) {
            let failure = |(file, refusal): calls::Located| {
                PolicyFailure::new(&file, refusal.line, refusal.column, refusal.message)
            };
            return located.into_iter().map(failure).collect();
        }
        let Some(first) = self.policies.first() else { return Vec::new() };
        // The engine compiles at the first question.
        let error = self.inner.eval_query("true".into(), false).err();
        error.map(|error| PolicyFailure::told(&first.source.name, &error.to_string())).into_iter().collect()
    }

    /// In conftest the exceptions of a package hold for all of its files.
    fn share_exceptions(&mut self) {
        let lifting = self.policies.iter().filter(|policy| policy.has_exceptions);
        let lifting: BTreeSet<String> = lifting.map(|policy| policy.package.clone()).collect();
        for policy in self.policies.iter_mut().filter(|policy| lifting.contains(&policy.package)) {
            Arc::make_mut(policy).has_exceptions = true;
        }
    }

    fn add(&mut self, file: &PolicyFile, shared: &Shared, nth: usize) -> Result<(), Box<PolicyFailure>> {
        let (name, text) = (&*file.source.name, &*file.source.text);
        let refuse = |line, column, message: String| Box::new(PolicyFailure::new(name, line, column, message));
        guard::check(text).map_err(|refusal| refuse(refusal.line, refusal.column, refusal.message))?;
        self.reads_resources |= text.contains("input.resources");
        self.reads_filled |= text.contains("input.filled");
        let written_out = metadata::written_out(text);
        let readable = written_out.as_deref().unwrap_or(text);
        let rewritten = rewritten(name, readable, shared, nth);
        add_either(&mut self.inner, name, rewritten.as_deref().unwrap_or(readable))
            .map_err(|error| Box::new(PolicyFailure::told(name, &error)))?;
        let Some(module) = self.inner.get_modules().last() else { return Ok(()) };
        patterns::check(module).map_err(|refusal| refuse(refusal.line, refusal.column, refusal.message))?;
        let package = format!("data.{}", module.package.refr.span().text());
        let mut heads: Vec<&str> = module.policy.iter().filter_map(|rule| head(rule)).collect();
        heads.sort_unstable();
        heads.dedup();
        let mut entries: Vec<Entry> = heads.iter().filter_map(|name| Entry::of(&package, name)).collect();
        for entry in &mut entries {
            let first = module.policy.iter().find(|rule| head(rule) == Some(&entry.head));
            entry.line = first.map_or(1, |rule| rule.span().line as usize);
        }
        let style = match package.split('.').nth(1) {
            Some("tidegate") => Style::Facts,
            _ => Style::Document,
        };
        let about = metadata::described(file, style, &mut entries).map_err(|bad| refuse(bad.line, 1, bad.message))?;
        // Of a name that files share each is asked for its own part, and not for what all have in common.
        let is_common = |entry: &Entry| heads.iter().any(|head| head.starts_with(&format!("{}{APART}", entry.head)));
        entries.retain(|entry| !is_common(entry));
        // What several files define together belongs to the first: each is asked once.
        entries
            .retain(|entry| !self.policies.iter().any(|other| other.entries.iter().any(|one| one.path == entry.path)));
        let premises = entries.iter().map(|entry| Premise::of(module, &entry.head)).collect();
        self.policies.push(Arc::new(Policy {
            about: Arc::new(about),
            source: file.source.clone(),
            origin: file.origin.clone(),
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

    /// Has somebody told who has a clock and can notice what never comes back.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Asks every policy that is chosen about one file, but for those that took too long for an earlier one.
    pub fn judge(&mut self, subject: &Subject, chosen: &dyn Fn(&About) -> bool) -> (Vec<Verdict>, Vec<PolicyFailure>) {
        let (mut verdicts, mut failures) = (Vec::new(), Vec::new());
        for (style, input) in [(Style::Facts, subject.facts), (Style::Document, subject.document)] {
            let policies: Vec<usize> = (0..self.policies.len())
                .filter(|nth| self.policies[*nth].style == style && is_asked(&self.policies[*nth], chosen))
                .filter(|nth| !self.given_up.contains(nth))
                .collect();
            if policies.is_empty() {
                continue;
            }
            let input = self.fields.value(input);
            self.inner.set_input(input.clone());
            for nth in policies {
                let policy = Arc::clone(&self.policies[nth]);
                if let Err(failure) = self.ask(nth, &policy, (&input, subject.file, chosen), &mut verdicts) {
                    let mut failure = failure.at(policy.origin.as_ref());
                    if failure.message.contains(TOO_LONG) {
                        self.given_up.insert(nth);
                    }
                    failure.judging = subject.file.to_owned();
                    failures.push(failure);
                }
            }
        }
        (verdicts, failures)
    }

    fn ask(
        &mut self,
        nth: usize,
        policy: &Policy,
        (input, judging, chosen): Question<'_>,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), Box<PolicyFailure>> {
        let file = &*policy.source.name;
        let place = |line| PolicyFailure {
            judging: judging.to_owned(),
            ..PolicyFailure::new(file, line, 1, "").at(policy.origin.as_ref())
        };
        let lifted = if policy.has_exceptions { self.exceptions(place(1), policy)? } else { Vec::new() };
        for (entry, premise) in policy.entries.iter().zip(&policy.premises) {
            let silent = !self.asks_all && premise.as_ref().is_some_and(|premise| !premise.may_hold(input));
            let is_rule = policy.style == Style::Document;
            if silent || lifted.contains(&entry.suffix) || (is_rule && !chosen(&policy.about_of(&entry.suffix))) {
                continue;
            }
            let own = policy.about_of(&entry.suffix).severity;
            let severity = entry.at_most.map_or(own, |most| most.min(own));
            let results = self.results(place(entry.line), file, &entry.path).map_err(|mut failure| {
                // What takes too long has no place of its own.
                if (failure.line, failure.column) == (1, 1) {
                    failure.line = entry.line;
                }
                failure
            })?;
            for result in results {
                let verdict = Verdict::read(nth, severity, &entry.suffix, &result);
                let wrong =
                    |message| Box::new(PolicyFailure::new(file, entry.line, 1, format!("`{}`: {message}", entry.name)));
                verdicts.push(verdict.map_err(wrong)?);
            }
        }
        Ok(())
    }

    /// The suffixes that an `exception` lifts, as in conftest: lists of names.
    fn exceptions(&mut self, place: PolicyFailure, policy: &Policy) -> Result<Vec<String>, Box<PolicyFailure>> {
        let found = self.results(place, &policy.source.name, &format!("{}.exception", policy.package))?;
        let names = found.into_iter().flat_map(|names| match names {
            Json::Array(names) => names,
            one => vec![one],
        });
        Ok(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// What a rule finds. Whoever watches does so until it is read: a small value can be a large one when it is written out.
    fn results(&mut self, place: PolicyFailure, file: &str, rule: &str) -> Result<Vec<Json>, Box<PolicyFailure>> {
        let read = self.watched(place, |engine| results::read(&engine.eval(rule.into())?));
        read.map_err(|error| Box::new(PolicyFailure::told(file, &error)))
    }

    fn eval(&mut self, rule: String) -> Result<Value, String> {
        self.inner.eval_rule(rule).map_err(|error| explain(&error))
    }

    fn watched<T>(&mut self, place: PolicyFailure, ask: impl FnOnce(&mut Self) -> T) -> T {
        let Some(watch) = self.watch else { return ask(self) };
        watch(Some(place));
        let told = ask(self);
        watch(None);
        told
    }

    /// Runs a rule of a policy, such as a `test_` rule: whether it holds.
    ///
    /// # Errors
    /// The rule fails or takes too long.
    pub fn holds(&mut self, nth: usize, rule: &str) -> Result<bool, PolicyFailure> {
        let policy = &self.policies[nth];
        let (file, path) = (Arc::clone(&policy.source.name), format!("{}.{rule}", policy.package));
        let origin = policy.origin.clone();
        let place = PolicyFailure::new(&file, 1, 1, "").at(origin.as_ref());
        match self.watched(place, |engine| engine.eval(path)) {
            Ok(value) => Ok(value == Value::Bool(true)),
            Err(error) => Err(PolicyFailure::told(&file, &error).at(origin.as_ref())),
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
        // Lines that we have added, and files that we have made, are nobody's.
        let written = report.files.iter().filter_map(|file| {
            let policy = self.policies.iter().find(|policy| *policy.source.name == *file.path)?;
            Some((file, policy.source.text.lines().count())).filter(|_| policy.origin.is_none())
        });
        let lines =
            |set: &BTreeSet<u32>, last: usize| set.iter().copied().filter(|line| *line as usize <= last).collect();
        Ok(written
            .map(|(file, last)| (file.path.clone(), lines(&file.covered, last), lines(&file.not_covered, last)))
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

/// Whether a policy is to be asked, or some part of it.
fn is_asked(policy: &Policy, chosen: &dyn Fn(&About) -> bool) -> bool {
    match policy.style {
        Style::Facts => chosen(&policy.about),
        Style::Document => policy.abouts().iter().any(|about| chosen(about)),
    }
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
    if let Some((before, _)) = text.split_once("recursion detected when evaluating rule") {
        return format!("{before}the rule needs its own result");
    }
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
