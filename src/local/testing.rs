//! Small tables of kinds for the tests of this folder: what the real ones look like to a store of attributes.

use std::time::Duration;

use futures::FutureExt;

use super::{Local, Options};
use crate::cloud::{Cloud, Fault, Outputs, Target};
use crate::model::{
    Address, Attrs, Call, Compare, Effect, Field, Observed, PIPELINE, RESOURCE, Resource, Schema, Value,
};

/// 2026-11-24T00:00:00Z
pub const NOW: i64 = 1_795_478_400;

const PLAIN: Schema = Schema {
    kind: "",
    title: "",
    fields: &[],
    create: "",
    delete: "",
    create_seconds: 1,
    arn: None,
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    asynchronous: false,
    creating_limit: None,
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost: Schema::free,
    permits: &[],
};

pub static SCHEMAS: &[&Schema] = &[
    &Schema {
        kind: "key",
        title: "KMS key",
        fields: &[
            Field::in_place("rotation", "kms:EnableKeyRotation", ""),
            Field::tags("kms:TagResource", "kms:UntagResource").folded(),
        ],
        create: "kms:CreateKey",
        delete: "kms:ScheduleKeyDeletion",
        assigned: &["arn", "id"],
        ..PLAIN
    },
    &Schema {
        kind: "stream",
        title: "Kinesis data stream",
        fields: &[
            Field::in_place("mode", "kinesis:UpdateStreamMode", "").folded(),
            Field::in_place("shards", "kinesis:UpdateShardCount", "").folded().compare(Compare::Within),
            Field::in_place("retention", "kinesis:IncreaseStreamRetentionPeriod", "").default(|| Value::text("24h")),
            Field::in_place("encryption", "kinesis:StartStreamEncryption", "").default(|| Value::text("none")),
            Field::in_place("shardMetrics", "kinesis:EnableEnhancedMonitoring", "").default(|| Value::List(Vec::new())),
            Field::tags("kinesis:AddTagsToStream", "kinesis:RemoveTagsFromStream").folded(),
        ],
        create: "kinesis:CreateStream",
        delete: "kinesis:DeleteStream",
        create_seconds: 30,
        arn: Some("arn:{partition}:kinesis:{region}:{account}:stream/{name}"),
        ..PLAIN
    },
    &Schema {
        kind: "consumer",
        title: "fan-out consumer",
        create: "kinesis:RegisterStreamConsumer",
        delete: "kinesis:DeregisterStreamConsumer",
        create_seconds: 15,
        assigned: &["arn"],
        ..PLAIN
    },
    &Schema {
        kind: "stream-policy",
        title: "stream policy",
        fields: &[Field::in_place("policy", "kinesis:PutResourcePolicy", "").folded().compare(Compare::Document)],
        create: "kinesis:PutResourcePolicy",
        delete: "kinesis:DeleteResourcePolicy",
        ..PLAIN
    },
    &Schema {
        kind: "role",
        title: "IAM role",
        fields: &[Field::tags("iam:TagRole", "iam:UntagRole").folded()],
        create: "iam:CreateRole",
        delete: "iam:DeleteRole",
        create_seconds: 10,
        arn: Some("arn:{partition}:iam::{account}:role/{name}"),
        ..PLAIN
    },
    &Schema {
        kind: "delivery",
        title: "Firehose stream",
        fields: &[Field::in_place("role", "firehose:UpdateDestination", "").folded()],
        create: "firehose:CreateDeliveryStream",
        delete: "firehose:DeleteDeliveryStream",
        create_seconds: 20,
        arn: Some("arn:{partition}:firehose:{region}:{account}:deliverystream/{name}"),
        ..PLAIN
    },
];

pub fn local() -> Local {
    Local::new(SCHEMAS, Options::default(), NOW)
}

pub fn target(kind: &str, physical: &str) -> Target {
    let schema = SCHEMAS.iter().find(|schema| schema.kind == kind).unwrap();
    let mut scope = Options::default().scope();
    scope.pipeline = "shop".into();
    Target {
        address: Address::new(kind, physical),
        schema,
        scope,
        physical: physical.into(),
        outputs: Default::default(),
        listed: None,
    }
}

/// The tags by which the pipeline `shop` knows `kind/name`.
pub fn tags(kind: &str, name: &str) -> Value {
    Value::map([(PIPELINE, "shop".to_owned()), (RESOURCE, format!("{kind}/{name}"))])
}

impl Local {
    pub fn create(&self, kind: &str, physical: &str, set: &[(&str, Value)]) -> Result<Outputs, Fault> {
        let target = target(kind, physical);
        let mut call = Call::new(Effect::Create, target.schema.create);
        call.set = set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Attrs>();
        self.make(&target, &call)
    }

    pub fn set(&self, stream: &str, operation: &str, set: &[(&str, Value)]) -> Result<Outputs, Fault> {
        let mut call = Call::new(Effect::Set, operation);
        call.set = set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Attrs>();
        self.make(&target("stream", stream), &call)
    }

    pub fn delete(&self, kind: &str, physical: &str) -> Result<Outputs, Fault> {
        let target = target(kind, physical);
        self.make(&target, &Call::new(Effect::Delete, target.schema.delete))
    }

    pub fn see(&self, kind: &str, physical: &str) -> Option<Resource> {
        match self.observe(&target(kind, physical)).now_or_never().unwrap() {
            Observed::Present(resource) => Some(*resource),
            _ => None,
        }
    }

    pub fn wait(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// A provisioned stream that is ACTIVE.
    pub fn ready_stream(&self, name: &str, shards: i64) {
        self.create("stream", name, &[("shards", Value::Int(shards))]).unwrap();
        self.wait(60);
    }
}
