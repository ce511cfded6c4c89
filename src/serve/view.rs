use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use super::Pulse;
use crate::apply::Stop;
use crate::control::{Fleet, Report, Series};
use crate::report::metrics::{self, Process};

/// What the port shows of a running controller.
pub struct View {
    fleet: Arc<Mutex<Fleet>>,
    pub pulse: Arc<Pulse>,
    pub stop: Stop,
    newest: Mutex<Rendered>,
}

/// The newest report and what was made of it; it is made anew after a tick or a look for drift.
#[derive(Default)]
struct Rendered {
    of: Option<Mark>,
    report: Arc<Report>,
    full: Option<Bytes>,
    brief: Option<Bytes>,
    metrics: Option<Bytes>,
}

/// A tick, and the newest look for drift.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark(u64, Option<i64>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    pub fn new(fleet: Arc<Mutex<Fleet>>, pulse: Arc<Pulse>, stop: Stop) -> Self {
        Self { fleet, pulse, stop, newest: Mutex::default() }
    }

    /// The whole report as JSON.
    pub fn report(&self) -> Bytes {
        let mut newest = self.newest();
        let report = Arc::clone(&newest.report);
        newest.full.get_or_insert_with(|| json(&*report)).clone()
    }

    /// The report without its series and earlier decisions, which are most of it.
    pub fn brief(&self) -> Bytes {
        let mut newest = self.newest();
        let report = Arc::clone(&newest.report);
        newest.brief.get_or_insert_with(|| json(&shortened(&report))).clone()
    }

    /// One stream as JSON, if there is such a one.
    pub fn stream(&self, pipeline: &str, stream: &str) -> Option<Bytes> {
        let report = Arc::clone(&self.newest().report);
        report.streams.iter().find(|one| one.pipeline == pipeline && one.stream == stream).map(json)
    }

    /// The metrics in Prometheus's text format.
    pub fn metrics(&self) -> Bytes {
        let fleet = {
            let mut newest = self.newest();
            let report = Arc::clone(&newest.report);
            newest.metrics.get_or_insert_with(|| Bytes::from(metrics::fleet(&report))).clone()
        };
        let process = Process { resident_bytes: resident(), started_at: self.pulse.started_at };
        Bytes::from([&*fleet, metrics::process(&process, &self.pulse.durations()).as_bytes()].concat())
    }

    /// What is rendered of the report as it is now. Others wait meanwhile, so that nothing is rendered twice.
    fn newest(&self) -> MutexGuard<'_, Rendered> {
        let mut newest = locked(&self.newest);
        let fleet = locked(&self.fleet);
        let mark = Mark(fleet.ticks.count, fleet.drift.values().map(|drift| drift.at).max());
        if newest.of != Some(mark) {
            let report = Arc::new(fleet.report());
            drop(fleet);
            *newest = Rendered { of: Some(mark), report, ..Rendered::default() };
        }
        newest
    }
}

fn json(value: &impl serde::Serialize) -> Bytes {
    // A report is plain data: it always has a JSON form.
    Bytes::from(serde_json::to_vec(value).unwrap_or_default())
}

fn shortened(report: &Report) -> Report {
    let mut short = report.clone();
    for stream in &mut short.streams {
        stream.decisions = Vec::new();
        stream.series = Series::default();
    }
    short
}

/// Memory of this process that is in use, in bytes, where the system tells it.
fn resident() -> Option<u64> {
    memory_stats::memory_stats().and_then(|memory| u64::try_from(memory.physical_mem).ok())
}
