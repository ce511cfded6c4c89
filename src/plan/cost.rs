//! Monthly cost of what is there and of what is wanted, from one table of prices.

use std::collections::BTreeMap;

use super::diff::{Question, is_ours, resolve};
use super::sheet::Sheet;
use crate::model::{Address, Attrs, Compare, Cost, Desired, Priced, Prices, Resource, Schema};

/// When the table was last compared with AWS's price pages.
pub const PRICES_DATE: &str = "2026-11-23";
/// Where the prices come from.
pub const PRICES_SOURCE: &str =
    "third-party copies of AWS's price list for us-east-1; other regions differ by up to 100 %, `--prices` overrides";

/// US dollars per unit. Override any of them with `--prices FILE`.
pub fn price_table() -> Prices {
    let table = [
        ("kinesis.shardHour", 0.015),
        ("kinesis.extendedRetentionShardHour", 0.020),
        ("kinesis.fanOutConsumerShardHour", 0.015),
        ("kinesis.payloadUnitMillion", 0.014),
        ("kinesis.onDemandStreamHour", 0.04),
        ("kinesis.onDemandIngestGB", 0.08),
        ("kinesis.onDemandRetrievalGB", 0.04),
        ("kinesis.advantageIngestGB", 0.032),
        ("kinesis.advantageRetrievalGB", 0.016),
        ("kms.keyMonth", 1.00),
        ("vpc.endpointZoneHour", 0.01),
        ("cloudwatch.alarmMonth", 0.10),
    ];
    Prices(table.into_iter().map(|(name, price)| (name.to_owned(), price)).collect())
}

/// The cost of what the pipeline owns now, and after the plan. What is held stays as it is.
pub(super) fn around(question: &Question, sheet: &Sheet) -> (Cost, Cost) {
    let (mut before, mut after) = (Cost::default(), Cost::default());
    let wholes = wholes(question);
    let existing = |address: &Address| question.graph.get(address).is_some_and(|desired| desired.existing);
    for (address, seen) in &question.inventory.seen {
        let schema = question.schemas.iter().find(|schema| schema.kind == address.kind());
        let (Some(schema), Some(live)) = (schema, seen.present()) else { continue };
        if !existing(address) && is_ours(question, address, live) {
            let parent = parent(question, &wholes, address, live).and_then(|parent| question.inventory.present(parent));
            let priced = |attrs| Priced { attrs, parent: parent.map(|parent| &parent.attrs), prices: question.prices };
            add(&mut before, schema, &priced(&live.attrs));
            if sheet.holds(address) {
                add(&mut after, schema, &priced(&live.attrs));
            }
        }
    }
    let wanted = question.graph.iter().filter(|desired| !desired.existing && !sheet.holds(&desired.address));
    for desired in wanted.filter(|_| !question.consent.destroy) {
        let parent = desired.parent.as_ref().and_then(|parent| question.graph.get(parent));
        let parent = parent.map(|parent| afterwards(question, parent, sheet));
        let attrs = afterwards(question, desired, sheet);
        add(&mut after, desired.schema, &Priced { attrs: &attrs, parent: parent.as_ref(), prices: question.prices });
    }
    (before, after)
}

/// The attributes of a wanted resource once the plan is done. What the autoscaler owns costs what it costs now.
fn afterwards(question: &Question, desired: &Desired, sheet: &Sheet) -> Attrs {
    let mut attrs = resolve(question, desired, sheet);
    if let Some(live) = question.inventory.present(&desired.address)
        && let (Some(wanted), Some(now)) = (attrs.get("shards"), live.attrs.get("shards"))
        && Compare::Within.same(wanted, now)
    {
        attrs.insert("shards".into(), now.clone());
    }
    attrs
}

/// Living resources by their names in AWS; the first of a name wins.
fn wholes<'a>(question: &Question<'a>) -> BTreeMap<&'a str, &'a Address> {
    let seen = question.inventory.seen.iter().rev();
    seen.filter_map(|(address, seen)| Some((seen.present()?.physical.as_str(), address))).collect()
}

/// The resource that a living one is a part of; for one that has left the spec, by its name in AWS: `clicks/fraud`.
fn parent<'a>(
    question: &'a Question,
    wholes: &BTreeMap<&str, &'a Address>,
    address: &Address,
    live: &Resource,
) -> Option<&'a Address> {
    match question.graph.get(address) {
        Some(desired) => desired.parent.as_ref(),
        None => wholes.get(live.physical.split_once('/')?.0).copied(),
    }
}

fn add(total: &mut Cost, schema: &Schema, priced: &Priced) {
    let cost = (schema.cost)(priced);
    total.monthly_micros += cost.monthly_micros;
    for usage in cost.usage {
        let usage = format!("{}: {usage}", schema.title);
        if !total.usage.contains(&usage) {
            total.usage.push(usage);
        }
    }
}
