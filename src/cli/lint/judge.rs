//! Files are judged: specs on as many threads as there are processors, then the policies beside them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::session::variable_of;
use super::super::text;
use super::setup::Setup;
use crate::lint::engine::Engine;
use crate::lint::examine::{examine, examine_policy, sort};
use crate::lint::facts::Known;
use crate::lint::finding::Finding;
use crate::lint::iam;
use crate::lint::iam::catalog::Catalog;
use crate::lint::iam::need::Stream;
use crate::lint::policy::PolicyFailure;
use crate::lint::reading::{Reading, scope};
use crate::lint::suppress::{self, Law};
use crate::spec::{Source, VarKind};

/// The engine recurses as deep as policies do; the main thread's stack is somebody else's choice.
const STACK: usize = 64 << 20;
/// Files below which threads cost more than they save.
const FEW: usize = 16;

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
    values: &'a BTreeMap<String, String>,
    engines: Vec<Engine>,
    beside: bool,
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

/// Judges all files. `values`: what variables stand for. The result is in the order of the files, specs first.
pub fn judge_all(setup: &Setup, values: &BTreeMap<String, String>, sources: &[Source]) -> Judged {
    let (policies, specs): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|source| is_policy(source));
    let mut all = judge_specs(setup, values, &specs, !policies.is_empty());
    if !policies.is_empty() {
        let streams = std::mem::take(&mut all.streams);
        let judged = with_room(|| {
            let mut judge = Judge::new(setup, values);
            policies.iter().map(|source| judge.policy(source, &streams)).collect::<Vec<_>>()
        });
        judged.into_iter().for_each(|one| all.add(one));
    }
    all.failures.sort();
    // A policy that fails fails for every file; once is enough.
    all.failures.dedup_by(|a, b| (&a.file, a.line, &a.message) == (&b.file, b.line, &b.message));
    all
}

/// `beside`: whether policy files stand beside the specs, which are judged by their streams.
fn judge_specs(setup: &Setup, values: &BTreeMap<String, String>, sources: &[&Source], beside: bool) -> Judged {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if sources.len() < FEW { 1 } else { processors.min(16) };
    // Whoever is ready takes the next file: files differ, and processors have other work as well.
    let next = AtomicUsize::new(0);
    let judge_some = || {
        with_room(|| {
            let mut judge = Judge { beside, ..Judge::new(setup, values) };
            let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|nth| *nth < sources.len());
            std::iter::from_fn(take).map(|nth| (nth, judge.file(sources[nth]))).collect::<Vec<_>>()
        })
    };
    let mut judged: Vec<(usize, Judged)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(judge_some)).collect();
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    });
    judged.sort_unstable_by_key(|(nth, _)| *nth);
    let mut all = Judged { failures: setup.failures.clone(), ..Judged::default() };
    judged.into_iter().for_each(|(_, one)| all.add(one));
    all
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

/// Everything that the other commands say of a spec, as far as that can be known without a cloud.
fn reading(source: &Source, variable: &dyn Fn(VarKind, &str) -> Option<String>) -> Reading {
    let (read, mut problems) = text::read(source, variable);
    match read {
        Some((spec, document)) if problems.is_empty() => Reading::derived(document, spec),
        Some((spec, document)) => {
            text::look_further(&spec, &document, None, &mut problems);
            Reading { known: None, problems }
        }
        None => Reading { known: None, problems },
    }
}

impl<'a> Judge<'a> {
    pub fn new(setup: &'a Setup, values: &'a BTreeMap<String, String>) -> Self {
        Self { setup, values, engines: setup.engines.clone(), beside: false }
    }

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
        let (setup, values) = (self.setup, self.values);
        let reading = reading(source, &|kind, name| variable_of(values, kind, name));
        let mut judged = Judged { broken: !reading.problems.is_empty(), ..Judged::default() };
        if let Some(known) = reading.known() {
            let known = Known { prices: setup.prices.clone(), ..known };
            let (mut findings, failures) = examine(&mut self.engines, &known, &setup.choice);
            setup.weigh(&mut findings);
            if self.beside {
                judged.streams = iam::pipeline::streams(known.spec, known.graph, &scope(known.spec));
            }
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
