use crate::kinds::{Pipeline, Wishes, wish};
use crate::model::{Address, Scope, Value};

const SPEC: &str = r#"
apiVersion: tidegate/v1
pipeline: clickstream
keys: { clicks: {} }
streams: { clicks: { encryption: { key: clicks }, fanOut: [fraud] } }
archives:
  raw:
    from: clicks
    s3: { bucket: acme-clicks, create: true, key: clicks, expireAfter: 400d }
access:
  web: { trust: { service: ecs-tasks.amazonaws.com }, can: [{ write: clicks }] }
endpoints:
  kinesis:
    vpc: vpc-1
    subnets: [subnet-1, subnet-2]
    securityGroup: { create: true, allowFrom: [10.0.0.0/16] }
    services: [kinesis-streams, kinesis-firehose]
    allow: [web]
"#;

fn wishes(text: &str) -> Wishes {
    let spec: Pipeline = serde_yaml::from_str(text).unwrap();
    let scope = Scope {
        pipeline: "clickstream".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
    };
    wish(&spec, &scope)
}

fn attr(wishes: &Wishes, address: &str, field: &str) -> Value {
    let address: Address = address.parse().unwrap();
    wishes.graph.get(&address).unwrap().attrs[field].clone()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&value.to_json()).unwrap()
}

fn messages(text: &str) -> Vec<String> {
    wishes(text).problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

#[test]
fn an_archive_becomes_its_bucket_log_role_and_delivery() {
    let wishes = wishes(SPEC);
    assert!(wishes.problems.is_empty(), "{:?}", wishes.problems);
    for address in ["bucket/acme-clicks", "log-group/raw", "role/raw-delivery", "delivery/raw"] {
        assert!(wishes.graph.contains(&address.parse().unwrap()), "{address}");
    }
    assert_eq!(
        attr(&wishes, "bucket/acme-clicks", "lifecycle").to_json(),
        serde_json::json!({ "abortMultipartAfter": "7d", "expire": { "errors/raw/": "400d", "raw/": "400d" } })
    );
    assert_eq!(attr(&wishes, "delivery/raw", "prefix"), Value::text("raw/!{timestamp:yyyy/MM/dd/HH}/"));
}

#[test]
fn firehose_may_read_the_stream_and_write_under_its_prefixes() {
    let wishes = wishes(SPEC);
    let policy = pretty(&attr(&wishes, "role/raw-delivery", "policy"));
    for part in [
        "\"arn:aws:s3:::acme-clicks/errors/raw/*\"",
        "\"arn:aws:s3:::acme-clicks/raw/*\"",
        "\"kms:ViaService\": \"s3.eu-west-1.amazonaws.com\"",
        "\"kms:ViaService\": \"kinesis.eu-west-1.amazonaws.com\"",
        "\"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/kinesisfirehose/raw:log-stream:S3Delivery\"",
        "\"$ref\": \"key/clicks#arn\"",
    ] {
        assert!(policy.contains(part), "{part} is missing in {policy}");
    }
    assert!(!policy.contains("\"*\""), "no resource is left open: {policy}");
    let trust = pretty(&attr(&wishes, "role/raw-delivery", "trust"));
    assert!(trust.contains("\"sts:ExternalId\": \"123456789012\""), "{trust}");
}

#[test]
fn an_endpoint_lets_roles_do_what_their_own_policies_allow() {
    let wishes = wishes(SPEC);
    let policy = attr(&wishes, "endpoint/kinesis/kinesis-streams", "policy");
    let expected = serde_json::json!([{
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": ["kinesis:PutRecord", "kinesis:PutRecords"],
        "Resource": { "$ref": "stream/clicks#arn" },
        "Condition": { "ArnEquals": { "aws:PrincipalArn": [{ "$ref": "role/web#arn" }] } },
    }]);
    assert_eq!(policy.get("Statement").unwrap().to_json(), expected);
    let nobody = pretty(&attr(&wishes, "endpoint/kinesis/kinesis-firehose", "policy"));
    assert!(nobody.contains("\"Effect\": \"Deny\""), "{nobody}");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let text = r#"
apiVersion: tidegate/v1
pipeline: p
streams: { clicks: {} }
archives:
  a: { from: click, s3: { bucket: Acme, create: true }, buffer: { size: 200MiB, interval: 20m }, logRetention: 8d }
  b: { from: clicks, s3: { bucket: acme-b, versioning: true, prefix: "b/" } }
  c: { from: clicks, s3: { bucket: acme-c, create: true, prefix: "x/!{timestamp:yyyy}/", expireAfter: 1d } }
  d: { from: clicks, s3: { bucket: acme-c, create: true, versioning: true, prefix: "x/!{timestamp:yyyy}/", expireAfter: 2d } }
endpoints:
  e: { vpc: net-1, subnets: [], services: [monitoring], allow: [nobody] }
"#;
    let told = messages(text);
    for part in [
        "archives.a.from: `click` is not defined",
        "archives.a.s3.bucket: `Acme` cannot be",
        "archives.a.buffer.size:",
        "archives.a.buffer.interval:",
        "archives.a.logRetention:",
        "archives.b.s3.versioning:",
        "archives.b.s3.prefix: `prefix` holds no time",
        "archives.d.s3.versioning: `d` and `c` share the bucket acme-c",
        "archives.d.s3.expireAfter: objects under `x/` would expire after 1d",
        "endpoints.e.vpc:",
        "endpoints.e.subnets: `subnets` is empty",
        "endpoints.e.allow[0]: `nobody` is not defined",
        "endpoints.e: no security group is named",
    ] {
        assert!(told.iter().any(|message| message.starts_with(part)), "{part} is missing in {told:#?}");
    }
}
