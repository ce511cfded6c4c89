//! Archives: Firehose delivery streams that carry a Kinesis stream to S3.

mod check;
mod effects;
mod role;
mod spec;

use futures::future::BoxFuture;

pub use effects::readers;
pub use spec::{ArchiveSpec, Buffer, Compression, LogRetention, S3};

use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish, bucket, log_group};
use crate::aws::Aws;
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Call, Cost, Desired, Field, Path, Permit, Priced, Resource, Schema, Scope, State, Value, When,
};

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
        Field::in_place(
            "fileExtension",
            UPDATE,
            "What the names of objects end with; empty: what the format asks for.",
        )
        .folded()
        .default(|| Value::text(""))
        .seconds(30),
        Field::tags("firehose:TagDeliveryStream", "firehose:UntagDeliveryStream").folded(),
    ],
    create: "firehose:CreateDeliveryStream",
    delete: "firehose:DeleteDeliveryStream",
    asynchronous: true,
    create_seconds: 60,
    arn: Some("arn:{partition}:firehose:{region}:{account}:deliverystream/{name}"),
    assigned: &[],
    // What is not delivered yet is still in the stream.
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    creating_limit: None,
    calls: Schema::plain_calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
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

fn cost(_: &Priced) -> Cost {
    Cost { monthly_micros: 0, usage: vec!["ingested GB (each record counts in steps of 5 KiB)".into()] }
}

/// Where an archive's objects go, with the default in place.
pub fn prefix(name: &Name, archive: &ArchiveSpec) -> String {
    archive.s3.prefix.clone().unwrap_or_else(|| format!("{name}/!{{timestamp:yyyy/MM/dd/HH}}/"))
}

/// Where the records go that could not be delivered, with the default in place.
pub fn error_prefix(name: &Name, archive: &ArchiveSpec) -> String {
    let fallback = || format!("errors/{name}/!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/");
    archive.s3.error_prefix.clone().unwrap_or_else(fallback)
}

/// The part of a prefix that all its objects share.
pub fn literal(prefix: &str) -> &str {
    prefix.split_once("!{").map_or(prefix, |(literal, _)| literal)
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (name, archive) in &spec.archives {
            let at = Path::of(["archives", name.as_str()]);
            check::archive(name, archive, &at, &mut wish.problems);
            if wish.defined("streams", &spec.streams, &archive.from, &at.key("from")) {
                desire(wish, name, archive, &at);
            }
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        _known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(effects::list(aws, scope))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(effects::observe(aws, target))
    }

    fn state<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        Box::pin(effects::state(aws, target))
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

fn desire(wish: &mut Wish, name: &Name, archive: &ArchiveSpec, at: &Path) {
    let Some(key) = bucket::key(wish, archive, &at.key("s3")) else { return };
    // The AWS-managed key and S3's own keys are the bucket's default; Firehose names customer keys only.
    let key = if key.as_text() == Some("aws") { Value::text("none") } else { key };
    let role = role::of(wish, name, archive, &key, at);
    let role = Value::reference(role, "arn");
    let logs = log_group::address(name);
    let desired = Desired::new(&SCHEMA, name.as_str(), physical(name, archive), at.clone());
    let tags = wish.tags(&desired.address, &archive.tags, Fate::REMADE, at);
    wish.add(
        desired
            .with("source", Value::reference(Address::new("stream", archive.from.as_str()), "arn"))
            .with("sourceRole", role.clone())
            .with("bucket", Value::reference(bucket::address(&archive.s3.bucket), "arn"))
            .with("role", role)
            .with("prefix", prefix(name, archive))
            .with("errorPrefix", error_prefix(name, archive))
            .with("bufferSize", archive.buffer.size.to_string())
            .with("bufferInterval", archive.buffer.interval.to_string())
            .with("compression", archive.compression.word())
            .with("key", key)
            .with("logGroup", Value::reference(logs, "name"))
            .with("logStream", log_group::STREAM)
            .with("timeZone", archive.time_zone.as_deref().unwrap_or("UTC"))
            .with("fileExtension", archive.file_extension.as_deref().unwrap_or_default())
            .with("tags", tags),
    );
}

#[cfg(test)]
mod tests;
