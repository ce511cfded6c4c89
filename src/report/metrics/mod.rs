//! The controller's report as Prometheus metrics. Units are seconds, bytes, ratios and, for all that is sized, shards.

mod durations;
mod stream;
mod text;

pub use durations::Durations;
pub use text::{Behaviour, Exposition};

use crate::control::Report;
use Behaviour::{Counter, Gauge};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is known of the process itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Memory that is in use, in bytes; `None` where the system does not tell.
    pub resident_bytes: Option<u64>,
    /// When it started, in seconds since 1970.
    pub started_at: i64,
}

/// All that follows from the report: the same text as long as the report is the same.
pub fn fleet(report: &Report) -> String {
    let mut into = Exposition::default();
    into.family("tidegate_build_info", Gauge, "The version of tidegate; always 1.");
    into.sample("tidegate_build_info", &[("version", &report.version)], 1.0);
    let flag = f64::from(u8::from(report.dry_run));
    into.single("tidegate_dry_run", Gauge, "1 if nothing is changed, only told.", flag);
    let every = f64::from(report.tick_seconds);
    into.single("tidegate_tick_interval_seconds", Gauge, "Time between the beginnings of two ticks.", every);
    let ticks = &report.ticks;
    if let Some(at) = ticks.last_at {
        let help = "When the newest tick ended, by the cloud's clock.";
        into.single("tidegate_last_tick_timestamp_seconds", Gauge, help, at as f64);
    }
    for (name, help, count) in [
        ("tidegate_ticks_total", "Ticks since the start.", ticks.count),
        ("tidegate_resizes_total", "Calls of UpdateShardCount that AWS accepted.", ticks.resizes),
        ("tidegate_resizes_refused_total", "Calls of UpdateShardCount that AWS refused.", ticks.refusals),
        ("tidegate_resizes_unanswered_total", "Resizes, splits and merges that AWS did not answer.", ticks.unanswered),
        ("tidegate_splits_total", "Calls of SplitShard that AWS accepted.", ticks.splits),
        ("tidegate_merges_total", "Calls of MergeShards that AWS accepted.", ticks.merges),
        (
            "tidegate_parallelizations_total",
            "Calls of UpdateEventSourceMapping that Lambda accepted.",
            ticks.parallelized,
        ),
        (
            "tidegate_shard_metrics_switches_total",
            "Calls of EnableEnhancedMonitoring and DisableEnhancedMonitoring that AWS accepted.",
            ticks.switches,
        ),
        ("tidegate_failed_reads_total", "Looks at streams and readings of metrics that failed.", ticks.failed_reads),
        (
            "tidegate_notifications_failed_total",
            "Notifications that a recipient did not take.",
            ticks.notifications_failed,
        ),
        (
            "tidegate_notifications_dropped_total",
            "Notifications that were not tried, since too many were waiting.",
            ticks.notifications_dropped,
        ),
    ] {
        into.single(name, Counter, help, count as f64);
    }
    if let Some(seconds) = ticks.latency_seconds {
        let help = "From the end of the newest minute of metrics that the newest resize was decided by to the answer to its call.";
        into.single("tidegate_decision_latency_seconds", Gauge, help, seconds as f64);
    }
    let help = "What failed for more than one stream in the newest tick.";
    into.single("tidegate_troubles", Gauge, help, report.troubles.len() as f64);
    let help = "Specs that could not be started; they are tried again.";
    into.single("tidegate_specs_left_out", Gauge, help, report.left_out.len() as f64);
    let help = "1 if the specs that were read again (SIGHUP) cannot be used, so that those read before hold.";
    into.single("tidegate_specs_outdated", Gauge, help, f64::from(u8::from(report.outdated.is_some())));
    into.single("tidegate_streams", Gauge, "Streams under control.", report.streams.len() as f64);
    stream::all(&report.streams, &mut into);
    leases(report, &mut into);
    drift(report, &mut into);
    into.finish()
}

/// What changes without a tick.
pub fn process(process: &Process, ticks: &Durations) -> String {
    let mut into = Exposition::default();
    ticks.tell(
        "tidegate_tick_duration_seconds",
        "How long a tick took: reading, deciding, writing the ledger, calling.",
        &mut into,
    );
    if let Some(bytes) = process.resident_bytes {
        let help = "Memory of this process that is in use.";
        into.single("process_resident_memory_bytes", Gauge, help, bytes as f64);
    }
    let help = "When this process started, since 1970.";
    into.single("process_start_time_seconds", Gauge, help, process.started_at as f64);
    into.finish()
}

fn leases(report: &Report, into: &mut Exposition) {
    if report.leases.is_empty() {
        return;
    }
    let name = "tidegate_lease_held";
    into.family(name, Gauge, "1 if this replica acts for the pipeline; only with a ledger that replicas share.");
    for lease in &report.leases {
        into.sample(name, &[("pipeline", &lease.pipeline)], f64::from(u8::from(lease.is_mine)));
    }
}

fn drift(report: &Report, into: &mut Exposition) {
    type Of = fn(&crate::control::DriftStatus) -> f64;
    let families: [(&str, &str, Of); 7] = [
        ("tidegate_drift_differences", "Differences that the newest look for drift found.", |drift| drift.found as f64),
        ("tidegate_drift_repaired", "Differences of these that were put right.", |drift| drift.done as f64),
        ("tidegate_drift_failed", "Differences of these whose change failed.", |drift| drift.failed as f64),
        ("tidegate_drift_left", "Differences of these that were left.", |drift| drift.left as f64),
        ("tidegate_drift_unchecked", "What could not be looked at, and is no difference.", |drift| {
            drift.unchecked as f64
        }),
        ("tidegate_drift_trouble", "1 if the look for drift itself was hindered.", |drift| {
            f64::from(u8::from(drift.trouble.is_some()))
        }),
        ("tidegate_drift_timestamp_seconds", "When the newest look for drift was.", |drift| drift.at as f64),
    ];
    for (name, help, of) in families.into_iter().filter(|_| !report.drift.is_empty()) {
        into.family(name, Gauge, help);
        for drift in &report.drift {
            into.sample(name, &[("pipeline", &drift.pipeline)], of(drift));
        }
    }
}
