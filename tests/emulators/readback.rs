//! The AWS CLI as a judge: what it reads back is what the spec says, field by field.
//!
//! Each answer is compared whole: what AWS assigns (ids, moments) is named and left out, everything else must be as written here, from the spec
//! and from AWS's documentation.

mod alarms;
mod roles;

use serde_json::{Value, json};

use super::awscli::Session;
use crate::support::emulators::{self, REGION};
use crate::support::hand::Hand;

const SPEC: &str = r#"
apiVersion: tidegate/v1
pipeline: readback
region: eu-west-1
tags: { team: web }
defaults: { notify: ["arn:aws:sns:eu-west-1:700000005001:oncall"], onRemoval: delete }
keys:
  taps: { rotation: 200d, deletionWindow: 9d, description: Keeps the taps secret }
streams:
  taps:
    name: readback-taps
    capacity: { mode: provisioned, shards: 3 }
    retention: 4d
    encryption: { key: taps }
    fanOut: [fraud]
    share: [{ account: "210987654321", can: read }]
  audit:
    name: readback-audit
    capacity: { mode: onDemand }
    tags: { tier: gold }
archives:
  taps-raw:
    from: taps
    s3: { bucket: acme-readback-raw, create: true, key: taps, versioning: true, prefix: "taps/!{timestamp:yyyy/MM/dd}/", expireAfter: 300d }
    buffer: { size: 64MiB, interval: 2m }
    compression: gzip
    logRetention: 30d
access:
  producer: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: taps }] }
  reader: { trust: { role: "arn:aws:iam::123456789012:role/fraud" }, can: [{ read: taps, via: fraud, kcl: fraud-app }] }
endpoints:
  kinesis:
    vpc: VPC
    subnets: [SUBNET]
    securityGroup: { create: true, allowFrom: [10.1.0.0/16] }
    services: [kinesis-streams]
    allow: [producer]
alarms:
  iteratorAge: { over: 3m }
controller: { wakeUp: {} }
"#;

const ACCOUNT: &str = "700000005001";
const STREAM: &str = "arn:aws:kinesis:eu-west-1:700000005001:stream/readback-taps";
const BUCKET: &str = "arn:aws:s3:::acme-readback-raw";
/// The role of the archive.
const DELIVERS: &str = "arn:aws:iam::700000005001:role/tidegate/readback/readback-taps-raw-delivery-eu-west-1";

/// What was read, without what AWS assigns, is exactly what is wanted. Documents within are compared as trees.
fn exactly(what: &str, seen: &Value, assigned: &[&str], wanted: &Value) {
    let mut seen = seen.clone();
    for name in assigned {
        let gone = seen.as_object_mut().and_then(|fields| fields.remove(*name));
        assert!(gone.is_some(), "{what}: {name} is not there: {seen:#}");
    }
    for field in seen.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        let tree = field.as_str().filter(|text| text.starts_with('{')).map(serde_json::from_str);
        if let Some(Ok(tree)) = tree {
            *field = tree;
        }
    }
    assert!(seen == *wanted, "{what} is\n{seen:#}\nand not\n{wanted:#}");
}

/// Names and values, however the service calls them.
fn tags(list: &Value) -> Value {
    let Some(list) = list.as_array() else { return list.clone() };
    let text = |tag: &Value, names: [&str; 2]| names.iter().find_map(|name| tag[*name].as_str().map(str::to_owned));
    list.iter()
        .map(|tag| (text(tag, ["Key", "TagKey"]).expect("a key"), json!(text(tag, ["Value", "TagValue"]))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The tags of a resource: whose it is, what becomes of it, those of the spec and these.
fn own(resource: &str, more: &[(&str, &str)]) -> Value {
    let mut all = json!({ "team": "web", "tidegate:managed-tags": "team", "tidegate:on-removal": "delete",
        "tidegate:pipeline": "readback", "tidegate:resource": resource });
    more.iter().for_each(|(name, value)| all[*name] = json!(value));
    all
}

#[test]
fn the_aws_cli_reads_what_the_spec_says() {
    let (base, ec2) = (emulators::ministack().url.clone(), emulators::moto().url.clone());
    let urls = |service: &str| if service == "EC2" { ec2.clone() } else { base.clone() };
    let [vpc, subnet, _] = Hand::new(&urls, ACCOUNT).network().expect("moto makes a VPC");
    let cli = Session { ec2: ec2.clone(), ..Session::at(&base, ACCOUNT) };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = SPEC.replace("VPC", &vpc).replace("SUBNET", &subnet);
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    cli.tidegate(folder.path(), &["apply", "-y"]);
    let seen = cli.read("kms describe-key --key-id alias/tidegate/readback/taps")["KeyMetadata"].clone();
    let (id, arn) = (seen["KeyId"].as_str().expect("an id").to_owned(), seen["Arn"].clone());
    streams(&cli, &arn);
    key(&cli, &seen, &id);
    bucket(&cli, &arn);
    delivery(&cli, &arn);
    roles::compared(&cli, &arn);
    alarms::compared(&cli);
    wake_up(&cli);
    network(&cli, &vpc, &subnet);
    let loss = ["stream/taps", "stream/audit", "key/taps", "acme-readback-raw"];
    let loss = loss.map(|name| format!("--allow-data-loss={name}"));
    cli.tidegate(folder.path(), &["destroy", "-y", &loss[0], &loss[1], &loss[2], &loss[3]]);
    assert!(cli.aws("kinesis describe-stream-summary --stream-name readback-taps").is_err());
    leaves(&cli.read(&format!("kms describe-key --key-id {id}"))["KeyMetadata"]);
}

/// The window of the spec, to the day.
fn leaves(seen: &Value) {
    assert_eq!(seen["KeyState"], "PendingDeletion", "{seen}");
    let goes = match &seen["DeletionDate"] {
        Value::String(text) => text.parse::<jiff::Timestamp>().expect("a time").as_second(),
        number => number.as_f64().expect("seconds") as i64,
    };
    let days = (goes - jiff::Timestamp::now().as_second()) as f64 / 86_400.0;
    assert!((8.9..9.1).contains(&days), "{days} days: {seen}");
}

fn streams(cli: &Session, key: &Value) {
    let [taps, audit, taps_tags, audit_tags, consumers, policy] = cli.read_all([
        "kinesis describe-stream-summary --stream-name readback-taps",
        "kinesis describe-stream-summary --stream-name readback-audit",
        "kinesis list-tags-for-stream --stream-name readback-taps",
        "kinesis list-tags-for-stream --stream-name readback-audit",
        &format!("kinesis list-stream-consumers --stream-arn {STREAM}"),
        &format!("kinesis get-resource-policy --resource-arn {STREAM}"),
    ]);
    let wanted = json!({ "StreamName": "readback-taps", "StreamARN": STREAM, "StreamStatus": "ACTIVE", "OpenShardCount": 3,
        "RetentionPeriodHours": 96, "EncryptionType": "KMS", "KeyId": key, "ConsumerCount": 1,
        "StreamModeDetails": { "StreamMode": "PROVISIONED" }, "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }] });
    exactly("taps", &taps["StreamDescriptionSummary"], &["StreamCreationTimestamp"], &wanted);
    // ministack gives an on-demand stream one shard, AWS four.
    let wanted = json!({ "StreamName": "readback-audit", "StreamARN": STREAM.replace("taps", "audit"), "StreamStatus": "ACTIVE",
        "RetentionPeriodHours": 24, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis", "ConsumerCount": 0,
        "StreamModeDetails": { "StreamMode": "ON_DEMAND" }, "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }] });
    let assigned = ["StreamCreationTimestamp", "OpenShardCount"];
    exactly("audit", &audit["StreamDescriptionSummary"], &assigned, &wanted);
    let parts = [("tidegate:parts", "consumer stream-policy")];
    exactly("tags of taps", &tags(&taps_tags["Tags"]), &[], &own("stream/taps", &parts));
    let more = [("tier", "gold"), ("tidegate:managed-tags", "team tier")];
    exactly("tags of audit", &tags(&audit_tags["Tags"]), &[], &own("stream/audit", &more));
    let [consumer] = consumers["Consumers"].as_array().expect("consumers").as_slice() else { panic!("{consumers}") };
    let wanted = json!({ "ConsumerName": "fraud", "ConsumerStatus": "ACTIVE" });
    exactly("consumer", consumer, &["ConsumerARN", "ConsumerCreationTimestamp"], &wanted);
    let wanted = json!({ "Policy": { "Version": "2012-10-17", "Statement": [{ "Sid": "ReadBy210987654321", "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::210987654321:root" }, "Resource": STREAM, "Action": ["kinesis:DescribeStreamSummary",
            "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"] }] } });
    exactly("stream policy", &policy, &[], &wanted);
}

/// Only by way of Kinesis, and for what is encrypted for this stream.
fn for_the_stream() -> Value {
    json!({ "StringEquals": { "kms:ViaService": "kinesis.eu-west-1.amazonaws.com", "kms:EncryptionContext:aws:kinesis:arn": STREAM } })
}

fn key(cli: &Session, seen: &Value, id: &str) {
    let assigned = ["KeyId", "Arn", "CreationDate", "CurrentKeyMaterialId"];
    let wanted = json!({ "Enabled": true, "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS",
        "Description": "Keeps the taps secret", "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "MultiRegion": false,
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "SigningAlgorithms": [] });
    exactly("key", seen, &assigned, &wanted);
    let [rotation, policy, seen, aliases] = cli.read_all([
        &format!("kms get-key-rotation-status --key-id {id}"),
        &format!("kms get-key-policy --key-id {id} --policy-name default"),
        &format!("kms list-resource-tags --key-id {id}"),
        &format!("kms list-aliases --key-id {id}"),
    ]);
    assert_eq!(
        (&rotation["KeyRotationEnabled"], &rotation["RotationPeriodInDays"]),
        (&json!(true), &json!(200)),
        "{rotation}"
    );
    let account = json!({ "Sid": "AccountDelegatesByIam", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") } });
    let reader = json!({ "Sid": "ReadTapsBy210987654321", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
        "Principal": { "AWS": "arn:aws:iam::210987654321:root" }, "Condition": for_the_stream() });
    let wanted = json!({ "Version": "2012-10-17", "Statement": [account, reader] });
    exactly("key policy", &json!({ "Policy": policy["Policy"] }), &[], &json!({ "Policy": wanted }));
    let window = [("tidegate:deletion-window", "9d")];
    exactly("key tags", &tags(&seen["Tags"]), &[], &own("key/taps", &window));
    let [alias] = aliases["Aliases"].as_array().expect("aliases").as_slice() else { panic!("{aliases}") };
    assert_eq!(alias["AliasName"], "alias/tidegate/readback/taps");
}

fn bucket(cli: &Session, key: &Value) {
    let [encryption, lifecycle, ownership, policy, seen, public, versioning] = cli.read_all([
        "s3api get-bucket-encryption --bucket acme-readback-raw",
        "s3api get-bucket-lifecycle-configuration --bucket acme-readback-raw",
        "s3api get-bucket-ownership-controls --bucket acme-readback-raw",
        "s3api get-bucket-policy --bucket acme-readback-raw",
        "s3api get-bucket-tagging --bucket acme-readback-raw",
        "s3api get-public-access-block --bucket acme-readback-raw",
        "s3api get-bucket-versioning --bucket acme-readback-raw",
    ]);
    let wanted = json!({ "Rules": [{ "BucketKeyEnabled": true,
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key } }] });
    exactly("encryption", &encryption["ServerSideEncryptionConfiguration"], &[], &wanted);
    let expires = |number: usize, prefix: &str| {
        json!({ "ID": format!("tidegate-expire-{number}"), "Status": "Enabled", "Filter": { "Prefix": prefix },
            "Expiration": { "Days": 300 } })
    };
    let wanted = json!({ "Rules": [
        { "ID": "tidegate-abort-multipart", "Status": "Enabled", "Filter": { "Prefix": "" },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 } },
        { "ID": "tidegate-noncurrent", "Status": "Enabled", "Filter": { "Prefix": "" },
            "NoncurrentVersionExpiration": { "NoncurrentDays": 30 } },
        expires(1, "errors/taps-raw/"), expires(2, "taps/")] });
    exactly("lifecycle", &lifecycle, &["TransitionDefaultMinimumObjectSize"], &wanted);
    let wanted = json!({ "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] });
    exactly("ownership", &ownership["OwnershipControls"], &[], &wanted);
    let wanted = json!({ "Policy": { "Version": "2012-10-17", "Statement": [{ "Sid": "OnlyWithTls", "Effect": "Deny", "Principal": "*",
        "Action": "s3:*", "Resource": [BUCKET, format!("{BUCKET}/*")], "Condition": { "Bool": { "aws:SecureTransport": "false" } } }] } });
    exactly("bucket policy", &policy, &[], &wanted);
    exactly("bucket tags", &tags(&seen["TagSet"]), &[], &own("bucket/acme-readback-raw", &[]));
    let wanted = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true });
    exactly("public access", &public["PublicAccessBlockConfiguration"], &[], &wanted);
    exactly("versioning", &versioning, &[], &json!({ "Status": "Enabled" }));
}

fn delivery(cli: &Session, key: &Value) {
    let group = "/aws/kinesisfirehose/taps-raw";
    let [seen, its_tags, groups, group_tags, streams] = cli.read_all([
        "firehose describe-delivery-stream --delivery-stream-name taps-raw",
        "firehose list-tags-for-delivery-stream --delivery-stream-name taps-raw",
        &format!("logs describe-log-groups --log-group-name-prefix {group}"),
        &format!("logs list-tags-for-resource --resource-arn arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"),
        &format!("logs describe-log-streams --log-group-name {group}"),
    ]);
    let mut seen = seen["DeliveryStreamDescription"].clone();
    let source = &mut seen["Source"]["KinesisStreamSourceDescription"];
    assert!(source.as_object_mut().is_some_and(|source| source.remove("DeliveryStartTimestamp").is_some()), "{source}");
    let destination = json!({ "BucketARN": BUCKET, "RoleARN": DELIVERS, "CompressionFormat": "GZIP", "S3BackupMode": "Disabled",
        "Prefix": "taps/!{timestamp:yyyy/MM/dd}/",
        "ErrorOutputPrefix": "errors/taps-raw/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
        "BufferingHints": { "SizeInMBs": 64, "IntervalInSeconds": 120 },
        "EncryptionConfiguration": { "KMSEncryptionConfig": { "AWSKMSKeyARN": key } },
        "CloudWatchLoggingOptions": { "Enabled": true, "LogGroupName": group, "LogStreamName": "S3Delivery" } });
    // The emulator counts destinations over all accounts.
    let id = seen["Destinations"][0]["DestinationId"].clone();
    assert!(id.as_str().is_some_and(|id| id.starts_with("destinationId-")), "{id}");
    let wanted = json!({ "DeliveryStreamName": "taps-raw", "DeliveryStreamStatus": "ACTIVE", "VersionId": "1",
        "DeliveryStreamARN": format!("arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/taps-raw"),
        "DeliveryStreamType": "KinesisStreamAsSource", "HasMoreDestinations": false,
        "Source": { "KinesisStreamSourceDescription": { "KinesisStreamARN": STREAM, "RoleARN": DELIVERS } },
        "Destinations": [{ "DestinationId": id, "ExtendedS3DestinationDescription": destination }] });
    exactly("delivery", &seen, &["CreateTimestamp", "LastUpdateTimestamp"], &wanted);
    exactly("delivery tags", &tags(&its_tags["Tags"]), &[], &own("delivery/taps-raw", &[]));
    let assigned = ["creationTime", "metricFilterCount", "arn", "storedBytes", "logGroupArn"];
    let wanted = json!({ "logGroupName": group, "retentionInDays": 30, "logGroupClass": "STANDARD" });
    exactly("log group", &groups["logGroups"][0], &assigned, &wanted);
    exactly("log group tags", &group_tags["tags"], &[], &own("log-group/taps-raw", &[]));
    let [stream] = streams["logStreams"].as_array().expect("streams").as_slice() else { panic!("{streams}") };
    assert_eq!(stream["logStreamName"], "S3Delivery");
}

fn wake_up(cli: &Session) {
    let rule = format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/readback-wake-up");
    let queue = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:readback-wake-up");
    let [url, seen, targets, rule_tags] = cli.read_all([
        "sqs get-queue-url --queue-name readback-wake-up",
        "events describe-rule --name readback-wake-up",
        "events list-targets-by-rule --rule readback-wake-up",
        &format!("events list-tags-for-resource --resource-arn {rule}"),
    ]);
    let wanted = json!({ "Name": "readback-wake-up", "Arn": rule, "State": "ENABLED", "EventBusName": "default", "CreatedBy": ACCOUNT,
        "Description": "Alarms of pipeline readback wake its controller.",
        "EventPattern": { "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
            "detail": { "state": { "value": ["ALARM"] } },
            "resources": [{ "prefix": format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:readback-") }] } });
    exactly("rule", &seen, &[], &wanted);
    exactly("targets", &targets, &[], &json!({ "Targets": [{ "Id": "wake-up", "Arn": queue }] }));
    exactly("rule tags", &tags(&rule_tags["Tags"]), &[], &own("rule/wake-up", &[]));
    let url = url["QueueUrl"].as_str().expect("an address");
    let [seen, queue_tags] = cli.read_all([
        &format!("sqs get-queue-attributes --attribute-names All --queue-url {url}"),
        &format!("sqs list-queue-tags --queue-url {url}"),
    ]);
    let assigned = [
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "MaximumMessageSize",
    ];
    let send = json!({ "Sid": "AlarmsOfThePipeline", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue,
        "Principal": { "Service": "events.amazonaws.com" }, "Condition": { "ArnEquals": { "aws:SourceArn": rule } } });
    let wanted = json!({ "QueueArn": queue, "VisibilityTimeout": "30", "MessageRetentionPeriod": "600", "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
        "Policy": { "Version": "2012-10-17", "Statement": [send] } });
    exactly("queue", &seen["Attributes"], &assigned, &wanted);
    exactly("queue tags", &queue_tags["Tags"], &[], &own("queue/wake-up", &[]));
}

fn network(cli: &Session, vpc: &str, subnet: &str) {
    let [seen, groups] = cli.read_all([
        &format!("ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={vpc}"),
        &format!(
            "ec2 describe-security-groups --filters Name=vpc-id,Values={vpc} Name=group-name,Values=tidegate-readback-kinesis"
        ),
    ]);
    let [group] = groups["SecurityGroups"].as_array().expect("groups").as_slice() else { panic!("not one: {groups}") };
    let [endpoint] = seen["VpcEndpoints"].as_array().expect("endpoints").as_slice() else { panic!("not one: {seen}") };
    let write = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": ["kinesis:PutRecord", "kinesis:PutRecords"],
        "Resource": STREAM, "Condition": { "ArnEquals": { "aws:PrincipalArn":
            [format!("arn:aws:iam::{ACCOUNT}:role/tidegate/readback/readback-producer-{REGION}")] } } });
    let wanted = json!({ "VpcEndpointType": "Interface", "ServiceName": format!("com.amazonaws.{REGION}.kinesis-streams"), "VpcId": vpc,
        "SubnetIds": [subnet], "PrivateDnsEnabled": true, "State": "available", "RouteTableIds": [],
        "Groups": [{ "GroupId": group["GroupId"], "GroupName": "tidegate-readback-kinesis" }],
        "PolicyDocument": { "Version": "2012-10-17", "Statement": [write] } });
    let assigned = ["VpcEndpointId", "NetworkInterfaceIds", "DnsEntries", "CreationTimestamp", "Tags", "OwnerId"];
    exactly("endpoint", endpoint, &assigned, &wanted);
    exactly("endpoint tags", &tags(&endpoint["Tags"]), &[], &own("endpoint/kinesis/kinesis-streams", &[]));
    let wanted = json!({ "GroupName": "tidegate-readback-kinesis", "VpcId": vpc, "Description": "Interface endpoints kinesis of pipeline readback",
        "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{ "CidrIp": "10.1.0.0/16" }],
            "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": [] }] });
    let assigned = ["GroupId", "SecurityGroupArn", "OwnerId", "Tags", "IpPermissionsEgress"];
    exactly("security group", group, &assigned, &wanted);
    exactly("group tags", &tags(&group["Tags"]), &[], &own("security-group/kinesis", &[]));
}

/// What ministack cannot keep: metrics by shard, the tags of a consumer, and the shards of a stream on demand.
const METERED: &str = r#"
apiVersion: tidegate/v1
pipeline: readback
region: eu-west-1
tags: { team: web }
alarms: { off: true }
defaults: { onRemoval: delete, key: none }
streams:
  metered-taps: { capacity: { mode: provisioned, shards: 2 }, fanOut: [fraud], shardMetrics: [IncomingBytes, OutgoingRecords] }
  metered-audit: { capacity: { mode: onDemand }, retention: 2d }
"#;

#[test]
fn the_aws_cli_reads_the_streams_of_an_emulator_with_true_states() {
    let streams = emulators::KinesisLocal::start();
    let account = "700000005002";
    let cli = Session { kinesis: streams.url.clone(), ..Session::at(&emulators::ministack().url, account) };
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), METERED).expect("the spec can be written");
    cli.tidegate(folder.path(), &["apply", "-y"]);
    let arn = |name: &str| format!("arn:aws:kinesis:{REGION}:{account}:stream/{name}");
    let [taps, audit, consumers] = cli.read_all([
        "kinesis describe-stream-summary --stream-name metered-taps",
        "kinesis describe-stream-summary --stream-name metered-audit",
        &format!("kinesis list-stream-consumers --stream-arn {}", arn("metered-taps")),
    ]);
    for (name, seen, mode, shards, hours, consumers, metrics) in [
        ("metered-taps", &taps, "PROVISIONED", 2, 24, 1, json!(["IncomingBytes", "OutgoingRecords"])),
        ("metered-audit", &audit, "ON_DEMAND", 4, 48, 0, json!([])),
    ] {
        let wanted = json!({ "StreamName": name, "StreamARN": arn(name), "StreamStatus": "ACTIVE", "OpenShardCount": shards,
            "RetentionPeriodHours": hours, "EncryptionType": "NONE", "ConsumerCount": consumers,
            "StreamModeDetails": { "StreamMode": mode }, "EnhancedMonitoring": [{ "ShardLevelMetrics": metrics }] });
        exactly(name, &seen["StreamDescriptionSummary"], &["StreamCreationTimestamp"], &wanted);
    }
    let consumer = consumers["Consumers"][0]["ConsumerARN"].as_str().expect("one consumer");
    let seen = cli.read(&format!("kinesis list-tags-for-resource --resource-arn {consumer}"));
    exactly("consumer tags", &tags(&seen["Tags"]), &[], &own("consumer/metered-taps/fraud", &[]));
    let loss = ["metered-taps", "metered-audit"].map(|name| format!("--allow-data-loss=stream/{name}"));
    cli.tidegate(folder.path(), &["destroy", "-y", &loss[0], &loss[1]]);
}
