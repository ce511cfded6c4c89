//! Every metric that the port can tell, from a report in which everything is known.

use std::collections::BTreeMap;

use serde_json::json;
use tidegate::control::Report;
use tidegate::report::metrics::{Durations, Process, fleet, process};

pub struct Family {
    pub kind: String,
    pub help: String,
    /// Without those that a histogram adds.
    pub labels: Vec<String>,
}

/// The whole text of a controller that knows everything.
pub fn exposition() -> String {
    let decision = json!({
        "at": 1, "verb": "hold", "reason": "in-band", "from": 4, "to": 4, "desired": 4, "because": "it fits", "woken_by": "tick",
        "numbers": { "metrics_at": 1, "demand": 2.5, "rejected": 0.0, "age_seconds": 0.0, "calls_left": 7 },
    });
    let stream = json!({
        "pipeline": "shop", "stream": "clicks", "physical": "clicks", "account": "123456789012", "region": "eu-west-1",
        "min": 2, "max": 64, "shards": 4, "desired": 4, "state": "ACTIVE", "seen_at": 1, "metrics_at": 1, "demand": 2.5,
        "utilisation": 0.625, "rejected": 0.0, "age_seconds": 0.0, "reads_refused": 0.0, "calls_a_day": 10, "calls_left": 7,
        "call_back_at": 1, "pin": { "shards": 4, "until": 9 }, "pause": { "until": null }, "alarms": ["late"],
        "functions": [{ "function": "enrich", "min": 1, "max": 10, "factor": 2, "reason": "keeps-up", "because": "it is fine" }],
        "hot": { "is": "hot-shard", "shard": "shardId-000000000002", "load": 1.0, "because": "a split parts it" },
        "conditions": [{ "type": "Healthy", "status": "True", "reason": "keeps-up", "message": "all is well", "since": 1 }],
        "last": decision, "decisions": [],
        "series": { "start": 0, "step_seconds": 300, "demand": [], "capacity": [], "age": [], "rejected": [] },
    });
    let report: Report = serde_json::from_value(json!({
        "format_version": 1, "at": 1, "version": "0.1.0", "dry_run": false, "tick_seconds": 60, "troubles": [],
        "ticks": { "count": 1, "last_at": 1, "last_ms": 5, "resizes": 1, "refusals": 0, "failed_reads": 0, "latency_seconds": 90 }, "streams": [stream],
        "leases": [{ "pipeline": "shop", "holder": "a", "is_mine": true }],
        "drift": [{ "pipeline": "shop", "at": 1, "found": 0, "done": 0, "failed": 0, "left": 0 }],
    }))
    .expect("a report");
    fleet(&report) + &process(&Process { resident_bytes: Some(1), started_at: 1 }, &Durations::default())
}

/// The families by name.
pub fn families() -> BTreeMap<String, Family> {
    let mut found: BTreeMap<String, Family> = BTreeMap::new();
    let text = exposition();
    let mut name = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (family, help) = rest.split_once(' ').expect("a help text");
            name = family;
            found.insert(name.into(), Family { kind: String::new(), help: help.into(), labels: Vec::new() });
        }
        let family = found.get_mut(name).expect("help stands first");
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family.kind = rest.rsplit(' ').next().unwrap_or_default().into();
        } else if let Some((_, labels)) = line.split_once('{') {
            let names = labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name);
            family.labels = names.filter(|name| *name != "le").map(str::to_owned).collect();
        }
    }
    found
}

#[test]
fn the_page_of_metrics_is_what_the_port_tells() {
    let mut page = "# Metrics\n\nWhat `tidegate run --listen` tells at `/metrics`, in Prometheus's text format. Made from the code: \
        `UPDATE=1 cargo test page_of_metrics`.\n\nLoads are in shards: 1 fills one shard (1 MB or 1,000 records a second). What is not known is \
        left out. Alerts and a dashboard are in [deploy](../deploy/README.md).\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for (name, family) in families() {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        page += &format!("| `{name}` | {} | {} | {} |\n", family.kind, labels.join(", "), family.help);
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).expect("the page can be written");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page, "docs/metrics.md is not what the port tells: UPDATE=1 cargo test page_of_metrics");
}
