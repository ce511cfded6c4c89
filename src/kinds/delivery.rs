//! Archives: Firehose delivery streams that carry a Kinesis stream to S3.

mod spec;

use futures::future::BoxFuture;

pub use spec::{ArchiveSpec, Buffer, Compression, LogRetention, S3};

use super::{Name, ResourceKind};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{Address, Attrs, Call, Cost, Field, Permit, Prices, Resource, Schema, Value, When};

/// The delivery stream's name in AWS.
pub fn physical<'a>(name: &'a Name, spec: &'a ArchiveSpec) -> &'a str {
    spec.name.as_ref().unwrap_or(name).as_str()
}

/// The address of an archive's delivery stream.
pub fn address(name: &Name) -> Address {
    Address::new(SCHEMA.kind, name.as_str())
}

const UPDATE: &str = "firehose:UpdateDestination";

pub static SCHEMA: Schema = Schema {
    kind: "delivery",
    title: "Firehose delivery stream",
    fields: &[
        Field::replace("source", "the API cannot change the source", "The stream that is read, by ARN."),
        Field::replace("sourceRole", "the API cannot change the source's role", "The role that reads the stream."),
        Field::in_place("bucket", UPDATE, "Where objects go, by ARN.").folded().seconds(30),
        Field::in_place("role", UPDATE, "The role that writes the objects.").folded().seconds(30),
        Field::in_place("prefix", UPDATE, "What the names of objects begin with.")
            .folded()
            .default(|| Value::text(""))
            .seconds(30),
        Field::in_place("errorPrefix", UPDATE, "What the names of objects begin with whose records failed.")
            .folded()
            .default(|| Value::text(""))
            .seconds(30),
        Field::in_place("bufferSize", UPDATE, "How much is collected before an object is written.")
            .folded()
            .default(|| Value::text("5MiB"))
            .seconds(30),
        Field::in_place("bufferInterval", UPDATE, "How long records are collected before an object is written.")
            .folded()
            .default(|| Value::text("5m"))
            .seconds(30),
        Field::in_place("compression", UPDATE, "How objects are compressed.")
            .folded()
            .default(|| Value::text("none"))
            .seconds(30),
        Field::in_place("key", UPDATE, "The KMS key of the objects; `none`: the bucket's own encryption.")
            .folded()
            .default(|| Value::text("none"))
            .seconds(30),
        Field::in_place("logGroup", UPDATE, "The log group that delivery errors are written to.")
            .folded()
            .default(|| Value::text("none"))
            .seconds(30),
        Field::in_place("logStream", UPDATE, "The log stream that delivery errors are written to.")
            .folded()
            .default(|| Value::text("none"))
            .seconds(30),
        Field::in_place("timeZone", UPDATE, "The time zone of the times in `prefix`.")
            .folded()
            .default(|| Value::text("UTC"))
            .seconds(30),
        Field::in_place("fileExtension", UPDATE, "What the names of objects end with; empty: what the format asks for.")
            .folded()
            .default(|| Value::text(""))
            .seconds(30),
        Field::tags("firehose:TagDeliveryStream", "firehose:UntagDeliveryStream").folded(),
    ],
    create: "firehose:CreateDeliveryStream",
    delete: "firehose:DeleteDeliveryStream",
    create_seconds: 60,
    arn: Some("arn:{partition}:firehose:{region}:{account}:deliverystream/{name}"),
    assigned: &[],
    // What is not delivered yet is still in the stream.
    holds_data: None,
    creating_limit: None,
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    cost,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["firehose:DescribeDeliveryStream", "firehose:ListTagsForDeliveryStream"],
            on: "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
        },
        Permit {
            when: When::Create,
            actions: &["firehose:CreateDeliveryStream", "firehose:TagDeliveryStream"],
            on: "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
        },
        Permit {
            when: When::Create,
            actions: &["iam:PassRole"],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/*",
        },
        Permit {
            when: When::Update,
            actions: &["firehose:UpdateDestination", "firehose:TagDeliveryStream", "firehose:UntagDeliveryStream"],
            on: "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
        },
        Permit {
            when: When::Update,
            actions: &["iam:PassRole"],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/*",
        },
        Permit {
            when: When::Delete,
            actions: &["firehose:DeleteDeliveryStream"],
            on: "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
        },
    ],
};

fn cost(_: &Attrs, _: &Prices) -> Cost {
    Cost { monthly_micros: 0, usage: vec!["ingested GB (each record counts in steps of 5 KiB)".into()] }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn observe<'a>(&'a self, _aws: &'a Aws, _target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn perform<'a>(
        &'a self,
        _aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(async { Err(unknown_call(target, call)) })
    }
}
