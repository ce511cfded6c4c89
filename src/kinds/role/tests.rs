use super::*;
use crate::kinds::{Pipeline, wish};

fn scope() -> Scope {
    let text = |text: &str| text.to_owned();
    Scope { pipeline: text("shop"), partition: text("aws"), region: text("eu-west-1"), account: text("123456789012") }
}

const SPEC: &str = r#"
apiVersion: tidegate/v1
pipeline: shop
keys: { clicks: {} }
streams:
  clicks: { name: acme-clicks, encryption: { key: clicks }, fanOut: [fraud] }
  audit: {}
"#;

fn derived(access: &str) -> (Option<String>, Vec<String>) {
    let spec: Pipeline = serde_yaml::from_str(&format!("{SPEC}access: {{ it: {access} }}")).unwrap();
    let wishes = wish(&spec, &scope());
    let policy = wishes.graph.get(&address("it")).map(|role| {
        let statements = role.attrs["policy"].get("Statement").and_then(Value::as_list).unwrap_or_default().to_vec();
        let lines: Vec<String> = statements.iter().map(|one| one.to_json().to_string()).collect();
        lines.join("\n")
    });
    let problem = |p: &Problem| format!("{}: {} ({})", p.path, p.message, p.help.clone().unwrap_or_default());
    (policy, wishes.problems.iter().map(problem).collect())
}

fn policy(can: &str) -> String {
    hosted("ec2", can)
}

fn hosted(service: &str, can: &str) -> String {
    let (policy, problems) = derived(&format!("{{ trust: {{ service: {service}.amazonaws.com }}, can: [{can}] }}"));
    assert_eq!(problems, Vec::<String>::new());
    policy.unwrap()
}

#[test]
fn producers_get_two_actions_and_the_data_key() {
    insta::assert_snapshot!(policy("{ write: clicks }"), @r#"
    {"Action":["kinesis:PutRecord","kinesis:PutRecords"],"Effect":"Allow","Resource":{"$ref":"stream/clicks#arn"},"Sid":"WriteClicks"}
    {"Action":"kms:GenerateDataKey","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":{"$ref":"stream/clicks#arn"},"kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Resource":{"$ref":"key/clicks#arn"},"Sid":"EncryptClicks"}
    "#);
    insta::assert_snapshot!(policy("{ write: audit, kpl: true }"), @r#"
    {"Action":["kinesis:PutRecord","kinesis:PutRecords","kinesis:ListShards"],"Effect":"Allow","Resource":{"$ref":"stream/audit#arn"},"Sid":"WriteAudit"}
    {"Action":"cloudwatch:PutMetricData","Condition":{"StringEquals":{"cloudwatch:namespace":"KinesisProducerLibrary"}},"Effect":"Allow","Resource":"*","Sid":"ProducerMetrics"}
    "#);
}

#[test]
fn readers_get_what_their_way_of_reading_needs() {
    insta::assert_snapshot!(policy("{ read: audit }"), @r#"{"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords"],"Effect":"Allow","Resource":{"$ref":"stream/audit#arn"},"Sid":"ReadAudit"}"#);
    insta::assert_snapshot!(policy("{ read: clicks, via: fraud }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards"],"Effect":"Allow","Resource":{"$ref":"stream/clicks#arn"},"Sid":"ReadClicks"}
    {"Action":["kinesis:SubscribeToShard","kinesis:DescribeStreamConsumer"],"Effect":"Allow","Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme-clicks/consumer/fraud:*","Sid":"SubscribeClicksFraud"}
    {"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":{"$ref":"stream/clicks#arn"},"kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Resource":{"$ref":"key/clicks#arn"},"Sid":"DecryptClicks"}
    "#);
}

#[test]
fn services_that_read_get_what_aws_documents_for_them() {
    insta::assert_snapshot!(hosted("lambda", "{ read: audit }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords","kinesis:DescribeStream"],"Effect":"Allow","Resource":{"$ref":"stream/audit#arn"},"Sid":"ReadAudit"}
    {"Action":"kinesis:ListStreams","Effect":"Allow","Resource":"*","Sid":"FindStreams"}
    {"Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/*","Sid":"FunctionLogs"}
    "#);
    insta::assert_snapshot!(hosted("lambda", "{ read: clicks, via: fraud }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:DescribeStream"],"Effect":"Allow","Resource":{"$ref":"stream/clicks#arn"},"Sid":"ReadClicks"}
    {"Action":["kinesis:SubscribeToShard","kinesis:DescribeStreamConsumer"],"Effect":"Allow","Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme-clicks/consumer/fraud:*","Sid":"SubscribeClicksFraud"}
    {"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":{"$ref":"stream/clicks#arn"},"kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Resource":{"$ref":"key/clicks#arn"},"Sid":"DecryptClicks"}
    {"Action":"kinesis:ListStreams","Effect":"Allow","Resource":"*","Sid":"FindStreams"}
    {"Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/*","Sid":"FunctionLogs"}
    "#);
    insta::assert_snapshot!(hosted("kinesisanalytics", "{ read: audit }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords"],"Effect":"Allow","Resource":{"$ref":"stream/audit#arn"},"Sid":"ReadAudit"}
    {"Action":"logs:DescribeLogGroups","Effect":"Allow","Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:*","Sid":"FindLogGroups"}
    {"Action":["logs:DescribeLogStreams","logs:PutLogEvents"],"Effect":"Allow","Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/kinesis-analytics/*","Sid":"ApplicationLogs"}
    "#);
    insta::assert_snapshot!(hosted("pipes", "{ read: audit }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:GetShardIterator","kinesis:GetRecords","kinesis:DescribeStream"],"Effect":"Allow","Resource":{"$ref":"stream/audit#arn"},"Sid":"ReadAudit"}
    {"Action":"kinesis:ListStreams","Effect":"Allow","Resource":"*","Sid":"FindStreams"}
    "#);
    let writer = hosted("lambda", "{ write: audit }");
    assert!(writer.contains("logs:PutLogEvents") && !writer.contains("kinesis:ListStreams"));
}

#[test]
fn kcl_gets_its_tables_and_metrics_and_registers_only_its_own_consumer() {
    insta::assert_snapshot!(policy("{ read: clicks, via: fraud, kcl: detector }"), @r#"
    {"Action":["kinesis:DescribeStreamSummary","kinesis:ListShards","kinesis:DescribeStream"],"Effect":"Allow","Resource":{"$ref":"stream/clicks#arn"},"Sid":"ReadClicks"}
    {"Action":["kinesis:SubscribeToShard","kinesis:DescribeStreamConsumer"],"Effect":"Allow","Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/acme-clicks/consumer/fraud:*","Sid":"SubscribeClicksFraud"}
    {"Action":["dynamodb:CreateTable","dynamodb:DescribeTable","dynamodb:Scan","dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:ConditionCheckItem","dynamodb:UpdateTable"],"Effect":"Allow","Resource":"arn:aws:dynamodb:eu-west-1:123456789012:table/detector","Sid":"LeasesDetector"}
    {"Action":"dynamodb:Query","Effect":"Allow","Resource":"arn:aws:dynamodb:eu-west-1:123456789012:table/detector/index/*","Sid":"LeaseIndexDetector"}
    {"Action":["dynamodb:CreateTable","dynamodb:DescribeTable","dynamodb:Scan","dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:ConditionCheckItem"],"Effect":"Allow","Resource":["arn:aws:dynamodb:eu-west-1:123456789012:table/detector-WorkerMetricStats","arn:aws:dynamodb:eu-west-1:123456789012:table/detector-CoordinatorState"],"Sid":"CoordinationDetector"}
    {"Action":"cloudwatch:PutMetricData","Condition":{"StringEquals":{"cloudwatch:namespace":"detector"}},"Effect":"Allow","Resource":"*","Sid":"MetricsDetector"}
    {"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:aws:kinesis:arn":{"$ref":"stream/clicks#arn"},"kms:ViaService":"kinesis.eu-west-1.amazonaws.com"}},"Effect":"Allow","Resource":{"$ref":"key/clicks#arn"},"Sid":"DecryptClicks"}
    "#);
    let own = policy("{ read: audit, kcl: counter }");
    assert!(own.contains("kinesis:RegisterStreamConsumer") && own.contains("stream/audit/consumer/counter:*"));
}

#[test]
fn nothing_granted_is_no_policy_and_no_call() {
    let spec: Pipeline =
        serde_yaml::from_str(&format!("{SPEC}access: {{ it: {{ trust: {{ account: '210987654321' }} }} }}")).unwrap();
    let wishes = wish(&spec, &scope());
    let wanted = &wishes.graph.get(&address("it")).unwrap().attrs;
    let shift = Shift { before: None, wanted: Some(wanted), changed: wanted.clone(), now: 0 };
    let operations: Vec<String> = calls(&SCHEMA, &shift).into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["iam:CreateRole"]);
}

#[test]
fn trust_carries_the_conditions_that_aws_documents() {
    let document = |trust: Trust| trust.document(&scope()).to_json().to_string();
    let service = |name: &str| document(Trust { service: Some(name.into()), ..Trust::default() });
    insta::assert_snapshot!(service("ecs-tasks.amazonaws.com"), @r#"{"Statement":[{"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:eu-west-1:123456789012:*"},"StringEquals":{"aws:SourceAccount":"123456789012"}},"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"}}],"Version":"2012-10-17"}"#);
    assert!(!service("ec2.amazonaws.com").contains("Condition"));
    assert!(!service("unheard-of.amazonaws.com").contains("Condition"));
    let account = document(Trust { account: Some("210987654321".into()), ..Trust::default() });
    assert!(account.contains(r#""AWS":"arn:aws:iam::210987654321:root""#));
}

#[test]
fn mistakes_are_told_with_their_place_and_remedy() {
    let trust = "trust: { service: lambda.amazonaws.com }";
    let said = |access: &str| derived(access).1.join("\n");
    assert_eq!(
        said(&format!("{{ {trust}, can: [{{ read: clicks, via: frod }}] }}")),
        "access.it.can[0].via: `frod` is not defined under `streams.clicks.fanOut` (did you mean `fraud`?)"
    );
    for (access, path) in [
        (format!("{{ {trust}, can: [{{ write: click }}] }}"), "access.it.can[0].write: "),
        (format!("{{ {trust}, can: [{{}}] }}"), "access.it.can[0]: "),
        (format!("{{ {trust}, can: [{{ write: clicks, via: fraud }}] }}"), "access.it.can[0].via: "),
        (format!("{{ {trust}, can: [{{ read: clicks, kpl: true }}] }}"), "access.it.can[0].kpl: "),
        ("{ trust: {} }".into(), "access.it.trust: "),
        ("{ trust: { service: a.amazonaws.com, account: '210987654321' } }".into(), "access.it.trust: "),
        ("{ trust: { account: '12' } }".into(), "access.it.trust.account: "),
        ("{ trust: { role: fraud } }".into(), "access.it.trust.role: "),
        (format!("{{ {trust}, name: {} }}", "n".repeat(65)), "access.it: "),
    ] {
        assert!(said(&access).starts_with(path), "{access}: {}", said(&access));
    }
}
