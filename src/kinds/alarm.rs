//! CloudWatch alarms, derived from the topology: they are on unless switched off.

mod derive;
mod effects;
mod spec;

use futures::future::BoxFuture;

use super::{Known, ResourceKind, Tagged, Wish};
use crate::aws::Aws;
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Call, Compare, Cost, Effect, Field, Permit, Priced, Resource, Schema, Scope, Shift, Value, When,
};

pub use spec::{AgeAlarm, Alarms, ArchiveAlarms, CountAlarm, StreamAlarms};

/// It takes the whole alarm at once.
const PUT: &str = "cloudwatch:PutMetricAlarm";

pub static SCHEMA: Schema = Schema {
    kind: "alarm",
    title: "CloudWatch alarm",
    fields: &[
        Field::in_place("description", PUT, "What the alarm means, and what to do.").folded(),
        Field::in_place("namespace", PUT, "The metric's namespace.").folded(),
        Field::in_place("metric", PUT, "The metric.").folded(),
        Field::in_place("dimensions", PUT, "What is measured: names, never ARNs.").folded(),
        Field::in_place("statistic", PUT, "How the measurements of a period become one.").folded(),
        Field::in_place("period", PUT, "How long one measurement takes.").folded(),
        Field::in_place("periods", PUT, "How many of the latest periods are looked at.").folded(),
        Field::in_place("breaching", PUT, "How many of them must be over the threshold.").folded(),
        Field::in_place("comparison", PUT, "When a measurement is bad.").folded(),
        Field::in_place("threshold", PUT, "The last good value, in the metric's own unit.").folded(),
        Field::in_place("missingData", PUT, "What a period without measurements means.")
            .folded()
            .default(|| Value::text("missing")),
        Field::in_place("notify", PUT, "Whom the alarm tells.")
            .folded()
            .default(|| Value::List(Vec::new()))
            .compare(Compare::Set),
        Field::in_place("enabled", PUT, "Whether the alarm tells anybody.").folded().default(|| Value::Bool(true)),
        Field::tags("cloudwatch:TagResource", "cloudwatch:UntagResource").folded(),
    ],
    create: PUT,
    delete: "cloudwatch:DeleteAlarms",
    create_seconds: 1,
    arn: Some("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    asynchronous: false,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost,
    permits: &[
        Permit { when: When::Read, actions: &["cloudwatch:DescribeAlarms"], on: "*" },
        Permit {
            when: When::Read,
            actions: &["cloudwatch:ListTagsForResource"],
            on: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        },
        Permit {
            when: When::Create,
            actions: &["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"],
            on: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        },
        Permit {
            when: When::Update,
            actions: &["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"],
            on: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        },
        Permit {
            when: When::Delete,
            actions: &["cloudwatch:DeleteAlarms"],
            on: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        },
    ],
};

/// PutMetricAlarm forgets what it is not told, so a change of one field carries all of them.
fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Schema::plain_calls(schema, shift);
    for call in calls.iter_mut().filter(|call| call.operation == PUT && call.effect == Effect::Set) {
        for (name, value) in shift.wanted.into_iter().flatten().filter(|(name, _)| *name != "tags") {
            call.set.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    calls
}

fn cost(of: &Priced) -> Cost {
    Cost { monthly_micros: of.prices.micros("cloudwatch.alarmMonth", 1.0), usage: Vec::new() }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn physical(&self, arn: &str, _address: &Address, _scope: &Scope) -> Option<String> {
        arn.split_once(":alarm:").map(|(_, name)| name.to_owned())
    }

    fn names(&self, scope: &Scope) -> String {
        format!("{}-*", scope.pipeline)
    }

    fn desire(&self, wish: &mut Wish) {
        derive::all(wish);
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(effects::list(aws, scope, known.tagged))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(effects::observe(aws, target))
    }

    fn looks_at_once(&self) -> usize {
        effects::AT_ONCE
    }

    fn observe_all<'a>(
        &'a self,
        aws: &'a Aws,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Vec<Result<Option<Resource>, Fault>>> {
        Box::pin(effects::observe_all(aws, targets))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(effects::perform(aws, target, call))
    }
}
