//! What a simulated policy did, told to people and to programs.

mod advice;
mod bench;
mod human;
mod page;
mod pareto;
mod scenarios;
mod table;

use serde_json::{Value, json};

pub use advice::{advice_human, advice_json};
pub use bench::{bench_json, brief, csv, html, markdown};
pub use human::{group, has_day, human, legend};
pub use page::{escape, page};
pub use scenarios::{scenario_rows, scenarios_json, scenarios_page};
pub use table::comparison;

use crate::scale::baseline::Row;
use crate::simulate::demand::clock;
use crate::simulate::registry::{ENTRIES, Entry};
use crate::simulate::{Bill, Decision, Outcome, Run, Score, Settings, Totals};

/// The version of the JSON form.
pub const FORMAT: u32 = 1;

/// One run and all that is said about it.
pub struct Told<'a> {
    pub entry: &'a Entry,
    pub row: Row,
    pub run: &'a Run,
    pub totals: &'a Totals,
    pub bill: &'a Bill,
    pub settings: &'a Settings,
    /// What to call the demand.
    pub title: &'a str,
    /// Others on the same demand, whose bills are compared.
    pub others: &'a [Score],
    /// All that somebody wants it compared with, whose table the page then holds.
    pub compared: &'a [Score],
}

/// The policies that can be named, one a line.
pub fn policies() -> String {
    let width = ENTRIES.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let line = |entry: &Entry| {
        let shipped = entry.shipped.map_or(String::new(), |differs| format!("; `{}:shipped`: {differs}", entry.name));
        format!("{:4} {:width$}  {}{shipped}\n", entry.id, entry.name, entry.title)
    };
    ENTRIES.iter().map(line).collect()
}

/// How it was configured, in a word.
pub fn row_name(row: Row) -> &'static str {
    match row {
        Row::Shipped => "as shipped",
        Row::Spec => "spec bounds",
        Row::Tuned(_) => "tuned",
    }
}

/// The JSON form of one run. Loads are in shard-minutes, ages in minutes, money in US dollars.
pub fn json(told: &Told) -> Value {
    let settings = told.settings;
    json!({
        "format_version": FORMAT,
        "policy": told.entry.name,
        "row": row_name(told.row),
        "demand": { "title": told.title, "start": clock(told.run.start), "minutes": told.run.minutes.len() },
        "plant": {
            "profile": settings.profile, "price": settings.price, "throttled_at_most": settings.inputs.bound, "min": settings.bounds.min, "max": settings.bounds.max,
            "burst": settings.burst, "gaps": settings.gaps, "metric_delay_minutes": settings.metric_delay, "seed": settings.seed,
        },
        "totals": told.totals,
        "usd": { "capacity": told.bill.capacity, "payload": told.bill.payload, "total": told.bill.total() },
        "others": told.others.iter().map(|score| json!({ "policy": score.entry.name, "usd": score.bill.total(), "throttled": score.totals.throttled })).collect::<Vec<Value>>(),
        "lambda": settings.lambda.map(|lambda| json!({
            "records_per_second": lambda.pace, "min": lambda.factors.min, "max": lambda.factors.max,
            "changes": told.run.factors.iter().map(|one| json!({ "at": clock(one.at), "from": one.from, "to": one.to })).collect::<Vec<Value>>(),
        })),
        "held_minutes": told.run.held,
        "notices": told.run.notices.iter().map(ToString::to_string).collect::<Vec<String>>(),
        "decisions": told.run.decisions.iter().map(decision).collect::<Vec<Value>>(),
    })
}

fn decision(decision: &Decision) -> Value {
    let (outcome, at, times) = match decision.outcome {
        Outcome::Until(at) => ("done", Some(at), 1),
        Outcome::Swept(at) => ("swept", Some(at), 1),
        Outcome::Refused(_, times) => ("refused", None, times),
    };
    json!({
        "at": clock(decision.minute), "from": decision.from, "to": decision.to, "because": decision.because,
        "outcome": outcome, "serves_at": at.map(clock), "times": times,
    })
}
