//! The AWS CLI as a judge: what it reads back is what the spec says, field by field, and records that the producer's role
//! puts are read by the consumer's role and arrive in the bucket.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::faults::proxy::Proxy;
use crate::support::emulators::{self, ACCESS_KEY, REGION};
use crate::support::hand::Hand;
use crate::support::python;

/// Whoever talks to AWS here: where, and as whom.
#[derive(Clone)]
struct Session {
    url: String,
    ec2: String,
    key: String,
    secret: String,
    token: Option<String>,
}

impl Session {
    fn env(&self, command: &mut Command) {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ENDPOINT_URL", &self.url).env("AWS_ENDPOINT_URL_EC2", &self.ec2);
        command.env("AWS_ACCESS_KEY_ID", &self.key).env("AWS_SECRET_ACCESS_KEY", &self.secret);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
        command.envs(self.token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)));
    }

    /// What the AWS CLI answers.
    fn aws(&self, words: &str) -> Result<Value, String> {
        let mut command = Command::new(python::aws_cli());
        self.env(&mut command);
        command.args(words.split_whitespace()).args(["--output", "json"]).stdin(Stdio::null());
        let output = command.output().expect("the AWS CLI starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("aws {words}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(if said.trim().is_empty() { Value::Null } else { serde_json::from_str(&said).expect("JSON") })
    }

    fn read(&self, words: &str) -> Value {
        self.aws(words).unwrap_or_else(|why| panic!("{why}"))
    }

    fn tidegate(&self, folder: &Path, words: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        self.env(&mut command);
        let output = command.env("HOME", folder).current_dir(folder).args(words).stdin(Stdio::null()).output();
        let output = output.expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
    }

    /// The same place, as this role.
    fn assuming(&self, role: &str) -> Self {
        let answer = self.read(&format!("sts assume-role --role-arn {role} --role-session-name test"));
        let text = |name: &str| answer["Credentials"][name].as_str().expect("credentials").to_owned();
        Self {
            key: text("AccessKeyId"),
            secret: text("SecretAccessKey"),
            token: Some(text("SessionToken")),
            ..self.clone()
        }
    }
}

/// Asserts that all of `wanted` is in `seen`; maps may hold more.
fn holds(what: &str, seen: &Value, wanted: &Value) {
    match (seen, wanted) {
        (Value::Object(seen), Value::Object(wanted)) => {
            for (name, value) in wanted {
                let inner = seen.get(name).unwrap_or_else(|| panic!("{what}: no {name} in {seen:?}"));
                holds(&format!("{what}.{name}"), inner, value);
            }
        }
        _ => assert_eq!(seen, wanted, "{what}"),
    }
}

fn tags(list: &Value, key: &str, value: &str) -> Value {
    let list = list.as_array().expect("a list of tags").iter();
    list.map(|tag| (tag[key].as_str().unwrap_or_default().to_owned(), tag[value].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

const SPEC: &str = r#"
apiVersion: tidegate/v1
pipeline: readback
region: eu-west-1
tags: { team: web }
defaults: { notify: ["arn:aws:sns:eu-west-1:700000005001:oncall"], onRemoval: delete }
keys:
  taps: { rotation: 200d, deletionWindow: 9d }
streams:
  taps:
    name: readback-taps
    capacity: { mode: provisioned, shards: 3 }
    retention: 4d
    encryption: { key: taps }
    fanOut: [fraud]
    share: [{ account: "210987654321", can: read }]
archives:
  taps-raw:
    from: taps
    s3: { bucket: acme-readback-raw, create: true, key: taps, versioning: true, prefix: "taps/!{timestamp:yyyy/MM/dd}/", expireAfter: 300d }
    buffer: { size: 64MiB, interval: 2m }
    compression: gzip
access:
  producer: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: taps }] }
endpoints:
  kinesis:
    vpc: VPC
    subnets: [SUBNET]
    securityGroup: { create: true, allowFrom: [10.1.0.0/16] }
    services: [kinesis-streams]
    allow: [producer]
"#;

#[test]
fn the_aws_cli_reads_what_the_spec_says() {
    let account = "700000005001";
    let (base, ec2) = (emulators::ministack().url.clone(), emulators::moto().url.clone());
    let urls = |service: &str| if service == "EC2" { ec2.clone() } else { base.clone() };
    let [vpc, subnet, _] = Hand::new(&urls, account).network().expect("moto makes a VPC");
    let cli =
        Session { url: base.clone(), ec2: ec2.clone(), key: account.into(), secret: ACCESS_KEY.into(), token: None };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = SPEC.replace("VPC", &vpc).replace("SUBNET", &subnet);
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    cli.tidegate(folder.path(), &["apply", "-y"]);
    stream(&cli, account);
    key(&cli);
    archive(&cli, account);
    access(&cli, account);
    alarms(&cli, account);
    owners(&cli);
    network(&cli, &vpc, &subnet);
    let seen = cli.read("kms describe-key --key-id alias/tidegate/readback/taps");
    let key_id = seen["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned();
    let loss = ["stream/taps", "key/taps", "acme-readback-raw"].map(|name| format!("--allow-data-loss={name}"));
    cli.tidegate(folder.path(), &["destroy", "-y", &loss[0], &loss[1], &loss[2]]);
    assert!(cli.aws("kinesis describe-stream-summary --stream-name readback-taps").is_err());
    // The window of the spec, to the day.
    let seen = cli.read(&format!("kms describe-key --key-id {key_id}"))["KeyMetadata"].clone();
    assert_eq!(seen["KeyState"], "PendingDeletion", "{seen}");
    let goes = match &seen["DeletionDate"] {
        Value::String(text) => text.parse::<jiff::Timestamp>().expect("a time").as_second(),
        number => number.as_f64().expect("seconds") as i64,
    };
    let days = (goes - jiff::Timestamp::now().as_second()) as f64 / 86_400.0;
    assert!((8.9..9.1).contains(&days), "{days} days: {seen}");
}

fn stream(cli: &Session, account: &str) {
    let arn = format!("arn:aws:kinesis:{REGION}:{account}:stream/readback-taps");
    let seen = cli.read("kinesis describe-stream-summary --stream-name readback-taps");
    let key = cli.read("kms describe-key --key-id alias/tidegate/readback/taps")["KeyMetadata"]["Arn"].clone();
    let wanted = json!({ "StreamARN": arn, "StreamStatus": "ACTIVE", "OpenShardCount": 3, "RetentionPeriodHours": 96,
        "EncryptionType": "KMS", "KeyId": key, "StreamModeDetails": { "StreamMode": "PROVISIONED" } });
    holds("stream", &seen["StreamDescriptionSummary"], &wanted);
    let seen = cli.read("kinesis list-tags-for-stream --stream-name readback-taps");
    let wanted = json!({ "team": "web", "tidegate:pipeline": "readback", "tidegate:resource": "stream/taps" });
    holds("stream tags", &tags(&seen["Tags"], "Key", "Value"), &wanted);
    let seen = cli.read(&format!("kinesis list-stream-consumers --stream-arn {arn}"));
    assert_eq!(seen["Consumers"].as_array().map(Vec::len), Some(1), "{seen}");
    holds("consumer", &seen["Consumers"][0], &json!({ "ConsumerName": "fraud", "ConsumerStatus": "ACTIVE" }));
    let seen = cli.read(&format!("kinesis get-resource-policy --resource-arn {arn}"));
    let policy: Value = serde_json::from_str(seen["Policy"].as_str().expect("a policy")).expect("JSON");
    let text = policy.to_string();
    assert!(
        text.contains("210987654321") && text.contains("kinesis:GetRecords") && !text.contains("kinesis:Put"),
        "{text}"
    );
}

fn key(cli: &Session) {
    let seen = cli.read("kms describe-key --key-id alias/tidegate/readback/taps");
    let id = seen["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned();
    holds(
        "key",
        &seen["KeyMetadata"],
        &json!({ "Enabled": true, "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT" }),
    );
    let seen = cli.read(&format!("kms get-key-rotation-status --key-id {id}"));
    holds("rotation", &seen, &json!({ "KeyRotationEnabled": true, "RotationPeriodInDays": 200 }));
    let seen = cli.read(&format!("kms list-resource-tags --key-id {id}"));
    holds(
        "key tags",
        &tags(&seen["Tags"], "TagKey", "TagValue"),
        &json!({ "team": "web", "tidegate:resource": "key/taps" }),
    );
}

fn archive(cli: &Session, account: &str) {
    let bucket = "--bucket acme-readback-raw";
    let rule =
        &cli.read(&format!("s3api get-bucket-encryption {bucket}"))["ServerSideEncryptionConfiguration"]["Rules"][0];
    holds("bucket encryption", &rule["ApplyServerSideEncryptionByDefault"], &json!({ "SSEAlgorithm": "aws:kms" }));
    assert_eq!(rule["BucketKeyEnabled"], true);
    let seen = cli.read(&format!("s3api get-public-access-block {bucket}"));
    let wanted = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true });
    holds("public access", &seen["PublicAccessBlockConfiguration"], &wanted);
    assert_eq!(cli.read(&format!("s3api get-bucket-versioning {bucket}"))["Status"], "Enabled");
    let policy = cli.read(&format!("s3api get-bucket-policy {bucket}"))["Policy"].to_string();
    assert!(policy.contains("aws:SecureTransport") && policy.contains("Deny"), "{policy}");
    let rules = cli.read(&format!("s3api get-bucket-lifecycle-configuration {bucket}"))["Rules"].clone();
    let expires = |prefix: &str| {
        let of = |rule: &&Value| rule["Filter"]["Prefix"] == prefix && rule["Expiration"]["Days"] == 300;
        rules.as_array().is_some_and(|rules| rules.iter().any(|rule| of(&rule)))
    };
    assert!(expires("taps/"), "{rules}");
    let seen = cli.read("firehose describe-delivery-stream --delivery-stream-name taps-raw");
    let seen = &seen["DeliveryStreamDescription"];
    let role = format!("arn:aws:iam::{account}:role/tidegate/readback/readback-taps-raw-delivery-{REGION}");
    holds(
        "delivery",
        seen,
        &json!({ "DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "KinesisStreamAsSource" }),
    );
    let source = &seen["Source"]["KinesisStreamSourceDescription"];
    let stream = format!("arn:aws:kinesis:{REGION}:{account}:stream/readback-taps");
    holds("source", source, &json!({ "KinesisStreamARN": stream, "RoleARN": role }));
    let wanted = json!({ "BucketARN": "arn:aws:s3:::acme-readback-raw", "RoleARN": role, "CompressionFormat": "GZIP",
        "Prefix": "taps/!{timestamp:yyyy/MM/dd}/", "BufferingHints": { "SizeInMBs": 64, "IntervalInSeconds": 120 },
        "CloudWatchLoggingOptions": { "Enabled": true, "LogGroupName": "/aws/kinesisfirehose/taps-raw", "LogStreamName": "S3Delivery" } });
    holds("destination", &seen["Destinations"][0]["ExtendedS3DestinationDescription"], &wanted);
    let seen = cli.read("logs describe-log-groups --log-group-name-prefix /aws/kinesisfirehose/taps-raw");
    holds("log group", &seen["logGroups"][0], &json!({ "retentionInDays": 14 }));
}

fn access(cli: &Session, account: &str) {
    let name = format!("readback-producer-{REGION}");
    let seen = cli.read(&format!("iam get-role --role-name {name}"));
    holds("role", &seen["Role"], &json!({ "Path": "/tidegate/readback/" }));
    let trust = seen["Role"]["AssumeRolePolicyDocument"].to_string();
    assert!(
        trust.contains("ecs-tasks.amazonaws.com") && trust.contains("aws:SourceAccount") && trust.contains(account),
        "{trust}"
    );
    let policies = cli.read(&format!("iam list-role-policies --role-name {name}"))["PolicyNames"].clone();
    let policy = policies[0].as_str().expect("one policy").to_owned();
    let seen = cli.read(&format!("iam get-role-policy --role-name {name} --policy-name {policy}"));
    let statements = seen["PolicyDocument"]["Statement"].as_array().expect("statements").clone();
    let of =
        |action: &str| statements.iter().find(|statement| statement["Action"].to_string().contains(action)).cloned();
    let write = of("kinesis:PutRecord").expect("a grant to write");
    assert_eq!(write["Resource"], format!("arn:aws:kinesis:{REGION}:{account}:stream/readback-taps"));
    assert_eq!(write["Action"], json!(["kinesis:PutRecord", "kinesis:PutRecords"]));
    let encrypt = of("kms:GenerateDataKey").expect("a grant for the key").to_string();
    assert!(
        encrypt.contains("kms:ViaService") && encrypt.contains("kms:EncryptionContext:aws:kinesis:arn"),
        "{encrypt}"
    );
}

/// Whose it is, and the tags of the spec, on what carries tags beside streams and keys.
fn owners(cli: &Session) {
    let producer = format!("readback-producer-{REGION}");
    for (what, words, list) in [
        ("bucket/acme-readback-raw", "s3api get-bucket-tagging --bucket acme-readback-raw".to_owned(), "TagSet"),
        ("role/producer", format!("iam list-role-tags --role-name {producer}"), "Tags"),
        (
            "delivery/taps-raw",
            "firehose list-tags-for-delivery-stream --delivery-stream-name taps-raw".to_owned(),
            "Tags",
        ),
    ] {
        let seen = tags(&cli.read(&words)[list], "Key", "Value");
        let wanted = json!({ "team": "web", "tidegate:pipeline": "readback", "tidegate:resource": what });
        holds(&format!("tags of {what}"), &seen, &wanted);
    }
}

fn alarms(cli: &Session, account: &str) {
    let seen = cli.read("cloudwatch describe-alarms --alarm-name-prefix readback-");
    let all = seen["MetricAlarms"].as_array().expect("alarms");
    let find = |metric: &str| {
        all.iter().find(|alarm| alarm["MetricName"] == metric).unwrap_or_else(|| panic!("{metric}: {seen}"))
    };
    let on_stream = json!([{ "Name": "StreamName", "Value": "readback-taps" }]);
    let notify = json!([format!("arn:aws:sns:{REGION}:{account}:oncall")]);
    for (metric, statistic) in [
        ("GetRecords.IteratorAgeMilliseconds", "Maximum"),
        ("WriteProvisionedThroughputExceeded", "Sum"),
        ("ReadProvisionedThroughputExceeded", "Sum"),
    ] {
        let wanted = json!({ "Namespace": "AWS/Kinesis", "Dimensions": on_stream, "Statistic": statistic, "Period": 60,
            "TreatMissingData": "notBreaching", "AlarmActions": notify, "ComparisonOperator": "GreaterThanThreshold" });
        holds(metric, find(metric), &wanted);
    }
    let wanted = json!({ "Namespace": "AWS/Firehose", "Dimensions": [{ "Name": "DeliveryStreamName", "Value": "taps-raw" }], "Statistic": "Maximum" });
    holds("freshness", find("DeliveryToS3.DataFreshness"), &wanted);
}

fn network(cli: &Session, vpc: &str, subnet: &str) {
    let seen = cli.read(&format!("ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={vpc}"));
    let [endpoint] = seen["VpcEndpoints"].as_array().expect("endpoints").as_slice() else { panic!("not one: {seen}") };
    let wanted = json!({ "VpcEndpointType": "Interface", "ServiceName": format!("com.amazonaws.{REGION}.kinesis-streams"),
        "SubnetIds": [subnet], "PrivateDnsEnabled": true, "State": "available" });
    holds("endpoint", endpoint, &wanted);
    let policy = endpoint["PolicyDocument"].as_str().expect("a policy");
    assert!(
        policy.contains("readback-producer")
            && policy.contains("stream/readback-taps")
            && policy.contains("kinesis:PutRecord"),
        "{policy}"
    );
    let group = endpoint["Groups"][0]["GroupId"].as_str().expect("a group");
    let seen = cli.read(&format!("ec2 describe-security-groups --group-ids {group}"));
    let rule = &seen["SecurityGroups"][0]["IpPermissions"][0];
    let wanted = json!({ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443 });
    holds("ingress", rule, &wanted);
    assert_eq!(rule["IpRanges"][0]["CidrIp"], "10.1.0.0/16");
}

/// Both roles trust the account, so that the test may assume them.
const FLOW: &str = r#"
apiVersion: tidegate/v1
pipeline: flow
region: eu-west-1
alarms: { off: true }
defaults: { onRemoval: delete, key: none }
streams:
  flow-drops: { capacity: { mode: provisioned, shards: 1 } }
archives:
  flow-raw:
    from: flow-drops
    s3: { bucket: acme-flow-raw, create: true, prefix: "drops/!{timestamp:yyyy}/" }
access:
  producer: { trust: { account: "000000000000" }, can: [{ write: flow-drops }] }
  consumer: { trust: { account: "000000000000" }, can: [{ read: flow-drops }] }
"#;

#[test]
fn records_flow_from_the_producers_role_to_the_consumers_and_into_the_bucket() {
    // Through something that ends TLS, since the bucket refuses everything else.
    let url = Proxy::start(&emulators::ministack_with_auth().url, 1, 0).url;
    let root = Session { ec2: url.clone(), url, key: ACCESS_KEY.into(), secret: ACCESS_KEY.into(), token: None };
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), FLOW).expect("the spec can be written");
    root.tidegate(folder.path(), &["apply", "-y"]);
    let role = |name: &str| format!("arn:aws:iam::000000000000:role/tidegate/flow/flow-{name}-{REGION}");
    let (producer, consumer) = (root.assuming(&role("producer")), root.assuming(&role("consumer")));
    for key in 0..5 {
        producer.read(&format!("kinesis put-record --stream-name flow-drops --partition-key {key} --data drop"));
    }
    let shards = "kinesis get-shard-iterator --stream-name flow-drops --shard-id shardId-000000000000 --shard-iterator-type TRIM_HORIZON";
    assert!(producer.aws(shards).is_err(), "a producer reads");
    let put = "kinesis put-record --stream-name flow-drops --partition-key 1 --data drop";
    assert!(consumer.aws(put).is_err(), "a consumer writes");
    let iterator = consumer.read(shards)["ShardIterator"].as_str().expect("an iterator").to_owned();
    // ministack does not see in the iterator which stream it is of.
    let stream = format!("arn:aws:kinesis:{REGION}:000000000000:stream/flow-drops");
    let seen = consumer.read(&format!("kinesis get-records --stream-arn {stream} --shard-iterator {iterator}"));
    let records = seen["Records"].as_array().expect("records");
    assert_eq!(records.len(), 5);
    assert!(records.iter().all(|record| record["Data"] == "ZHJvcA=="), "{seen}");
    let started = Instant::now();
    let found = loop {
        let seen = root.read("s3api list-objects-v2 --bucket acme-flow-raw");
        let keys: Vec<String> =
            seen["Contents"].as_array().into_iter().flatten().map(|object| object["Key"].to_string()).collect();
        if !keys.is_empty() || started.elapsed() > Duration::from_secs(60) {
            break keys;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let year = jiff::Timestamp::now().to_string()[..4].to_owned();
    assert!(!found.is_empty() && found.iter().all(|key| key.starts_with(&format!("\"drops/{year}/"))), "{found:?}");
    root.tidegate(
        folder.path(),
        &["destroy", "-y", "--allow-data-loss=stream/flow-drops", "--allow-data-loss=acme-flow-raw"],
    );
}
