//! What a pipeline gets where its spec says nothing, and why. A test compares each row with what the spec below becomes.

/// The shortest spec that has one of everything.
pub const BARE: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
keys: { own: {} }
streams:
  orders: {}
  clicks: { capacity: { mode: provisioned, shards: 1 }, encryption: { key: own } }
archives:
  raw: { from: clicks, s3: { bucket: acme-orders, create: true } }
access:
  web: { trust: { service: lambda.amazonaws.com }, can: [{ write: clicks }] }
endpoints:
  kinesis:
    vpc: vpc-0a1b2c3d
    subnets: [subnet-1a2b3c4d]
    securityGroup: { create: true, allowFrom: [10.0.0.0/16] }
    services: [kinesis-streams]
    allow: [web]
controller: { wakeUp: {} }
";

/// One choice of ours.
pub struct Chosen {
    /// A resource of [`BARE`].
    pub address: &'static str,
    pub field: &'static str,
    /// A part of the field's JSON.
    pub value: &'static str,
    /// For people; empty where `value` says it.
    pub told: &'static str,
    pub why: &'static str,
}

const fn row(
    address: &'static str,
    field: &'static str,
    value: &'static str,
    told: &'static str,
    why: &'static str,
) -> Chosen {
    Chosen { address, field, value, told, why }
}

/// All of them, in the order of the resources.
pub static DEFAULTS: &[Chosen] = &[
    row(
        "key/own",
        "rotation",
        "365d",
        "",
        "A key that leaks is of use for a year at most; rotation changes nothing for users of the key.",
    ),
    row(
        "key/own",
        "deletionWindow",
        "30d",
        "",
        "The longest that KMS takes: with the key goes everything that it encrypted.",
    ),
    row(
        "key/own",
        "policy",
        "arn:aws:iam::123456789012:root",
        "the account, which delegates by IAM",
        "Without this statement nobody can manage the key any more; who may use it stands in IAM policies alone.",
    ),
    row(
        "stream/orders",
        "mode",
        "onDemand",
        "",
        "It works at any load without a decision; a count of shards is something to know about.",
    ),
    row(
        "stream/orders",
        "retention",
        "24h",
        "",
        "AWS's own and free; `alarms` ring at a quarter of it, so that there is time.",
    ),
    row(
        "stream/orders",
        "encryption",
        "aws",
        "the AWS-managed key",
        "Encrypted at rest without cost and without grants. Where a key is declared the stream can name it, which other accounts need.",
    ),
    row(
        "stream/clicks",
        "encryption",
        "key/own",
        "the key that the stream or `defaults` names",
        "Access to data can then be taken away by one policy.",
    ),
    row("stream/orders", "shardMetrics", "[]", "none", "They are paid by shard; the controller does without."),
    row(
        "bucket/acme-orders",
        "publicAccessBlock",
        "\"restrictPublicBuckets\":true",
        "all four locks",
        "No policy or ACL of any later day can make the archive public.",
    ),
    row(
        "bucket/acme-orders",
        "ownership",
        "BucketOwnerEnforced",
        "",
        "ACLs are off: who may read stands in policies alone.",
    ),
    row(
        "bucket/acme-orders",
        "policy",
        "\"aws:SecureTransport\":\"false\"",
        "nobody without TLS",
        "AWS Config and Security Hub ask for it (S3.5), and no client of today lacks it.",
    ),
    row(
        "bucket/acme-orders",
        "encryption",
        "s3",
        "SSE-S3",
        "Every object is encrypted; a `key` makes it SSE-KMS with a bucket key, which saves most of KMS's requests.",
    ),
    row(
        "bucket/acme-orders",
        "versioning",
        "off",
        "",
        "Firehose never overwrites an object, so versions would only keep what `expireAfter` deletes.",
    ),
    row(
        "bucket/acme-orders",
        "lifecycle",
        "\"abortMultipartAfter\":\"7d\"",
        "unfinished uploads go after 7d",
        "They are paid for and nobody sees them.",
    ),
    row(
        "log-group/raw",
        "retention",
        "14d",
        "",
        "Errors of deliveries are of use while their records can still be sent again; without a limit logs are kept, and paid, for ever.",
    ),
    row(
        "delivery/raw",
        "bufferSize",
        "128MiB",
        "",
        "The largest: fewer and larger objects are cheaper to write, list and query.",
    ),
    row(
        "delivery/raw",
        "bufferInterval",
        "5m",
        "",
        "Records are in S3 after five minutes at the latest, as the console has it.",
    ),
    row("delivery/raw", "compression", "gzip", "", "Every reader knows it, and it saves most of the storage."),
    row(
        "delivery/raw",
        "prefix",
        "raw/!{timestamp:yyyy/MM/dd/HH}/",
        "archive, then the hour",
        "Queries read the hours that they need.",
    ),
    row(
        "delivery/raw",
        "errorPrefix",
        "errors/raw/!{firehose:error-output-type}",
        "a folder of its own",
        "What could not be delivered does not look like data.",
    ),
    row(
        "role/raw-delivery",
        "trust",
        "\"sts:ExternalId\":\"123456789012\"",
        "Firehose, for this account alone",
        "The confused-deputy condition that AWS documents for Firehose.",
    ),
    row(
        "role/web",
        "policy",
        "kms:EncryptionContext:aws:kinesis:arn",
        "exact actions on exact ARNs, the key for this stream alone",
        "What a role does not need it cannot lose.",
    ),
    row("role/web", "path", "/tidegate/shop/", "", "IAM policies and people tell by it whose a role is."),
    row(
        "endpoint/kinesis/kinesis-streams",
        "policy",
        "aws:PrincipalArn",
        "the named streams, for the named roles",
        "An open endpoint policy is a way out of the network for data.",
    ),
    row("endpoint/kinesis/kinesis-streams", "privateDns", "true", "on", "Producers use it without a change."),
    row("queue/wake-up", "encryption", "sqs", "keys of SQS", "EventBridge may use them without a grant."),
    row(
        "queue/wake-up",
        "policy",
        "aws:SourceArn",
        "EventBridge, for the pipeline's rule alone",
        "The confused-deputy condition that AWS documents for EventBridge.",
    ),
    row("queue/wake-up", "retention", "10m", "", "By then the metrics show what the alarm said."),
    row(
        "alarm/orders/iterator-age",
        "threshold",
        "21600000",
        "a quarter of the stream's retention, in ms",
        "There is still time to mend the readers before records are lost.",
    ),
    row(
        "alarm/orders/iterator-age",
        "statistic",
        "Maximum",
        "",
        "One shard that nobody reads is enough to lose records; an average hides it.",
    ),
    row(
        "alarm/orders/write-throttled",
        "breaching",
        "3",
        "3 of 5 minutes",
        "One minute of a burst is what retries are for.",
    ),
    row(
        "alarm/orders/write-throttled",
        "missingData",
        "notBreaching",
        "good",
        "Throttling metrics have no datapoints where nothing is throttled.",
    ),
    row(
        "alarm/orders/write-throttled",
        "dimensions",
        "stream/orders#name",
        "the stream's name",
        "With another dimension, or an ARN, the alarm waits for data that never comes.",
    ),
    row(
        "alarm/raw/data-freshness",
        "threshold",
        "900",
        "three times the buffer interval, in s",
        "Later than that something does not deliver.",
    ),
];

/// The page of all defaults.
pub fn page() -> String {
    let mut text = String::from(
        "# What you get if you say nothing, and why\n\n\
         Generated from the code (`UPDATE=1 cargo test laws`); do not edit. Every choice can be changed in the spec: [spec.md](spec.md).\n\n\
         Beside these: what holds data (streams, keys, buckets) and roles stay when their block is removed (`onRemoval: retain`), since nobody \
         should lose data by deleting a line.\n\n\
         | kind | field | default | why |\n|---|---|---|---|\n",
    );
    for chosen in DEFAULTS {
        let kind = chosen.address.split('/').next().unwrap_or_default();
        let told = if chosen.told.is_empty() { format!("`{}`", chosen.value) } else { chosen.told.to_owned() };
        text.push_str(&format!("| {kind} | `{}` | {told} | {} |\n", chosen.field, chosen.why));
    }
    text
}
