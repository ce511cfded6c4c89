//! What a change of a stream takes: which calls, in which order, how long, and what is left of AWS's daily limits.

use crate::model::units::Span;
use crate::model::{
    Attrs, Call, Cost, Effect, LEDGER, Ledger, Need, Priced, Resource, Risk, Schema, Shift, Value, operations, splits,
};

/// UpdateShardCount calls in a rolling 24 hours (API reference of UpdateShardCount).
const RESHARDS_A_DAY: usize = 10;
/// UpdateStreamMode calls in 24 hours (API reference of UpdateStreamMode).
const MODE_SWITCHES_A_DAY: usize = 2;
/// StartStreamEncryption and StopStreamEncryption calls in a rolling 24 hours.
const KEY_CHANGES_A_DAY: usize = 25;
/// Open shards of all provisioned streams of the account and region, by DescribeLimits.
pub const SHARDS: &str = "kinesis.shards";
/// On-demand streams of the account and region, by DescribeLimits.
pub const ON_DEMAND_STREAMS: &str = "kinesis.onDemandStreams";
/// Hours in a month, as AWS's price pages count them.
const MONTH: f64 = 730.0;

/// The counts that lead from one number of shards to another: each at most the double, at least the half (rounded up).
pub fn hops(from: i64, to: i64) -> Vec<i64> {
    let mut hops = Vec::new();
    let mut at = from.max(1);
    while at != to {
        at = if to > at { to.min(at * 2) } else { to.max((at + 1) / 2) };
        hops.push(at);
    }
    hops
}

/// Estimated seconds of one hop: a minute, and four seconds for each split or merge.
/// AWS publishes no figure ("a few minutes"); [`operations`] counts splits and merges.
pub fn hop_seconds(from: i64, to: i64) -> u32 {
    operations(count(from), count(to)).saturating_mul(4).saturating_add(60)
}

fn open_shards(stream: &Resource) -> i64 {
    stream.fact("openShards").or_else(|| stream.attrs.get("shards")).and_then(Value::as_int).unwrap_or(1)
}

/// The count that a wanted number or range asks for, given what is open now.
fn wanted_count(wanted: &Value, open: i64) -> i64 {
    match (wanted.get("min").and_then(Value::as_int), wanted.get("max").and_then(Value::as_int)) {
        (Some(min), Some(max)) => open.clamp(min, max),
        _ => wanted.as_int().unwrap_or(open),
    }
}

pub fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    match (shift.before, shift.wanted) {
        (None, Some(wanted)) => creating(schema, wanted),
        (Some(before), Some(_)) => changing(schema, before, shift),
        (_, None) => vec![Call::new(Effect::Delete, schema.delete).about(30)],
    }
}

fn creating(schema: &Schema, wanted: &Attrs) -> Vec<Call> {
    let mut wanted = wanted.clone();
    if let Some(shards) = wanted.get("shards") {
        // A range starts at its lower bound; the autoscaler takes it from there.
        let first = wanted_count(shards, 0);
        wanted.insert("shards".into(), Value::Int(first));
    }
    if let Some(metrics) = wanted.get("shardMetrics") {
        let first = wanted_metrics(metrics, &[]);
        wanted.insert("shardMetrics".into(), Value::List(first));
    }
    wanted.retain(|name, value| {
        let default = schema.field(name).and_then(|field| field.default);
        default.is_none_or(|default| default() != *value)
    });
    Call::creating(schema, &wanted)
}

fn changing(schema: &Schema, before: &Resource, shift: &Shift) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut ledger = Ledger::of(Some(before), shift.now);
    let minute = shift.now / 60;
    for (name, wanted) in in_order(schema, &shift.changed) {
        let live = before.attrs.get(name);
        match name {
            "mode" => {
                ledger.mode_switches.push(minute);
                calls.push(set("kinesis:UpdateStreamMode", name, wanted.clone(), live).about(60));
            }
            "shards" => {
                let open = open_shards(before);
                let mut from = open;
                for to in hops(open, wanted_count(wanted, open)) {
                    ledger.reshards.push(minute);
                    let call = set("kinesis:UpdateShardCount", name, Value::Int(to), Some(&Value::Int(from)));
                    calls.push(call.about(hop_seconds(from, to)));
                    from = to;
                }
            }
            "retention" => {
                let verb = if seconds(Some(wanted)) < seconds(live) { "Decrease" } else { "Increase" };
                let operation = format!("kinesis:{verb}StreamRetentionPeriod");
                calls.push(set(&operation, name, wanted.clone(), live).about(30));
            }
            "encryption" => {
                ledger.key_changes.push(minute);
                let verb = if wanted.as_text() == Some("none") { "Stop" } else { "Start" };
                let operation = format!("kinesis:{verb}StreamEncryption");
                calls.push(set(&operation, name, wanted.clone(), live).about(30));
            }
            "shardMetrics" => calls.extend(metric_calls(wanted, live)),
            _ => calls.extend(Call::setting(schema, &before.attrs, &Attrs::from([(name.into(), wanted.clone())]))),
        }
    }
    write_ledger_first(calls, before, shift.now, &ledger)
}

/// The count in the books goes up before the call is made: a crash in between counts one too many, never one too few.
fn write_ledger_first(mut calls: Vec<Call>, before: &Resource, now: i64, ledger: &Ledger) -> Vec<Call> {
    if *ledger == Ledger::of(Some(before), now) {
        return calls;
    }
    let tags = calls.iter_mut().find(|call| call.operation == "kinesis:AddTagsToStream");
    match tags.map(|call| call.set.get_mut("tags")) {
        Some(Some(Value::Map(tags))) => {
            tags.insert(LEDGER.into(), Value::text(ledger.text()));
            calls.sort_by_key(|call| call.operation != "kinesis:AddTagsToStream");
        }
        _ => {
            let tags = Value::map([(LEDGER, ledger.text())]);
            calls.insert(0, Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", tags));
        }
    }
    calls
}

/// Changed fields in the order of the table: the mode first, since shards can only be set in provisioned mode.
fn in_order<'a>(schema: &'a Schema, changed: &'a Attrs) -> impl Iterator<Item = (&'static str, &'a Value)> {
    schema.fields.iter().filter_map(|field| changed.get(field.name).map(|value| (field.name, value)))
}

fn set(operation: &str, name: &str, value: Value, live: Option<&Value>) -> Call {
    Call::new(Effect::Set, operation).with(name, value).was(name, live)
}

/// Enabling adds and disabling removes, so a change can need both.
fn metric_calls(wanted: &Value, live: Option<&Value>) -> Vec<Call> {
    let live = list(live).to_vec();
    let wanted = wanted_metrics(wanted, &live);
    let mut calls = Vec::new();
    let kept: Vec<Value> = live.iter().filter(|metric| wanted.contains(metric)).cloned().collect();
    if kept.len() < live.len() {
        let from = Value::List(live.clone());
        calls.push(set("kinesis:DisableEnhancedMonitoring", "shardMetrics", Value::List(kept.clone()), Some(&from)));
    }
    if wanted.iter().any(|metric| !live.contains(metric)) {
        let from = Value::List(kept);
        calls.push(set("kinesis:EnableEnhancedMonitoring", "shardMetrics", Value::List(wanted), Some(&from)));
    }
    calls.into_iter().map(|call| call.about(30)).collect()
}

/// The metrics that are to be on, given those that are. What the autoscaler has turned on stays on.
fn wanted_metrics(wanted: &Value, live: &[Value]) -> Vec<Value> {
    let (Some(without), Some(with)) = (wanted.get("min"), wanted.get("max")) else { return list(Some(wanted)).to_vec() };
    let (without, with) = (list(Some(without)), list(Some(with)));
    let is_on = with.iter().all(|metric| without.contains(metric) || live.contains(metric));
    if is_on { with.to_vec() } else { without.to_vec() }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_list).unwrap_or_default()
}

fn seconds(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_text).and_then(|text| text.parse::<Span>().ok()).map_or(86_400, Span::seconds)
}

pub fn risks(shift: &Shift) -> Vec<Risk> {
    let Some(before) = shift.before else { return Vec::new() };
    if shift.wanted.is_none() {
        return Vec::new();
    }
    let ledger = Ledger::of(Some(before), shift.now);
    let mut risks = Vec::new();
    if let Some(wanted) = shift.changed.get("shards") {
        let open = open_shards(before);
        let to = wanted_count(wanted, open);
        let needed = hops(open, to).len();
        if shift.wanted.and_then(|wanted| wanted.get("mode")).and_then(Value::as_text) == Some("onDemand") {
            // The spec asks for provisioned mode, and the switch to it is held.
            return vec![Risk::new("quota", "it waits for the mode switch")];
        }
        risks.extend(budget(["resize", "resizes"], needed, ledger.reshards.len(), RESHARDS_A_DAY));
        if to < open {
            risks.push(Risk::new(
                "throttling",
                format!("{to} shards take {to} MiB/s and {to},000 records/s; today it has {open}"),
            ));
        }
    }
    if let Some(wanted) = shift.changed.get("retention")
        && seconds(Some(wanted)) < seconds(before.attrs.get("retention"))
    {
        let text = wanted.as_text().unwrap_or_default();
        risks.push(Risk::new("data-loss", format!("records older than {text} become unreadable at once, for ever")));
    }
    if let Some(mode) = shift.changed.get("mode") {
        if mode.as_text() == Some("onDemand") {
            let why = "on demand traffic is paid by gigabyte in and out, which the fixed cost below does not show";
            risks.push(Risk::new("cost", why));
        }
        risks.extend(budget(["mode switch", "mode switches"], 1, ledger.mode_switches.len(), MODE_SWITCHES_A_DAY));
    }
    if let Some(wanted) = shift.changed.get("encryption") {
        risks.extend(budget(
            ["encryption change", "encryption changes"],
            1,
            ledger.key_changes.len(),
            KEY_CHANGES_A_DAY,
        ));
        let why = match wanted.as_text() {
            Some("none") => "new records are stored without encryption".to_owned(),
            _ => "producers need kms:GenerateDataKey and consumers kms:Decrypt on the new key, or they fail at once"
                .to_owned(),
        };
        risks.push(Risk::new("access", why));
    }
    risks
}

/// `what` in the singular and in the plural.
fn budget(what: [&str; 2], needed: usize, used: usize, limit: usize) -> Option<Risk> {
    let left = limit.saturating_sub(used);
    let of = |count: usize| if count == 1 { what[0] } else { what[1] };
    if needed == 0 {
        return None;
    }
    if needed > left {
        let (name, are) = (of(needed), if left < 2 { "is" } else { "are" });
        let left = if left == 0 { "none".to_owned() } else { format!("only {left}") };
        let why = format!("needs {needed} {name}, but {left} of the {limit} that AWS allows in 24 hours {are} left");
        return Some(Risk::new("quota", why));
    }
    let why = match left {
        1 => format!("uses the last {} of these 24 hours (AWS allows {limit})", of(1)),
        _ => format!("uses {needed} of the {left} {} left in these 24 hours (AWS allows {limit})", of(left)),
    };
    Some(Risk::new("budget", why))
}

/// What a change takes of the account's quotas. The shards that exist only during a reshard count as well.
pub fn needs(shift: &Shift) -> Vec<Need> {
    let mode = |attrs: &Attrs| attrs.get("mode").and_then(Value::as_text).map(str::to_owned);
    let Some(wanted) = shift.wanted else { return Vec::new() };
    let becomes_on_demand = shift.changed.contains_key("mode") && mode(wanted).as_deref() == Some("onDemand");
    if becomes_on_demand {
        return vec![Need { quota: ON_DEMAND_STREAMS, units: 1, what: "on-demand streams" }];
    }
    let Some(shards) = shift.changed.get("shards") else { return Vec::new() };
    let open = shift.before.map_or(0, open_shards);
    let to = wanted_count(shards, open);
    let peak = if open == 0 { to } else { peak_of_change(open, to) };
    match u64::try_from(peak - open) {
        Ok(units) if units > 0 => vec![Need { quota: SHARDS, units, what: "open shards" }],
        _ => Vec::new(),
    }
}

/// The most shards that are open at once on the way: a hop from `n` to `m` makes `m - gcd(n, m)` splits, and nothing
/// promises that merges come first.
fn peak_of_change(from: i64, to: i64) -> i64 {
    let mut at = from;
    let mut peak = from;
    for hop in hops(from, to) {
        peak = peak.max(at + i64::from(splits(count(at), count(hop)))).max(hop);
        at = hop;
    }
    peak
}

/// A number of shards as geometry counts it.
fn count(shards: i64) -> u32 {
    u32::try_from(shards.max(0)).unwrap_or(u32::MAX)
}

/// Shard-hours of a month by which a stream and its consumers are paid; none on demand.
pub fn shard_hours(stream: &Attrs) -> f64 {
    let is_provisioned = stream.get("mode").and_then(Value::as_text) == Some("provisioned");
    if is_provisioned { stream.get("shards").map_or(1, |shards| wanted_count(shards, 0)) as f64 * MONTH } else { 0.0 }
}

pub fn cost(of: &Priced) -> Cost {
    let (stream, prices) = (of.attrs, of.prices);
    let mut usage = Vec::new();
    let hours = shard_hours(stream);
    let monthly_micros = if hours > 0.0 {
        usage.push("PUT payload units".to_owned());
        let longer = seconds(stream.get("retention")) > 86_400;
        prices.micros("kinesis.shardHour", hours)
            + if longer { prices.micros("kinesis.extendedRetentionShardHour", hours) } else { 0 }
    } else {
        usage.push("ingest and retrieval by GB".to_owned());
        prices.micros("kinesis.onDemandStreamHour", MONTH)
    };
    if seconds(stream.get("retention")) > 7 * 86_400 {
        usage.push("retention beyond 7 days by GB".to_owned());
    }
    Cost { monthly_micros, usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_live_only_during_a_reshard_count() {
        assert_eq!(peak_of_change(4, 8), 8);
        assert_eq!(peak_of_change(4, 3), 6, "two splits may come before the three merges");
        assert_eq!(peak_of_change(100, 101), 200);
        assert_eq!(peak_of_change(8, 4), 8);
        assert_eq!(peak_of_change(2, 10), 16, "the last hop, 8 → 10, makes eight splits");
    }

    #[test]
    fn what_the_autoscaler_turned_on_stays_on() {
        let texts = |names: &str| -> Vec<Value> { names.split_whitespace().map(Value::text).collect() };
        let wanted = |without: &str| {
            let both = format!("{without} IncomingBytes IncomingRecords");
            Value::map([("min", Value::List(texts(without))), ("max", Value::List(texts(&both)))])
        };
        let called = |without: &str, live: &str| -> Vec<(String, Vec<Value>)> {
            let calls = metric_calls(&wanted(without), Some(&Value::List(texts(live))));
            calls.iter().map(|call| (call.verb().to_owned(), list(call.set.get("shardMetrics")).to_vec())).collect()
        };
        let (on, off) = ("EnableEnhancedMonitoring".to_owned(), "DisableEnhancedMonitoring".to_owned());
        let both = "IncomingBytes IncomingRecords";
        let with_age = "IteratorAgeMilliseconds IncomingBytes IncomingRecords";
        assert_eq!(called("IteratorAgeMilliseconds", both), [(on.clone(), texts(with_age))]);
        assert_eq!(called("IteratorAgeMilliseconds", ""), [(on, texts("IteratorAgeMilliseconds"))]);
        assert_eq!(called("", &format!("{both} OutgoingBytes")), [(off.clone(), texts(both))]);
        assert_eq!(called("", "IncomingBytes"), [(off, texts(""))], "half of them says nothing");
        for live in ["", both, "IncomingRecords IncomingBytes"] {
            assert!(crate::model::Compare::Within.same(&wanted(""), &Value::List(texts(live))), "{live}");
        }
        assert!(!crate::model::Compare::Within.same(&wanted(""), &Value::List(texts("IncomingBytes"))));
    }

    #[test]
    fn each_hop_is_at_most_the_double_and_at_least_the_half() {
        assert_eq!(hops(2, 10), [4, 8, 10]);
        assert_eq!(hops(10, 2), [5, 3, 2]);
        assert_eq!(hops(3, 3), [0; 0]);
        for from in 1..60 {
            for to in 1..60 {
                let mut at = from;
                for hop in hops(from, to) {
                    assert!(hop <= at * 2 && hop * 2 >= at, "{from} → {to}: {at} → {hop}");
                    at = hop;
                }
                assert_eq!(at, to);
            }
        }
    }
}
