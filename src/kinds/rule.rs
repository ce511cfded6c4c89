//! The EventBridge rule that carries the pipeline's alarms to the wake-up queue.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::{RuleState, Tag, Target as RuleTarget};
use futures::future::BoxFuture;

use super::stream::text_map;
use super::wish::Fate;
use super::{Known, ResourceKind, Tagged, Wish, queue};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Attrs, Call, Compare, Desired, Effect, Field, Permit, Resource, Schema, Scope, Shift, State, Value, When,
};

const PUT: &str = "events:PutRule";
const ARN: &str = "arn:{partition}:events:{region}:{account}:rule/{name}";
/// The id of the one target; any word will do.
const ONLY: &str = "wake-up";

pub static SCHEMA: Schema = Schema {
    kind: "rule",
    title: "EventBridge rule",
    fields: &[
        Field::in_place("description", PUT, "What the rule is for.").folded(),
        Field::in_place("pattern", PUT, "Which events it carries: alarms of this pipeline that go off.")
            .folded()
            .compare(Compare::Document),
        Field::in_place("enabled", PUT, "Whether it carries anything.").folded().default(|| Value::Bool(true)),
        Field::in_place("target", "events:PutTargets", "The queue that hears of them."),
        Field::tags("events:TagResource", "events:UntagResource").folded(),
    ],
    create: PUT,
    delete: "events:DeleteRule",
    create_seconds: 1,
    arn: Some(ARN),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    asynchronous: false,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    // Events of AWS's own services are free (EventBridge pricing page).
    cost: Schema::free,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["events:DescribeRule", "events:ListTargetsByRule", "events:ListTagsForResource"],
            on: ARN,
        },
        Permit { when: When::Create, actions: &["events:PutRule", "events:PutTargets", "events:TagResource"], on: ARN },
        Permit {
            when: When::Update,
            actions: &["events:PutRule", "events:PutTargets", "events:TagResource", "events:UntagResource"],
            on: ARN,
        },
        Permit { when: When::Delete, actions: &["events:RemoveTargets", "events:DeleteRule"], on: ARN },
    ],
};

/// PutRule forgets what it is not told, and a rule with a target cannot be deleted.
fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    if shift.wanted.is_none() {
        return vec![Call::new(Effect::Set, "events:RemoveTargets"), Call::new(Effect::Delete, schema.delete)];
    }
    let mut calls = Schema::plain_calls(schema, shift);
    for call in calls.iter_mut().filter(|call| call.operation == PUT && call.effect == Effect::Set) {
        for name in ["description", "pattern", "enabled"] {
            if let Some(value) = shift.wanted.and_then(|wanted| wanted.get(name)) {
                call.set.entry(name.into()).or_insert_with(|| value.clone());
            }
        }
    }
    calls
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn names(&self, scope: &Scope) -> String {
        format!("{}-{}", scope.pipeline, queue::NAME)
    }

    fn desire(&self, wish: &mut Wish) {
        let Some((wake_up, at)) = queue::wanted(wish) else { return };
        let queue = Address::new(queue::SCHEMA.kind, queue::NAME);
        if wish.graph.get(&queue).is_none() {
            return;
        }
        let pipeline = &wish.scope.pipeline;
        let description = format!("Alarms of pipeline {pipeline} wake its controller.");
        let pattern = pattern(wish.scope);
        let desired = Desired::new(&SCHEMA, queue::NAME, queue::physical(wish.scope, &wake_up), at.clone());
        let tags = wish.tags(&desired.address, &wake_up.tags, Fate::REMADE, &at);
        let desired = desired.with("description", description).with("pattern", pattern).with("enabled", true);
        wish.add(desired.with("target", Value::reference(queue, "arn")).with("tags", tags));
    }

    /// Emulators leave rules out of the tagging API.
    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        _known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(list(aws, scope))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(observe(aws, target))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(perform(aws, target, call))
    }
}

/// Alarms of the pipeline by the beginning of their names: a list of all would not fit into the 2,048 characters of a pattern.
/// The alarms of a pipeline whose name begins with this one's come as well, and the controller ignores them.
fn pattern(scope: &Scope) -> Value {
    let alarms = scope.fill("arn:{partition}:cloudwatch:{region}:{account}:alarm:{pipeline}-", "");
    let one = |text: &str| Value::list([text]);
    Value::map([
        ("source", one("aws.cloudwatch")),
        ("detail-type", one("CloudWatch Alarm State Change")),
        ("resources", Value::List(vec![Value::map([("prefix", alarms)])])),
        ("detail", Value::map([("state", Value::map([("value", one("ALARM"))]))])),
    ])
}

async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of {arn}");
    let answer = aws
        .call("events:ListTagsForResource", &doing, || aws.events().list_tags_for_resource().resource_arn(arn).send())
        .await?;
    Ok(answer.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

/// The rule by its usual name; one that was named otherwise is found by the tagging API, which AWS has.
async fn list(aws: &Aws, scope: &Scope) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint {
        return Ok(Vec::new());
    }
    let physical = queue::physical(scope, &queue::WakeUp::default());
    let tags = match tags(aws, &scope.fill(ARN, &physical)).await {
        Err(fault) if fault.is_absent() => return Ok(Vec::new()),
        tags => tags?,
    };
    Ok(Tagged::of(SCHEMA.kind, scope, &physical, tags).into_iter().collect())
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let name = &target.physical;
    let doing = format!("reading rule {name}");
    let rule = aws.call("events:DescribeRule", &doing, || aws.events().describe_rule().name(name).send()).await?;
    let targets =
        aws.call("events:ListTargetsByRule", &doing, || aws.events().list_targets_by_rule().rule(name).send()).await?;
    let queue = targets.targets().first().map(|target| target.arn().to_owned());
    let mut attrs = Attrs::from([
        ("description".to_owned(), Value::text(rule.description().unwrap_or_default())),
        ("enabled".to_owned(), Value::Bool(rule.state() != Some(&RuleState::Disabled))),
        ("tags".to_owned(), Value::map(tags(aws, &target.arn()).await?)),
    ]);
    if let Some(queue) = queue {
        attrs.insert("target".into(), Value::text(queue));
    }
    let pattern = rule.event_pattern().and_then(|text| serde_json::from_str(text).ok());
    if let Some(pattern) = pattern.and_then(|pattern| Value::from_json(&pattern).ok()) {
        attrs.insert("pattern".into(), pattern);
    }
    let outputs = BTreeMap::from([("arn".to_owned(), target.arn()), ("name".to_owned(), name.clone())]);
    Ok(Some(Resource { physical: name.clone(), outputs, attrs, facts: Attrs::new(), state: State::Ready }))
}

fn bad(target: &Target, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(crate::cloud::Class::Refused, format!("changing {}", target.address), "BadRequest", error.to_string())
}

async fn put(aws: &Aws, target: &Target, call: &Call) -> Result<(), Fault> {
    let name = &target.physical;
    let doing = format!("{} rule {name}", if call.effect == Effect::Create { "making" } else { "changing" });
    let mut tags = Vec::new();
    // EventBridge ignores tags of a rule that is there already; those have a call of their own.
    if call.effect == Effect::Create {
        for (key, value) in text_map(call.set.get("tags")) {
            tags.push(Tag::builder().key(key).value(value).build().map_err(|error| bad(target, &error))?);
        }
    }
    let pattern = call.set.get("pattern").map(|pattern| pattern.to_json().to_string());
    let state = match call.set.get("enabled") {
        Some(Value::Bool(false)) => RuleState::Disabled,
        _ => RuleState::Enabled,
    };
    aws.call(PUT, &doing, || {
        let put = aws.events().put_rule().name(name).set_event_pattern(pattern.clone()).state(state.clone());
        let put = put.set_description(call.text("description").map(str::to_owned));
        put.set_tags(Some(tags.clone()).filter(|tags| !tags.is_empty())).send()
    })
    .await
    .map(drop)
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let (events, name, arn) = (aws.events(), &target.physical, &target.arn());
    let doing = format!("changing rule {name}");
    match call.verb() {
        "PutRule" => put(aws, target, call).await?,
        "PutTargets" => {
            let queue = call.text("target").unwrap_or_default();
            let only = RuleTarget::builder().id(ONLY).arn(queue).build().map_err(|error| bad(target, &error))?;
            let put =
                aws.call("events:PutTargets", &doing, || events.put_targets().rule(name).targets(only.clone()).send());
            let answer = put.await?;
            // It answers 200 also where it refuses the target.
            if let Some(refused) = answer.failed_entries().first() {
                return Err(bad(target, &refused.error_message().unwrap_or("the target was refused")));
            }
        }
        "RemoveTargets" => {
            let remove =
                aws.call("events:RemoveTargets", &doing, || events.remove_targets().rule(name).ids(ONLY).send());
            remove.await.map(drop)?;
        }
        "TagResource" => {
            let mut tags = Vec::new();
            for (key, value) in text_map(call.set.get("tags")) {
                tags.push(Tag::builder().key(key).value(value).build().map_err(|error| bad(target, &error))?);
            }
            let tag = aws.call("events:TagResource", &doing, || {
                events.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send()
            });
            tag.await.map(drop)?;
        }
        "UntagResource" => {
            let keys = call.drop_tags.clone();
            let untag = aws.call("events:UntagResource", &doing, || {
                events.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.clone())).send()
            });
            untag.await.map(drop)?;
        }
        "DeleteRule" => {
            aws.call("events:DeleteRule", &doing, || events.delete_rule().name(name).send()).await.map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}
