//! A plan for programs. `docs/json.md` is its reference; a change that misleads a reader of the old form raises
//! `plan::FORMAT`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::model::secret::{HIDDEN, hide, hide_name, is_name};
use crate::model::{Address, Attrs, Call, Cost, Effect, Value};
use crate::plan::{FieldChange, PRICES_DATE, PRICES_SOURCE, Plan, Step, Verb};

/// The plan in its documented, stable form. Secrets are hidden by the names of their fields.
pub fn plan(plan: &Plan) -> Json {
    json!({
        "format_version": plan.format_version,
        "made_by": plan.made_by,
        "pipeline": plan.scope.pipeline,
        "partition": plan.scope.partition,
        "region": plan.scope.region,
        "account": plan.scope.account,
        "taken_at": plan.taken_at,
        "inventory": plan.inventory,
        "changes": changes(plan),
        "held": plan.held.iter().map(|held| json!({
            "address": held.address,
            "name": held.physical,
            "reason": held.reason,
            "is_obstacle": held.reason.is_obstacle(),
            "why": held.why,
            "remedy": held.remedy,
        })).collect::<Vec<_>>(),
        "autoscaled": plan.autoscaled,
        "not_checked": plan.not_checked,
        "notes": plan.notes,
        "cost": cost(&plan.cost_before, &plan.cost_after),
        "est_duration_s": plan.about_seconds,
        "summary": summary(plan),
    })
}

fn summary(plan: &Plan) -> Json {
    let obstacles = plan.obstacles().count();
    let exit_cause = match (plan.is_empty(), obstacles) {
        (false, _) => Some("changes"),
        (true, 0) => None,
        (true, _) => Some("held"),
    };
    json!({
        "add": plan.count(Verb::Create),
        "change": plan.count(Verb::Update),
        "replace": plan.count(Verb::Replace),
        "destroy": plan.count(Verb::Delete),
        "adopt": plan.count(Verb::Adopt),
        "held": plan.held.len(),
        "obstacles": obstacles,
        "exit_cause": exit_cause,
    })
}

fn cost(before: &Cost, after: &Cost) -> Json {
    // Whole cents, so that no reader sees 21.900000000000002.
    let dollars = |cost: &Cost| (cost.monthly_micros as f64 / 10_000.0).round() / 100.0;
    let usage: BTreeSet<&String> = before.usage.iter().chain(&after.usage).collect();
    json!({ "before_usd_month": dollars(before), "after_usd_month": dollars(after), "usage": usage,
        "prices_date": PRICES_DATE, "prices_source": PRICES_SOURCE })
}

/// One entry for each resource, where its last step stands: both halves of a replacement are one.
fn changes(plan: &Plan) -> Vec<Json> {
    let mut halves: BTreeMap<&Address, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        halves.entry(&step.address).or_default().push(step);
    }
    let is_last = |step: &&Step| halves[&step.address].last().is_some_and(|last| last.id == step.id);
    plan.steps.iter().filter(is_last).map(|step| change(&halves[&step.address])).collect()
}

fn change(steps: &[&Step]) -> Json {
    let Some(last) = steps.last() else { return Json::Null };
    let fields: Vec<&FieldChange> = steps.iter().flat_map(|step| &step.changes).collect();
    let side = |of: fn(&FieldChange) -> Option<&Value>| -> Json {
        let told = fields.iter().filter_map(|field| Some((field.field.clone(), hidden(&field.field, of(field)?))));
        Json::Object(told.collect())
    };
    let names = |test: fn(&FieldChange) -> bool| -> Vec<&str> {
        fields.iter().filter(|field| test(field)).map(|field| field.field.as_str()).collect()
    };
    let arn = steps.iter().find_map(|step| step.outputs.get("arn"));
    json!({
        "address": last.address,
        "name": last.physical,
        "arn": arn,
        "actions": actions(last.verb),
        "before": if last.verb == Verb::Create { Json::Null } else { side(|field| field.before.as_ref()) },
        "after": if last.verb == Verb::Delete { Json::Null } else { side(|field| field.after.as_ref()) },
        "after_unknown": names(|field| field.after_unknown),
        "replace_paths": names(|field| field.replaces.is_some()),
        "reason": last.because,
        "risk": steps.iter().flat_map(|step| &step.risks).collect::<Vec<_>>(),
        "est_duration_s": steps.iter().fold(0_u32, |sum, step| sum.saturating_add(step.about_seconds)),
        "api_calls": steps.iter().flat_map(|step| &step.calls).map(call).collect::<Vec<_>>(),
    })
}

fn actions(verb: Verb) -> &'static [&'static str] {
    match verb {
        Verb::Create => &["create"],
        Verb::Update => &["update"],
        Verb::Replace => &["delete", "create"],
        Verb::Adopt => &["adopt"],
        Verb::Delete => &["delete"],
    }
}

fn call(call: &Call) -> Json {
    let attrs = |attrs: &Attrs| -> Json {
        Json::Object(attrs.iter().map(|(name, value)| (name.clone(), hidden(name, value))).collect())
    };
    let effect = match call.effect {
        Effect::Create => "create",
        Effect::Set => "set",
        Effect::Delete => "delete",
    };
    json!({
        "operation": call.operation,
        "effect": effect,
        "set": attrs(&call.set),
        "drop_tags": call.drop_tags.iter().map(|tag| hide_name(tag)).collect::<Vec<_>>(),
        "est_duration_s": call.about.0,
    })
}

/// A value as JSON, with what its name calls a secret or what looks like one hidden at any depth.
pub(super) fn hidden(name: &str, value: &Value) -> Json {
    match value {
        _ if is_name(name) => HIDDEN.into(),
        Value::Map(map) => {
            Json::Object(map.iter().map(|(key, value)| (hide_name(key).into_owned(), hidden(key, value))).collect())
        }
        Value::List(items) => items.iter().map(|item| hidden("", item)).collect(),
        Value::Text(text) => hide(text).into(),
        plain => plain.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn programs_get_every_part_of_the_plan() {
        let json = plan(&samples::reshard());
        let change = &json["changes"][0];
        assert_eq!(change["address"], "stream/clicks");
        assert_eq!(change["actions"], json!(["update"]));
        assert_eq!((&change["before"]["shards"], &change["after"]["shards"]), (&json!(2), &json!(10)));
        let operations: Vec<&Json> =
            change["api_calls"].as_array().unwrap().iter().map(|call| &call["operation"]).collect();
        assert_eq!(operations.len(), 4, "{operations:?}");
        insta::assert_snapshot!(json["summary"], @r#"{"add":0,"adopt":0,"change":1,"destroy":0,"exit_cause":"changes","held":0,"obstacles":0,"replace":0}"#);
        insta::assert_snapshot!(json["cost"], @r#"{"after_usd_month":255.5,"before_usd_month":51.1,"prices_date":"2026-11-23","prices_source":"third-party copies of AWS's price list for us-east-1; other regions differ by up to 100 %, `--prices` overrides","usage":["Kinesis data stream: PUT payload units"]}"#);
    }

    #[test]
    fn a_replacement_is_one_change_and_what_is_unknown_is_named() {
        let json = plan(&samples::replacement());
        let all = json["changes"].as_array().unwrap();
        let of = |address: &str| all.iter().filter(|change| change["address"] == address).collect::<Vec<_>>();
        let stream = of("stream/clicks");
        assert_eq!(stream.len(), 1);
        assert_eq!(stream[0]["actions"], json!(["delete", "create"]));
        assert_eq!(json["summary"]["replace"], 1);
        let created = plan(&samples::creation());
        let all = created["changes"].as_array().unwrap();
        let stream = all.iter().find(|change| change["address"] == "stream/clicks").unwrap();
        assert_eq!((&stream["before"], &stream["after_unknown"]), (&Json::Null, &json!(["encryption"])));
        assert_eq!(stream["after"]["encryption"], json!({ "$ref": "key/clicks#arn" }));
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let value = Value::map([("splunk", Value::map([("apiKey", "abc"), ("secretArn", "arn:x")]))]);
        assert_eq!(hidden("http", &value), json!({ "splunk": { "apiKey": HIDDEN, "secretArn": "arn:x" } }));
        assert_eq!(hidden("password", &Value::text("x")), json!(HIDDEN));
        let named = Value::map([("postgres://u:hunter2@h/db", "x")]);
        assert_eq!(hidden("tags", &named), json!({ "postgres://(hidden)@h/db": "x" }));
    }

    #[test]
    fn the_reference_names_every_field() {
        let reference = include_str!("../../docs/json.md");
        fn names(json: &Json, into: &mut BTreeSet<String>) {
            for (name, value) in json.as_object().into_iter().flatten() {
                into.insert(name.clone());
                // What the fields of kinds are called is told by the reference of the specification.
                if !["before", "after", "set"].contains(&name.as_str()) {
                    names(value, into);
                }
            }
            json.as_array().into_iter().flatten().for_each(|item| names(item, into));
        }
        let mut all = BTreeSet::new();
        [samples::reshard(), samples::replacement(), samples::foreign()].iter().for_each(|p| names(&plan(p), &mut all));
        let missing: Vec<_> = all.iter().filter(|name| !reference.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/json.md does not name {missing:?}");
    }
}
