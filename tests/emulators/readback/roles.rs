//! Roles: who may assume them, and the whole of their policies.

use serde_json::{Value, json};

use super::{ACCOUNT, BUCKET, STREAM, exactly, for_the_stream, own, tags};
use crate::emulators::awscli::Session;
use crate::support::emulators::REGION;

pub fn compared(cli: &Session, key: &Value) {
    let account = json!({ "aws:SourceAccount": ACCOUNT });
    let ecs =
        json!({ "StringEquals": account, "ArnLike": { "aws:SourceArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:*") } });
    let firehose = json!({ "StringEquals": { "sts:ExternalId": ACCOUNT } });
    let expected = [
        ("producer", "producer of pipeline readback", service("ecs-tasks", &ecs), producer(key)),
        (
            "reader",
            "reader of pipeline readback",
            trust(&json!({ "AWS": "arn:aws:iam::123456789012:role/fraud" })),
            reader(key),
        ),
        (
            "taps-raw-delivery",
            "Lets Firehose archive taps to the bucket acme-readback-raw",
            service("firehose", &firehose),
            delivers(key),
        ),
    ];
    for (role, description, trust, policy) in expected {
        let name = format!("readback-{role}-{REGION}");
        let [seen, names, attached, document, its_tags] = cli.read_all([
            &format!("iam get-role --role-name {name}"),
            &format!("iam list-role-policies --role-name {name}"),
            &format!("iam list-attached-role-policies --role-name {name}"),
            &format!("iam get-role-policy --role-name {name} --policy-name tidegate"),
            &format!("iam list-role-tags --role-name {name}"),
        ]);
        let wanted = json!({ "Path": "/tidegate/readback/", "RoleName": name, "Description": description, "MaxSessionDuration": 3600,
            "Arn": format!("arn:aws:iam::{ACCOUNT}:role/tidegate/readback/{name}"),
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [trust] } });
        exactly(role, &seen["Role"], &["RoleId", "CreateDate", "Tags"], &wanted);
        assert_eq!(
            (&names["PolicyNames"], &attached["AttachedPolicies"]),
            (&json!(["tidegate"]), &json!([])),
            "{role}"
        );
        let wanted = json!({ "Version": "2012-10-17", "Statement": policy });
        exactly(&format!("policy of {role}"), &document["PolicyDocument"], &[], &wanted);
        let region = [("tidegate:region", REGION)];
        exactly(&format!("tags of {role}"), &tags(&its_tags["Tags"]), &[], &own(&format!("role/{role}"), &region));
    }
}

fn trust(principal: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal })
}

fn service(name: &str, condition: &Value) -> Value {
    let mut statement = trust(&json!({ "Service": format!("{name}.amazonaws.com") }));
    statement["Condition"] = condition.clone();
    statement
}

fn allow(sid: &str, actions: &Value, resource: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn only(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn producer(key: &Value) -> Value {
    json!([
        allow("WriteTaps", &json!(["kinesis:PutRecord", "kinesis:PutRecords"]), &json!(STREAM)),
        only(allow("EncryptTaps", &json!("kms:GenerateDataKey"), key), for_the_stream()),
    ])
}

/// What a KCL 3 application with enhanced fan-out needs, by its documentation.
fn reader(key: &Value) -> Value {
    let table = |end: &str| json!(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/fraud-app{end}"));
    let items = [
        "CreateTable",
        "DescribeTable",
        "Scan",
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "ConditionCheckItem",
    ];
    let items: Vec<String> = items.iter().map(|action| format!("dynamodb:{action}")).collect();
    let leases: Vec<String> = items.iter().cloned().chain(["dynamodb:UpdateTable".to_owned()]).collect();
    let read = ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:DescribeStream"];
    let subscribe = ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"];
    let metrics = allow("MetricsFraudApp", &json!("cloudwatch:PutMetricData"), &json!("*"));
    json!([
        allow("ReadTaps", &json!(read), &json!(STREAM)),
        allow("SubscribeTapsFraud", &json!(subscribe), &json!(format!("{STREAM}/consumer/fraud:*"))),
        allow("LeasesFraudApp", &json!(leases), &table("")),
        allow("LeaseIndexFraudApp", &json!("dynamodb:Query"), &table("/index/*")),
        allow("CoordinationFraudApp", &json!(items), &json!([table("-WorkerMetricStats"), table("-CoordinatorState")])),
        only(metrics, json!({ "StringEquals": { "cloudwatch:namespace": "fraud-app" } })),
        only(allow("DecryptTaps", &json!("kms:Decrypt"), key), for_the_stream()),
    ])
}

/// What Firehose needs to read the stream, to write objects and to log, by its documentation.
fn delivers(key: &Value) -> Value {
    let read = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"];
    let find = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"];
    let write = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
    let objects = ["errors/taps-raw", "taps"].map(|prefix| format!("{BUCKET}/{prefix}/*"));
    let with_s3 = json!({ "StringEquals": { "kms:ViaService": format!("s3.{REGION}.amazonaws.com") },
        "StringLike": { "kms:EncryptionContext:aws:s3:arn": [BUCKET, &objects[0], &objects[1]] } });
    let log = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/kinesisfirehose/taps-raw:log-stream:S3Delivery");
    json!([
        allow("ReadStream", &json!(read), &json!(STREAM)),
        only(allow("DecryptTaps", &json!("kms:Decrypt"), key), for_the_stream()),
        allow("FindBucket", &json!(find), &json!(BUCKET)),
        allow("WriteObjects", &json!(write), &json!(objects)),
        only(allow("EncryptObjects", &json!(["kms:Decrypt", "kms:GenerateDataKey"]), key), with_s3),
        allow("LogErrors", &json!("logs:PutLogEvents"), &json!(log)),
    ])
}
