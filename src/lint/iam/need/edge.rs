//! The companion permissions of every way of working with a stream, written by hand from AWS's guides.

/// A stream as far as policies care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub arn: String,
    /// The ARN of the customer key of its records; the key that AWS manages needs no grant.
    pub key: Option<String>,
}

/// A way of working with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Puts records, by the SDK or by the Kinesis Producer Library.
    Write { kpl: bool },
    /// Asks for records shard by shard.
    Poll,
    /// Is sent records through a consumer of this name; `*` is any.
    FanOut { consumer: String },
    /// The Kinesis Client Library under this application name; `via` a consumer that exists.
    Kcl { application: String, via: Option<String> },
    /// Firehose reads the stream and writes objects.
    Archive { bucket: String, key: Option<String> },
}

/// Somebody works with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub work: Work,
    pub stream: Stream,
}

/// How much an action is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Must,
    /// One of the rows with this word is enough.
    OneOf(&'static str),
    /// Useful and harmless: neither missing nor too much.
    May,
}

/// What an action acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Stream,
    Consumer,
    StreamKey,
    Everything,
    /// The tables of a KCL application whose names end so.
    Table(&'static str),
    Bucket,
    Objects,
    ObjectKey,
    /// Something that the row's edge does not name, such as a function or a log stream.
    Elsewhere(&'static str),
}

/// Where the rows come from, by the number in them.
pub const SOURCES: &[&str] = &[
    "docs.aws.amazon.com/streams/latest/dev/controlling-access.html",
    "docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html",
    "docs.aws.amazon.com/streams/latest/dev/kcl-iam-permissions.html",
    "docs.aws.amazon.com/firehose/latest/dev/controlling-access.html",
    "docs.aws.amazon.com/streams/latest/dev/kinesis-kpl-config.html",
];

/// One row: action, what it acts on, how much it is needed, the number of its source.
pub type Row = (&'static str, On, Use, usize);

const WRITE: &[Row] = &[
    ("kinesis:PutRecord", On::Stream, Use::OneOf("put"), 0),
    ("kinesis:PutRecords", On::Stream, Use::OneOf("put"), 0),
    ("kinesis:ListShards", On::Stream, Use::May, 0),
    ("kinesis:DescribeStreamSummary", On::Stream, Use::May, 0),
    ("kinesis:DescribeStream", On::Stream, Use::May, 0),
    ("kms:GenerateDataKey", On::StreamKey, Use::Must, 1),
];
const KPL: &[Row] =
    &[("kinesis:ListShards", On::Stream, Use::Must, 4), ("cloudwatch:PutMetricData", On::Everything, Use::Must, 4)];
/// Shards are found by either of two actions; older libraries use the second.
const FIND: &[Row] = &[
    ("kinesis:ListShards", On::Stream, Use::OneOf("find shards"), 0),
    ("kinesis:DescribeStream", On::Stream, Use::OneOf("find shards"), 0),
    ("kinesis:DescribeStreamSummary", On::Stream, Use::May, 0),
    ("kinesis:ListStreams", On::Everything, Use::May, 0),
    ("kms:Decrypt", On::StreamKey, Use::Must, 1),
];
/// A service that works by the role may log by it (Lambda and Managed Flink developer guides).
const LOG: &[Row] = &[
    ("logs:CreateLogGroup", On::Elsewhere("arn:*:logs:*"), Use::May, 0),
    ("logs:CreateLogStream", On::Elsewhere("arn:*:logs:*"), Use::May, 0),
    ("logs:PutLogEvents", On::Elsewhere("arn:*:logs:*"), Use::May, 0),
    ("logs:DescribeLogGroups", On::Everything, Use::May, 0),
    ("logs:DescribeLogStreams", On::Elsewhere("arn:*:logs:*"), Use::May, 0),
];
const POLL: &[Row] =
    &[("kinesis:GetShardIterator", On::Stream, Use::Must, 0), ("kinesis:GetRecords", On::Stream, Use::Must, 0)];
const FAN_OUT: &[Row] = &[
    ("kinesis:SubscribeToShard", On::Consumer, Use::Must, 0),
    ("kinesis:DescribeStreamConsumer", On::Consumer, Use::May, 0),
    ("kinesis:RegisterStreamConsumer", On::Stream, Use::May, 0),
    ("kinesis:DeregisterStreamConsumer", On::Consumer, Use::May, 0),
    ("kinesis:ListStreamConsumers", On::Stream, Use::May, 0),
];
/// KCL 3 gets records by fan-out unless it is told to poll.
const KCL: &[Row] = &[
    ("kinesis:DescribeStreamSummary", On::Stream, Use::Must, 2),
    ("kinesis:DescribeStream", On::Stream, Use::May, 2),
    ("kinesis:GetRecords", On::Stream, Use::OneOf("get records"), 2),
    ("kinesis:SubscribeToShard", On::Consumer, Use::OneOf("get records"), 2),
    ("kinesis:GetShardIterator", On::Stream, Use::May, 2),
    ("kinesis:DescribeStreamConsumer", On::Consumer, Use::May, 2),
    ("kinesis:RegisterStreamConsumer", On::Stream, Use::May, 2),
    ("cloudwatch:PutMetricData", On::Everything, Use::Must, 2),
    ("dynamodb:CreateTable", On::Table(""), Use::Must, 2),
    ("dynamodb:DescribeTable", On::Table(""), Use::Must, 2),
    ("dynamodb:UpdateTable", On::Table(""), Use::Must, 2),
    // From 3.5 on this one table holds all of it.
    ("dynamodb:ConditionCheckItem", On::Table(""), Use::May, 2),
    ("dynamodb:Scan", On::Table(""), Use::Must, 2),
    ("dynamodb:GetItem", On::Table(""), Use::Must, 2),
    ("dynamodb:PutItem", On::Table(""), Use::Must, 2),
    ("dynamodb:UpdateItem", On::Table(""), Use::Must, 2),
    ("dynamodb:DeleteItem", On::Table(""), Use::Must, 2),
    ("dynamodb:Query", On::Table("/index/*"), Use::Must, 2),
];
const KCL_STATE: &[&str] = &[
    "dynamodb:CreateTable",
    "dynamodb:DescribeTable",
    "dynamodb:Scan",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
];
const ARCHIVE: &[Row] = &[
    ("kinesis:DescribeStream", On::Stream, Use::Must, 3),
    ("kinesis:GetShardIterator", On::Stream, Use::Must, 3),
    ("kinesis:GetRecords", On::Stream, Use::Must, 3),
    ("kinesis:ListShards", On::Stream, Use::Must, 3),
    ("kms:Decrypt", On::StreamKey, Use::Must, 3),
    ("s3:GetBucketLocation", On::Bucket, Use::Must, 3),
    ("s3:ListBucket", On::Bucket, Use::Must, 3),
    ("s3:ListBucketMultipartUploads", On::Bucket, Use::Must, 3),
    ("s3:AbortMultipartUpload", On::Objects, Use::Must, 3),
    ("s3:GetObject", On::Objects, Use::Must, 3),
    ("s3:PutObject", On::Objects, Use::Must, 3),
    ("s3:PutObjectAcl", On::Objects, Use::May, 3),
    ("kms:Decrypt", On::ObjectKey, Use::Must, 3),
    ("kms:GenerateDataKey", On::ObjectKey, Use::Must, 3),
    ("logs:PutLogEvents", On::Elsewhere("arn:*:logs:*"), Use::May, 3),
    ("lambda:InvokeFunction", On::Elsewhere("arn:*:lambda:*"), Use::May, 3),
    ("lambda:GetFunctionConfiguration", On::Elsewhere("arn:*:lambda:*"), Use::May, 3),
    ("glue:GetTable", On::Elsewhere("arn:*:glue:*"), Use::May, 3),
    ("glue:GetTableVersion", On::Elsewhere("arn:*:glue:*"), Use::May, 3),
    ("glue:GetTableVersions", On::Elsewhere("arn:*:glue:*"), Use::May, 3),
    ("glue:GetSchemaVersion", On::Everything, Use::May, 3),
];

/// The rows of a way of working.
pub fn rows(work: &Work) -> Vec<Row> {
    match work {
        Work::Write { kpl: false } => [WRITE, LOG].concat(),
        Work::Write { kpl: true } => [KPL, WRITE, LOG].concat(),
        Work::Poll => [POLL, FIND, LOG].concat(),
        Work::FanOut { .. } => [FAN_OUT, FIND, LOG].concat(),
        Work::Kcl { .. } => {
            let state = ["-WorkerMetricStats", "-CoordinatorState"];
            let state =
                state.iter().flat_map(|table| KCL_STATE.iter().map(|action| (*action, On::Table(table), Use::Must, 2)));
            [KCL, FIND, LOG].concat().into_iter().chain(state).collect()
        }
        Work::Archive { .. } => ARCHIVE.to_vec(),
    }
}

/// An action that is needed on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub action: &'static str,
    pub resource: String,
    pub how: Use,
    /// Half of the work is done by KMS in the caller's name.
    pub kms: bool,
    /// Condition keys that the request carries, and their values.
    pub context: Vec<(&'static str, String)>,
    pub source: &'static str,
}

impl Edge {
    /// What the work is, in words: "to write `clicks`".
    pub fn purpose(&self) -> String {
        let stream = &self.stream.name;
        match &self.work {
            Work::Write { kpl: false } => format!("to write `{stream}`"),
            Work::Write { kpl: true } => format!("to write `{stream}` by the producer library"),
            Work::Poll => format!("to read `{stream}`"),
            Work::FanOut { .. } => format!("to read `{stream}` by fan-out"),
            Work::Kcl { application, .. } => format!("to read `{stream}` as KCL application `{application}`"),
            Work::Archive { bucket, .. } => format!("to archive `{stream}` to the bucket `{bucket}`"),
        }
    }

    /// Everything that is or may be needed.
    pub fn needs(&self) -> Vec<Need> {
        let place = Place::of(&self.stream.arn);
        let build = |(action, on, how, source): Row| {
            let (resource, context) = self.target(on, &place)?;
            let kms = action.starts_with("kms:");
            Some(Need { action, resource, how, kms, context, source: SOURCES.get(source).copied().unwrap_or_default() })
        };
        rows(&self.work).into_iter().filter_map(build).collect()
    }

    /// The resource of a row and what its requests carry; none where the edge has no such resource.
    fn target(&self, on: On, place: &Place) -> Option<(String, Vec<(&'static str, String)>)> {
        let arn = &self.stream.arn;
        let bare = |resource: String| Some((resource, Vec::new()));
        match (on, &self.work) {
            (On::Stream, _) => bare(arn.clone()),
            (On::Consumer, Work::FanOut { consumer }) => bare(format!("{arn}/consumer/{consumer}:*")),
            (On::Consumer, Work::Kcl { application, via }) => {
                bare(format!("{arn}/consumer/{}:*", via.as_ref().unwrap_or(application)))
            }
            (On::StreamKey, _) => {
                let via = ("kms:ViaService", place.host("kinesis"));
                Some((self.stream.key.clone()?, vec![via, ("kms:EncryptionContext:aws:kinesis:arn", arn.clone())]))
            }
            (On::Everything, Work::Kcl { application, .. }) => {
                Some(("*".into(), vec![("cloudwatch:namespace", application.clone())]))
            }
            (On::Everything, Work::Write { .. }) => {
                Some(("*".into(), vec![("cloudwatch:namespace", "KinesisProducerLibrary".into())]))
            }
            (On::Everything, _) => bare("*".into()),
            (On::Table(suffix), Work::Kcl { application, .. }) => bare(format!(
                "arn:{}:dynamodb:{}:{}:table/{application}{suffix}",
                place.partition, place.region, place.account
            )),
            (On::Bucket, Work::Archive { bucket, .. }) => bare(format!("arn:{}:s3:::{bucket}", place.partition)),
            (On::Objects, Work::Archive { bucket, .. }) => bare(format!("arn:{}:s3:::{bucket}/*", place.partition)),
            (On::ObjectKey, Work::Archive { bucket, key }) => {
                let context = format!("arn:{}:s3:::{bucket}*", place.partition);
                let via = ("kms:ViaService", place.host("s3"));
                Some((key.clone()?, vec![via, ("kms:EncryptionContext:aws:s3:arn", context)]))
            }
            (On::Elsewhere(pattern), _) => bare(pattern.to_owned()),
            (On::Consumer | On::Table(_) | On::Bucket | On::Objects | On::ObjectKey, _) => None,
        }
    }
}

/// Partition, region and account of an ARN.
struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Place {
    fn of(arn: &str) -> Self {
        let split = super::super::arn::Arn::split(arn);
        let part = |part: fn(super::super::arn::Arn<'_>) -> String| split.map_or("*".to_owned(), part);
        Self {
            partition: part(|arn| arn.partition.to_owned()),
            region: part(|arn| arn.region.to_owned()),
            account: part(|arn| arn.account.to_owned()),
        }
    }

    /// The host by which KMS knows a service.
    fn host(&self, service: &str) -> String {
        let suffix = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{service}.{}.{suffix}", self.region)
    }
}
