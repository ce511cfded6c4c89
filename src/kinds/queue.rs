//! The wake-up queue: an SQS queue that hears of the pipeline's alarms at once, so that the controller need not wait for its next tick.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stream::text_map;
use super::wish::Fate;
use super::{Known, ResourceKind, Tagged, Wish, rule};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Fault, Outputs, Target};
use crate::model::units::Span;
use crate::model::{
    Attrs, Call, Compare, Cost, Desired, Effect, Field, Path, Permit, Priced, Problem, Resource, Schema, Scope, State,
    Value, When,
};

/// What the pipeline makes for `tidegate run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controller {
    /// A queue that EventBridge tells of this pipeline's alarms: `tidegate run` then decides within a second of an alarm, in place of
    /// a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({}))]
    pub wake_up: Option<WakeUp>,
}

/// The wake-up queue and its rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WakeUp {
    /// The name of queue and rule in AWS; otherwise `PIPELINE-wake-up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"clickstream-wake-up")]
    pub name: Option<String>,
    /// Tags on queue and rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
}

/// The name within the kinds of queue and rule.
pub const NAME: &str = "wake-up";
/// SQS: 1 to 80 letters, digits, hyphens and underscores; EventBridge takes 64 for a rule.
const LONGEST: usize = 64;
/// An alarm that nobody has read for so long is in the metrics by then.
const RETENTION: &str = "10m";

const SET: &str = "sqs:SetQueueAttributes";
const ARN: &str = "arn:{partition}:sqs:{region}:{account}:{name}";

pub static SCHEMA: Schema = Schema {
    kind: "queue",
    title: "SQS queue",
    fields: &[
        Field::in_place("retention", SET, "How long a message waits for a reader.")
            .folded()
            .default(|| Value::text("4d")),
        Field::in_place("encryption", SET, "`sqs`: by keys of SQS, which EventBridge may use without a grant.")
            .folded()
            .default(|| Value::text("sqs")),
        Field::in_place("policy", SET, "Who may send: EventBridge, for the rule of this pipeline alone.")
            .folded()
            .compare(Compare::Document),
        Field::tags("sqs:TagQueue", "sqs:UntagQueue").folded(),
    ],
    create: "sqs:CreateQueue",
    delete: "sqs:DeleteQueue",
    create_seconds: 1,
    arn: Some(ARN),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    // Alarms that have rung; nobody misses them.
    holds_data: None,
    asynchronous: false,
    creating_limit: None,
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"],
            on: ARN,
        },
        Permit { when: When::Create, actions: &["sqs:CreateQueue", "sqs:TagQueue"], on: ARN },
        Permit { when: When::Update, actions: &["sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"], on: ARN },
        Permit { when: When::Delete, actions: &["sqs:DeleteQueue"], on: ARN },
    ],
};

fn cost(_: &Priced) -> Cost {
    Cost { monthly_micros: 0, usage: vec!["SQS requests: 130,000 a month of waiting, of a free million".into()] }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn names(&self, scope: &Scope) -> String {
        format!("{}-{NAME}", scope.pipeline)
    }

    fn desire(&self, wish: &mut Wish) {
        let Some((wake_up, at)) = wanted(wish) else { return };
        let physical = physical(wish.scope, &wake_up);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if physical.is_empty() || physical.len() > LONGEST || !physical.chars().all(fits) {
            let message = format!("`{physical}` cannot be the name of a queue and a rule");
            let help = format!("give `name` 1 to {LONGEST} letters, digits, `-` and `_`");
            return wish.problem(Problem::new("invalid-value", at.key("name"), message).help(help));
        }
        let policy = policy(wish.scope, &physical);
        let desired = Desired::new(&SCHEMA, NAME, physical, at.clone());
        let tags = wish.tags(&desired.address, &wake_up.tags, Fate::REMADE, &at);
        let desired = desired.with("retention", RETENTION).with("encryption", "sqs");
        wish.add(desired.with("policy", policy).with("tags", tags));
    }

    /// Emulators leave queues out of the tagging API.
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

/// The wish for a wake-up queue, and where it stands.
pub(super) fn wanted(wish: &Wish) -> Option<(WakeUp, Path)> {
    Some((wish.spec.controller.wake_up.clone()?, Path::of(["controller", "wakeUp"])))
}

/// The name of queue and rule in AWS.
pub(super) fn physical(scope: &Scope, wake_up: &WakeUp) -> String {
    wake_up.name.clone().unwrap_or_else(|| format!("{}-{NAME}", scope.pipeline))
}

/// EventBridge sends for this rule alone: the confused-deputy condition of its user guide ("Resource-based policies").
fn policy(scope: &Scope, name: &str) -> Value {
    let rule = scope.fill(rule::SCHEMA.arn.unwrap_or_default(), name);
    let statement = Value::map([
        ("Sid", Value::text("AlarmsOfThePipeline")),
        ("Effect", Value::text("Allow")),
        ("Principal", Value::map([("Service", "events.amazonaws.com")])),
        ("Action", Value::text("sqs:SendMessage")),
        ("Resource", Value::text(scope.fill(ARN, name))),
        ("Condition", Value::map([("ArnEquals", Value::map([("aws:SourceArn", rule)]))])),
    ]);
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(vec![statement]))])
}

/// The address by which SQS wants to be called.
pub async fn url(aws: &Aws, name: &str) -> Result<String, Fault> {
    let doing = format!("looking for queue {name}");
    let answer = aws.call("sqs:GetQueueUrl", &doing, || aws.sqs().get_queue_url().queue_name(name).send()).await?;
    Ok(answer.queue_url.unwrap_or_default())
}

async fn tags(aws: &Aws, url: &str, name: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of queue {name}");
    let answer = aws.call("sqs:ListQueueTags", &doing, || aws.sqs().list_queue_tags().queue_url(url).send()).await?;
    Ok(answer.tags.unwrap_or_default().into_iter().collect())
}

/// The queue by its usual name; one that was named otherwise is found by the tagging API, which AWS has.
async fn list(aws: &Aws, scope: &Scope) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint {
        return Ok(Vec::new());
    }
    let physical = physical(scope, &WakeUp::default());
    let url = match url(aws, &physical).await {
        Err(fault) if fault.is_absent() => return Ok(Vec::new()),
        url => url?,
    };
    let tags = tags(aws, &url, &physical).await?;
    Ok(Tagged::of(SCHEMA.kind, scope, &physical, tags).into_iter().collect())
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let name = &target.physical;
    let url = url(aws, name).await?;
    let doing = format!("reading queue {name}");
    let answer = aws
        .call("sqs:GetQueueAttributes", &doing, || {
            let wanted = [
                Attribute::MessageRetentionPeriod,
                Attribute::SqsManagedSseEnabled,
                Attribute::Policy,
                Attribute::KmsMasterKeyId,
            ];
            aws.sqs().get_queue_attributes().queue_url(&url).set_attribute_names(Some(wanted.to_vec())).send()
        })
        .await?;
    let of = |name: Attribute| answer.attributes().and_then(|all| all.get(&name)).filter(|text| !text.is_empty());
    let retention = of(Attribute::MessageRetentionPeriod).and_then(|text| text.parse().ok()).map(Span::of_seconds);
    let encryption = match (of(Attribute::KmsMasterKeyId), of(Attribute::SqsManagedSseEnabled).map(String::as_str)) {
        (Some(key), _) => key.clone(),
        (None, Some("false")) => "none".into(),
        (None, _) => "sqs".into(),
    };
    let mut attrs = Attrs::from([
        ("retention".to_owned(), Value::text(retention.map_or_else(|| "4d".to_owned(), |span| span.to_string()))),
        ("encryption".to_owned(), Value::text(encryption)),
        ("tags".to_owned(), Value::map(tags(aws, &url, name).await?)),
    ]);
    let policy = of(Attribute::Policy).and_then(|text| serde_json::from_str(text).ok());
    if let Some(policy) = policy.and_then(|policy| Value::from_json(&policy).ok()) {
        attrs.insert("policy".into(), policy);
    }
    let outputs = BTreeMap::from([("arn".to_owned(), target.arn()), ("name".to_owned(), name.clone())]);
    Ok(Some(Resource { physical: name.clone(), outputs, attrs, facts: Attrs::new(), state: State::Ready }))
}

/// The attributes that a call sets, in SQS's words.
fn attributes(call: &Call) -> HashMap<Attribute, String> {
    let mut found = HashMap::new();
    if let Some(span) = call.text("retention").and_then(|text| text.parse::<Span>().ok()) {
        found.insert(Attribute::MessageRetentionPeriod, span.seconds().to_string());
    }
    if let Some(encryption) = call.text("encryption") {
        found.insert(Attribute::SqsManagedSseEnabled, (encryption == "sqs").to_string());
    }
    if let Some(policy) = call.set.get("policy") {
        found.insert(Attribute::Policy, policy.to_json().to_string());
    }
    found
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let (sqs, name) = (aws.sqs(), &target.physical);
    let doing = format!("changing queue {name}");
    if call.effect == Effect::Create {
        let (attributes, tags) = (attributes(call), text_map(call.set.get("tags")));
        let create = aws.call("sqs:CreateQueue", &doing, || {
            let create = sqs.create_queue().queue_name(name).set_attributes(Some(attributes.clone()));
            create.set_tags(Some(tags.clone())).send()
        });
        return create.await.map(|_| Outputs::new());
    }
    let url = url(aws, name).await?;
    match call.verb() {
        "SetQueueAttributes" => {
            let attributes = attributes(call);
            let set = aws.call(SET, &doing, || {
                sqs.set_queue_attributes().queue_url(&url).set_attributes(Some(attributes.clone())).send()
            });
            set.await.map(drop)?;
        }
        "TagQueue" => {
            let tags = text_map(call.set.get("tags"));
            let tag = aws
                .call("sqs:TagQueue", &doing, || sqs.tag_queue().queue_url(&url).set_tags(Some(tags.clone())).send());
            tag.await.map(drop)?;
        }
        "UntagQueue" => {
            let keys = call.drop_tags.clone();
            let untag = aws.call("sqs:UntagQueue", &doing, || {
                sqs.untag_queue().queue_url(&url).set_tag_keys(Some(keys.clone())).send()
            });
            untag.await.map(drop)?;
        }
        "DeleteQueue" => {
            aws.call("sqs:DeleteQueue", &doing, || sqs.delete_queue().queue_url(&url).send()).await.map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}
