//! Statements of derived policies: exact actions on exact ARNs.
//!
//! Actions: the IAM pages of Kinesis Data Streams ("Controlling access", "Permissions to use user-generated KMS keys")
//! and of KCL 3.x ("IAM permissions required for KCL consumer applications"), November 2026.

use crate::kinds::{Name, Wish, stream};
use crate::model::{Address, Scope, Value};

/// A statement that allows `actions` on `resources`. `sid` may hold any text; IAM takes letters and digits only.
pub fn allow(sid: &str, actions: &[&str], resources: Vec<Value>, condition: Option<Value>) -> Value {
    let mut resources = resources;
    let resource = if resources.len() == 1 { resources.remove(0) } else { Value::List(resources) };
    let mut statement = vec![
        ("Sid", Value::text(camel(sid))),
        ("Effect", Value::text("Allow")),
        ("Action", if let [one] = actions { Value::text(*one) } else { Value::list(actions.iter().copied()) }),
        ("Resource", resource),
    ];
    statement.extend(condition.map(|condition| ("Condition", condition)));
    Value::map(statement)
}

/// The document of these statements, each once and with a `Sid` of its own; `{}` where there are none.
pub fn document(statements: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for mut statement in statements {
        if kept.contains(&statement) {
            continue;
        }
        let sid = statement.get("Sid").and_then(Value::as_text).unwrap_or_default().to_owned();
        let taken = |sid: &str| kept.iter().any(|other| other.get("Sid").and_then(Value::as_text) == Some(sid));
        if let Some(free) =
            (1..).map(|n| if n == 1 { sid.clone() } else { format!("{sid}{n}") }).find(|sid| !taken(sid))
            && let Value::Map(map) = &mut statement
        {
            map.insert("Sid".into(), Value::text(free));
        }
        kept.push(statement);
    }
    if kept.is_empty() {
        return Value::map::<String, Value>([]);
    }
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(kept))])
}

/// `{operator: {key: value}}`
pub fn condition(operator: &str, key: &str, value: impl Into<Value>) -> Value {
    Value::map([(operator, Value::map([(key, value.into())]))])
}

/// The ARN of a stream of this pipeline.
pub fn stream_arn(stream: &Name) -> Value {
    Value::reference(Address::new(stream::SCHEMA.kind, stream.as_str()), "arn")
}

/// The name of a stream in AWS; of an undefined stream (a problem elsewhere) the name in the spec.
pub fn stream_physical<'a>(wish: &'a Wish, stream: &'a Name) -> &'a str {
    let spec = wish.spec.streams.get(stream);
    spec.and_then(|spec| spec.name.as_ref()).unwrap_or(stream).as_str()
}

/// The ARN of every incarnation of a fan-out consumer: AWS ends it with the time of its registration.
pub fn consumer_pattern(wish: &Wish, stream: &Name, consumer: &str) -> Value {
    let arn = wish.scope.fill(stream::SCHEMA.arn.unwrap_or_default(), stream_physical(wish, stream));
    Value::text(format!("{arn}/consumer/{consumer}:*"))
}

/// The customer key of a stream, if it has one: an ARN or a reference. The AWS-managed key needs no grant.
pub fn stream_key(wish: &Wish, stream: &Name) -> Option<Value> {
    let wanted = wish.graph.get(&Address::new(stream::SCHEMA.kind, stream.as_str()))?;
    match wanted.attrs.get("encryption")? {
        Value::Text(text) if text == "aws" || text == "none" => None,
        key => Some(key.clone()),
    }
}

/// The host by which KMS knows that a service calls for somebody: `kinesis.eu-west-1.amazonaws.com`.
pub fn via_service(scope: &Scope, service: &str) -> String {
    format!("{service}.{}.{}", scope.region, scope.dns_suffix())
}

/// Use of a key through Kinesis for the records of one stream only.
pub fn kms_for_stream(wish: &Wish, sid: &str, actions: &[&str], key: Value, stream: &Name) -> Value {
    let only = Value::map([
        ("kms:ViaService", Value::text(via_service(wish.scope, "kinesis"))),
        ("kms:EncryptionContext:aws:kinesis:arn", stream_arn(stream)),
    ]);
    allow(sid, actions, vec![key], Some(Value::map([("StringEquals", only)])))
}

/// Decryption of a stream's records; none where the stream has no customer key.
pub fn decrypt_stream(wish: &Wish, stream: &Name) -> Option<Value> {
    let key = stream_key(wish, stream)?;
    Some(kms_for_stream(wish, &format!("decrypt {stream}"), &["kms:Decrypt"], key, stream))
}

/// What a producer needs. `kpl`: the Kinesis Producer Library asks for shards and publishes metrics of its own.
pub fn write_stream(wish: &Wish, stream: &Name, kpl: bool) -> Vec<Value> {
    let mut actions = vec!["kinesis:PutRecord", "kinesis:PutRecords"];
    if kpl {
        actions.push("kinesis:ListShards");
    }
    let mut statements = vec![allow(&format!("write {stream}"), &actions, vec![stream_arn(stream)], None)];
    if kpl {
        statements.push(put_metrics("producer metrics", "KinesisProducerLibrary"));
    }
    if let Some(key) = stream_key(wish, stream) {
        let sid = format!("encrypt {stream}");
        statements.push(kms_for_stream(wish, &sid, &["kms:GenerateDataKey"], key, stream));
    }
    statements
}

/// A service that reads a stream by the role and whose documentation asks for more than an ordinary reader's actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Lambda,
    Flink,
    Pipes,
}

impl Host {
    /// By the principal of the role's trust.
    pub fn of(service: &str) -> Option<Self> {
        match service.split('.').next()? {
            "lambda" => Some(Self::Lambda),
            "kinesisanalytics" => Some(Self::Flink),
            "pipes" => Some(Self::Pipes),
            _ => None,
        }
    }

    /// An event source mapping and a pipe look at the stream when they are made, also where they read by a consumer
    /// (Lambda developer guide, "Process Kinesis Data Streams records"; EventBridge user guide, "Kinesis execution
    /// role permissions").
    fn asks_for_stream(self) -> bool {
        matches!(self, Self::Lambda | Self::Pipes)
    }

    /// What the service needs besides the streams: to find them, and to log. A pipe logs without the role.
    pub fn needs(self, scope: &Scope, reads: bool) -> Vec<Value> {
        let logs = |name: &str| {
            let groups = scope.fill("arn:{partition}:logs:{region}:{account}:log-group:", "");
            Value::text(format!("{groups}{name}*"))
        };
        let mut statements = Vec::new();
        if reads && self.asks_for_stream() {
            // It knows no resource-level permissions.
            statements.push(allow("find streams", &["kinesis:ListStreams"], vec!["*".into()], None));
        }
        match self {
            Self::Lambda => {
                let actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
                statements.push(allow("function logs", &actions, vec![logs("/aws/lambda/")], None));
            }
            // Managed Flink developer guide, "Setting up logging in Managed Service for Apache Flink".
            Self::Flink => {
                statements.push(allow("find log groups", &["logs:DescribeLogGroups"], vec![logs("")], None));
                let actions = ["logs:DescribeLogStreams", "logs:PutLogEvents"];
                statements.push(allow("application logs", &actions, vec![logs("/aws/kinesis-analytics/")], None));
            }
            Self::Pipes => {}
        }
        statements
    }
}

/// What a reader needs. `via`: a fan-out consumer of ours. `kcl`: the name of a Kinesis Client Library application.
pub fn read_stream(
    wish: &Wish,
    stream: &Name,
    via: Option<&Name>,
    kcl: Option<&Name>,
    host: Option<Host>,
) -> Vec<Value> {
    let mut actions = vec!["kinesis:DescribeStreamSummary", "kinesis:ListShards"];
    if via.is_none() {
        actions.extend(["kinesis:GetShardIterator", "kinesis:GetRecords"]);
    }
    if kcl.is_some() || host.is_some_and(Host::asks_for_stream) {
        actions.push("kinesis:DescribeStream");
    }
    if kcl.is_some() && via.is_none() {
        // Unless told otherwise, KCL registers a fan-out consumer by its application's name.
        actions.push("kinesis:RegisterStreamConsumer");
    }
    let mut statements = vec![allow(&format!("read {stream}"), &actions, vec![stream_arn(stream)], None)];
    if let Some(consumer) = via.or(kcl) {
        let pattern = consumer_pattern(wish, stream, consumer.as_str());
        let actions = ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"];
        statements.push(allow(&format!("subscribe {stream} {consumer}"), &actions, vec![pattern], None));
    }
    if let Some(application) = kcl {
        statements.extend(kcl_tables(wish.scope, application.as_str()));
        statements.push(put_metrics(&format!("metrics {application}"), application.as_str()));
    }
    statements.extend(decrypt_stream(wish, stream));
    statements
}

/// The three tables in which KCL 3.x keeps leases, load of its workers and its coordinator's state. From 3.5 on the
/// lease table holds all of it.
fn kcl_tables(scope: &Scope, application: &str) -> Vec<Value> {
    let table = |suffix: &str| {
        let arn = scope.fill("arn:{partition}:dynamodb:{region}:{account}:table/", "");
        Value::text(format!("{arn}{application}{suffix}"))
    };
    const ITEMS: [&str; 8] = [
        "dynamodb:CreateTable",
        "dynamodb:DescribeTable",
        "dynamodb:Scan",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    ];
    let leases = [&ITEMS[..], &["dynamodb:UpdateTable"]].concat();
    let state = vec![table("-WorkerMetricStats"), table("-CoordinatorState")];
    vec![
        allow(&format!("leases {application}"), &leases, vec![table("")], None),
        allow(&format!("lease index {application}"), &["dynamodb:Query"], vec![table("/index/*")], None),
        allow(&format!("coordination {application}"), &ITEMS, state, None),
    ]
}

/// CloudWatch knows no resources for metrics; the namespace is the narrowest limit there is.
fn put_metrics(sid: &str, namespace: &str) -> Value {
    let only = condition("StringEquals", "cloudwatch:namespace", namespace);
    allow(sid, &["cloudwatch:PutMetricData"], vec!["*".into()], Some(only))
}

/// `read clicks-raw` becomes `ReadClicksRaw`.
fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
