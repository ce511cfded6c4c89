//! Every field of every kind: what is changed comes back, what is damaged is healed, what is replaced is announced.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use tidegate::cloud::{Cloud, Target};
use tidegate::kinds::{self, SCHEMAS};
use tidegate::model::{Address, Attrs, Change, Compare, Field, Graph, MANAGED, Resource, Shift, Value};
use tidegate::plan::{self, Consent, DriftClass, Question, Verb};

use super::bench::{self, Bench, EVERY_KIND};

/// A value that the field of a resource of `every_kind.yaml` can be changed to.
type Sample = (&'static str, &'static str, Value);

/// A document with one statement more than nothing.
fn document(action: &str) -> Value {
    let statement = Value::map([
        ("Effect", Value::text("Allow")),
        ("Action", Value::text(action)),
        ("Resource", Value::text("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks")),
    ]);
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(vec![statement]))])
}

fn trust(service: &str) -> Value {
    let statement = Value::map([
        ("Effect", Value::text("Allow")),
        ("Principal", Value::map([("Service", service)])),
        ("Action", Value::text("sts:AssumeRole")),
    ]);
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(vec![statement]))])
}

fn texts(items: &[&str]) -> Value {
    Value::list(items.iter().copied())
}

/// Two values or more for each field that changes in place.
fn in_place() -> Vec<Sample> {
    let mut all = network_samples();
    all.extend(stream_samples());
    all.extend(archive_samples());
    all.extend(alarm_samples());
    all.extend(wake_up_samples());
    all
}

fn wake_up_samples() -> Vec<Sample> {
    let (queue, rule) = ("queue/wake-up", "rule/wake-up");
    let function = |name: &str| Value::text(format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}"));
    vec![
        (queue, "retention", "1h".into()),
        (queue, "retention", "5m".into()),
        (queue, "encryption", "none".into()),
        (queue, "encryption", "sqs".into()),
        (queue, "policy", document("sqs:SendMessage")),
        (queue, "policy", document("sqs:ReceiveMessage")),
        (rule, "description", "wakes".into()),
        (rule, "description", "wakes others".into()),
        (rule, "pattern", Value::map([("source", texts(&["aws.cloudwatch"]))])),
        (rule, "pattern", Value::map([("source", texts(&["aws.kinesis"]))])),
        (rule, "enabled", false.into()),
        (rule, "enabled", true.into()),
        (rule, "target", function("first")),
        (rule, "target", function("second")),
    ]
}

fn network_samples() -> Vec<Sample> {
    let (group, endpoint) = ("security-group/kinesis", "endpoint/kinesis/kinesis-streams");
    vec![
        (group, "ingress", texts(&["10.0.0.0/16", "10.1.0.0/16"])),
        (group, "ingress", texts(&["10.1.0.0/16"])),
        (endpoint, "subnets", texts(&["subnet-1a2b3c4d", "subnet-5e6f7a8b"])),
        (endpoint, "subnets", texts(&["subnet-5e6f7a8b"])),
        (endpoint, "securityGroups", texts(&["sg-1", "sg-2"])),
        (endpoint, "securityGroups", texts(&["sg-2"])),
        (endpoint, "policy", document("kinesis:PutRecord")),
        (endpoint, "policy", document("kinesis:PutRecords")),
        (endpoint, "privateDns", false.into()),
        (endpoint, "privateDns", true.into()),
    ]
}

fn stream_samples() -> Vec<Sample> {
    let (stream, key) = ("stream/clicks", "key/clicks");
    let bounds = |min: u32, max: u32| Value::map([("min", min), ("max", max)]);
    vec![
        (key, "description", "another purpose".into()),
        (key, "description", "a third purpose".into()),
        (key, "rotation", "none".into()),
        (key, "rotation", "180d".into()),
        (key, "policy", document("kms:Decrypt")),
        (key, "policy", document("kms:Encrypt")),
        ("stream/audit", "mode", "provisioned".into()),
        ("stream/audit", "mode", "onDemand".into()),
        (stream, "shards", 5u32.into()),
        (stream, "shards", bounds(2, 8)),
        (stream, "shards", bounds(6, 8)),
        (stream, "shards", 2u32.into()),
        (stream, "retention", "7d".into()),
        (stream, "retention", "2d".into()),
        (stream, "encryption", "aws".into()),
        (stream, "encryption", "none".into()),
        (stream, "shardMetrics", texts(&["IncomingBytes", "OutgoingBytes"])),
        (stream, "shardMetrics", texts(&["OutgoingBytes", "IncomingRecords"])),
        (stream, "shardMetrics", Value::map([("min", texts(&["OutgoingBytes"])), ("max", texts(&["IncomingBytes"]))])),
        (stream, "maxRecordSize", "2MiB".into()),
        (stream, "maxRecordSize", "10MiB".into()),
        ("stream-policy/clicks", "policy", document("kinesis:GetRecords")),
        ("stream-policy/clicks", "policy", document("kinesis:PutRecord")),
        ("role/producer", "trust", trust("lambda.amazonaws.com")),
        ("role/producer", "trust", trust("firehose.amazonaws.com")),
        ("role/producer", "description", "writes".into()),
        ("role/producer", "description", "writes more".into()),
        ("role/producer", "policy", Value::Map(BTreeMap::new())),
        ("role/producer", "policy", document("kinesis:PutRecord")),
    ]
}

fn archive_samples() -> Vec<Sample> {
    let (bucket, delivery, logs) = ("bucket/acme-everything", "delivery/raw", "log-group/raw");
    let locks = |open: &str| {
        let all = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
        Value::map(all.map(|lock| (lock, lock != open)))
    };
    let lifecycle =
        |days: &str| Value::map([("abortMultipartAfter", Value::text("7d")), ("expire", Value::map([("raw/", days)]))]);
    let key = Value::reference(Address::new("key", "clicks"), "arn");
    let role = |name: &str| Value::reference(Address::new("role", name), "arn");
    let mut all = vec![
        (logs, "stream", "Other".into()),
        (logs, "stream", "Another".into()),
        (logs, "retention", "30d".into()),
        (logs, "retention", "never".into()),
        (bucket, "ownership", "BucketOwnerPreferred".into()),
        (bucket, "ownership", "BucketOwnerEnforced".into()),
        (bucket, "publicAccessBlock", locks("blockPublicAcls")),
        (bucket, "publicAccessBlock", locks("")),
        (bucket, "encryption", "s3".into()),
        (bucket, "encryption", Value::map([("key", key.clone()), ("bucketKey", true.into())])),
        (bucket, "policy", document("s3:GetObject")),
        (bucket, "policy", document("s3:PutObject")),
        (bucket, "versioning", "enabled".into()),
        (bucket, "versioning", "off".into()),
        (bucket, "lifecycle", lifecycle("30d")),
        (bucket, "lifecycle", lifecycle("60d")),
        (delivery, "bucket", "arn:aws:s3:::somewhere-else".into()),
        (delivery, "bucket", Value::reference(Address::new("bucket", "acme-everything"), "arn")),
        (delivery, "role", role("producer")),
        (delivery, "role", role("detector")),
        (delivery, "key", "none".into()),
        (delivery, "key", key),
    ];
    let plain = [
        ("prefix", ["raw/", "other/!{timestamp:yyyy}/"]),
        ("errorPrefix", ["wrong/", "errors/!{firehose:error-output-type}/"]),
        ("bufferSize", ["64MiB", "1MiB"]),
        ("bufferInterval", ["90s", "10m"]),
        ("compression", ["none", "snappy"]),
        ("logGroup", ["/aws/other", "none"]),
        ("logStream", ["Other", "none"]),
        ("timeZone", ["Europe/Berlin", "UTC"]),
        ("fileExtension", [".json", ""]),
    ];
    all.extend(plain.into_iter().flat_map(|(field, values)| values.map(|value| (delivery, field, Value::text(value)))));
    all
}

fn alarm_samples() -> Vec<Sample> {
    let alarm = "alarm/clicks/iterator-age";
    let plain = [
        ("description", ["one", "two"]),
        ("namespace", ["AWS/Other", "AWS/Kinesis"]),
        ("metric", ["IncomingBytes", "IncomingRecords"]),
        ("statistic", ["Sum", "p99"]),
        ("period", ["5m", "1m"]),
        ("comparison", ["GreaterThanOrEqualToThreshold", "LessThanThreshold"]),
        ("missingData", ["ignore", "breaching"]),
    ];
    let mut all: Vec<Sample> =
        plain.into_iter().flat_map(|(field, values)| values.map(|value| (alarm, field, Value::text(value)))).collect();
    let topic = |name: &str| Value::text(format!("arn:aws:sns:eu-west-1:123456789012:{name}"));
    all.extend([
        (alarm, "dimensions", Value::map([("StreamName", "audit")])),
        (alarm, "dimensions", Value::map([("StreamName", "clicks")])),
        (alarm, "periods", 7u32.into()),
        (alarm, "periods", 6u32.into()),
        (alarm, "breaching", 1u32.into()),
        (alarm, "breaching", 2u32.into()),
        (alarm, "threshold", "7".into()),
        (alarm, "threshold", "8".into()),
        (alarm, "notify", Value::List(vec![topic("a"), topic("b")])),
        (alarm, "notify", Value::List(vec![topic("b")])),
        (alarm, "enabled", false.into()),
        (alarm, "enabled", true.into()),
    ]);
    all
}

fn replacing() -> Vec<Sample> {
    vec![
        ("security-group/kinesis", "vpc", "vpc-99999999".into()),
        ("security-group/kinesis", "description", "another purpose".into()),
        ("role/producer", "path", "/elsewhere/".into()),
        ("delivery/raw", "source", Value::reference(Address::new("stream", "audit"), "arn")),
        ("delivery/raw", "sourceRole", Value::reference(Address::new("role", "detector"), "arn")),
        ("endpoint/kinesis/kinesis-streams", "service", "com.amazonaws.eu-west-1.monitoring".into()),
        ("endpoint/kinesis/kinesis-streams", "vpc", "vpc-99999999".into()),
    ]
}

/// Names of all fields of one sort, as `kind.field`.
fn fields(of: impl Fn(&Field) -> bool) -> BTreeSet<String> {
    let all = SCHEMAS.iter().flat_map(|schema| schema.fields.iter().map(move |field| (schema.kind, field)));
    all.filter(|(_, field)| of(field)).map(|(kind, field)| format!("{kind}.{}", field.name)).collect()
}

fn is_tags(field: &Field) -> bool {
    matches!(field.compare, Compare::Tags { .. })
}

/// The field of a sample, and what the graph then wants of it.
fn field_of(address: &Address, name: &str) -> &'static Field {
    kinds::named(address.kind()).and_then(|kind| kind.schema().field(name)).expect("a field")
}

async fn live(bench: &Bench, graph: &Graph, address: &Address) -> Resource {
    bench.look(graph).await.present(address).cloned().unwrap_or_else(|| panic!("{address} is there"))
}

/// What `graph` wants of a field, with references replaced by what is there.
async fn wanted(bench: &Bench, graph: &Graph, address: &Address, field: &str) -> Value {
    let seen = bench.look(graph).await;
    let desired = graph.get(address).expect("an address of the graph");
    desired.attrs[field].resolved(&|reference| {
        let target = graph.get(&reference.address)?;
        let known = target.known_output(&reference.output, &bench.scope);
        known.or_else(|| seen.present(&reference.address)?.outputs.get(&reference.output).cloned())
    })
}

async fn full() -> (Bench, Graph) {
    let (bench, graph) = (Bench::new("everything"), bench::graph(EVERY_KIND));
    bench.must_apply(&graph, &Consent::default()).await;
    (bench, graph)
}

#[tokio::test]
async fn what_changes_in_place_comes_back_and_is_healed() {
    let (bench, mut graph) = full().await;
    bench.local.put("bucket", "somewhere-else", Attrs::new()).expect("a bucket of somebody else");
    let (mut proved, mut changes) = (BTreeSet::new(), 0);
    for (at, name, value) in in_place() {
        let address: Address = at.parse().expect("an address");
        let (field, when) = (field_of(&address, name), format!("{at} {name} to {value:?}"));
        assert!(matches!(field.change, Change::InPlace(_)), "{when}");
        let before = live(&bench, &graph, &address).await.attrs.get(name).cloned();
        graph.get_mut(&address).expect("an address of the graph").attrs.insert(name.into(), value.clone());
        let wanted = wanted(&bench, &graph, &address, name).await;
        let met = before.as_ref().is_some_and(|before| field.compare.same(&wanted, before));
        // AWS allows two mode switches and ten resizes a day.
        bench.local.advance(std::time::Duration::from_secs(90_000));
        let plan = bench.must_apply(&graph, &Consent::default()).await;
        if met {
            bench::assert_empty(&plan, &format!("{when}: it is so already"));
            continue;
        }
        assert_eq!(plan.steps.len(), 1, "{when}: {:?}", plan.steps);
        assert_eq!((plan.steps[0].verb, &plan.steps[0].address), (Verb::Update, &address), "{when}");
        assert!(plan.steps[0].changes.iter().any(|change| change.field == name), "{when}");
        let after = live(&bench, &graph, &address).await.attrs.get(name).cloned();
        assert!(after.as_ref().is_some_and(|after| field.compare.same(&wanted, after)), "{when}: {after:?} came back");
        bench::assert_empty(&bench.plan(&graph, &Consent::default()).await, &when);
        heal(&bench, &graph, &address, field, before).await;
        proved.insert(format!("{}.{name}", address.kind()));
        changes += 1;
    }
    for (address, field) in one_of_each(&graph).into_iter().filter_map(|address| {
        let schema = kinds::named(address.kind())?.schema();
        schema.fields.iter().find(|field| is_tags(field)).map(|field| (address, field))
    }) {
        tags_come_and_go(&bench, &mut graph, &address).await;
        proved.insert(format!("{}.{}", address.kind(), field.name));
        changes += 3;
    }
    // The alias is the key's identity: it can be lost and made again, and not be another one.
    let key = Address::new("key", "clicks");
    heal(&bench, &graph, &key, field_of(&key, "alias"), Some("".into())).await;
    proved.insert("key.alias".into());
    // The spec has no word for a key that cannot be used.
    for state in ["disabled", "to be deleted on 2026-12-03"] {
        heal(&bench, &graph, &key, field_of(&key, "state"), Some(state.into())).await;
    }
    proved.insert("key.state".into());
    let all = fields(|field| matches!(field.change, Change::InPlace(_)));
    assert_eq!(proved, all, "each field that changes in place has its samples above");
    println!("{} of {} fields changed in place, {changes} changes", proved.len(), all.len());
}

/// Somebody sets the field to what it was: drift finds it, and an apply restores what the spec says.
async fn heal(bench: &Bench, graph: &Graph, address: &Address, field: &Field, old: Option<Value>) {
    let Some(old) = old else { return };
    let physical = graph.get(address).expect("an address of the graph").physical.clone();
    bench.local.tamper(address.kind(), &physical, field.name, old.clone()).expect("it can be damaged");
    let inventory = bench.look(graph).await;
    let (prices, consent) = (plan::price_table(), Consent::default());
    let question = Question {
        graph,
        inventory: &inventory,
        schemas: SCHEMAS,
        prices: &prices,
        consent: &consent,
        made_by: "laws",
    };
    let drift = plan::drift(&question);
    let found = drift.iter().any(|drift| {
        let declared = drift.class == DriftClass::Declared && drift.field.as_deref() == Some(field.name);
        drift.address == *address && declared
    });
    assert!(found, "{address} {}: {old:?} is no drift: {drift:?}", field.name);
    bench.local.advance(std::time::Duration::from_secs(90_000));
    bench.must_apply(graph, &consent).await;
    bench::assert_empty(&bench.plan(graph, &consent).await, &format!("{address} {} is healed", field.name));
}

fn one_of_each(graph: &Graph) -> Vec<Address> {
    SCHEMAS.iter().map(|schema| graph.of_kind(schema.kind).next().expect("one of each").address.clone()).collect()
}

/// A tag is declared, gets another value, and is dropped again; a tag of somebody else stays.
async fn tags_come_and_go(bench: &Bench, graph: &mut Graph, address: &Address) {
    let desired = graph.get(address).expect("an address of the graph").clone();
    let seen = |live: &Resource, key: &str| live.tag(key).map(str::to_owned);
    let mut live_tags = live(bench, graph, address).await.attrs["tags"].as_map().cloned().unwrap_or_default();
    live_tags.insert("owner".into(), "bob".into());
    bench.local.tamper(address.kind(), &desired.physical, "tags", Value::Map(live_tags)).expect("it can be tagged");
    for tag in [Some("1"), Some("2"), None] {
        let mut wanted = desired.clone();
        let Some(Value::Map(tags)) = wanted.attrs.get_mut("tags") else { panic!("{address} has no tags") };
        if let Some(tag) = tag {
            tags.insert("law".into(), tag.into());
            tags.insert(MANAGED.into(), "law team".into());
        }
        *graph.get_mut(address).expect("an address of the graph") = wanted;
        let plan = bench.must_apply(graph, &Consent::default()).await;
        assert_eq!(plan.steps.len(), 1, "{address}: {:?}", plan.steps);
        let after = live(bench, graph, address).await;
        assert_eq!(seen(&after, "law").as_deref(), tag, "{address}");
        assert_eq!(seen(&after, "owner").as_deref(), Some("bob"), "{address}: a tag of somebody else is left alone");
        bench::assert_empty(&bench.plan(graph, &Consent::default()).await, &format!("{address} tagged {tag:?}"));
    }
}

#[tokio::test]
async fn what_cannot_change_is_replaced_with_a_warning() {
    let mut proved = BTreeSet::new();
    for (at, name, value) in replacing() {
        let (bench, mut graph) = full().await;
        let address: Address = at.parse().expect("an address");
        let Change::Replace(why) = field_of(&address, name).change else { panic!("{at} {name} is not replaced") };
        graph.get_mut(&address).expect("an address of the graph").attrs.insert(name.into(), value);
        let plan = bench.plan(&graph, &Consent::default()).await;
        let steps: Vec<_> = plan.steps.iter().filter(|step| step.address == address).collect();
        assert_eq!(steps.len(), 2, "{at} {name}: {:?}", plan.steps);
        assert!(steps.iter().all(|step| step.verb == Verb::Replace && step.because.contains(why)), "{at} {name}");
        let warned = steps[1].risks.iter().any(|risk| risk.flag == "replacement" && risk.why.contains(why));
        assert!(warned, "{at} {name}: {:?}", steps[1].risks);
        let told =
            steps[1].changes.iter().any(|change| change.field == name && change.replaces.as_deref() == Some(why));
        assert!(told, "{at} {name}: {:?}", steps[1].changes);
        bench.must_apply(&graph, &Consent::default()).await;
        bench::assert_empty(&bench.plan(&graph, &Consent::default()).await, &format!("{at} {name} was replaced"));
        proved.insert(format!("{}.{name}", address.kind()));
    }
    let all = fields(|field| matches!(field.change, Change::Replace(_)));
    assert_eq!(proved, all, "each replacing field has its sample above");
    println!("{} of {} replacing fields announced", proved.len(), all.len());
}

#[tokio::test]
async fn what_is_nobodys_to_compare_is_left_alone() {
    let all = fields(|field| matches!(field.change, Change::Fixed | Change::Delegated));
    let (bench, graph) = full().await;
    for name in &all {
        let (kind, field) = name.split_once('.').expect("kind.field");
        let mut other = graph.clone();
        let address = graph.of_kind(kind).next().expect("one of each").address.clone();
        other.get_mut(&address).expect("an address of the graph").attrs.insert(field.into(), "another".into());
        bench::assert_empty(&bench.plan(&other, &Consent::default()).await, name);
    }
    assert!(!all.is_empty());
}

#[tokio::test]
async fn a_second_deletion_is_fine() {
    let (bench, graph) = full().await;
    // Backwards: what is built on a resource goes before it.
    for address in one_of_each(&graph).into_iter().rev() {
        let desired = graph.get(&address).expect("an address of the graph").clone();
        let live = live(&bench, &graph, &address).await;
        let (schema, scope) = (desired.schema, bench.scope.clone());
        let outputs = live.outputs.clone();
        let target = Target { address, schema, scope, physical: desired.physical.clone(), outputs, listed: None };
        let shift = Shift { before: Some(&live), wanted: None, changed: Attrs::new(), now: bench.local.now() };
        let calls = (schema.calls)(schema, &shift);
        for call in &calls {
            bench.local.perform(&target, call).await.unwrap_or_else(|fault| panic!("{}: {fault}", target.address));
        }
        bench.local.advance(std::time::Duration::from_secs(600));
        assert!(bench.local.state(&target).await.is_err_and(|fault| fault.is_absent()), "{} is gone", target.address);
        for call in &calls {
            let again = bench.local.perform(&target, call).now_or_never().expect("the local cloud answers at once");
            assert!(again.as_ref().is_err_and(|fault| fault.is_absent()), "{}: {again:?}", target.address);
        }
    }
}
