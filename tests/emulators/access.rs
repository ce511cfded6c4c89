//! Roles, shares, fan-out consumers and alarms: made, seen, changed, seen again, deleted twice.

use std::collections::BTreeMap;

use tidegate::aws::{Aws, Connect};
use tidegate::cloud::{Cloud, Target};
use tidegate::kinds;
use tidegate::model::{Address, Attrs, Change, Compare, Observed, Resource, Schema, Scope, Shift, Value};

use crate::support::emulators::{self, Endpoint};

/// One resource of a kind on one emulator.
struct Bench {
    aws: Aws,
    target: Target,
}

impl Bench {
    async fn new(endpoint: &'static Endpoint, kind: &str, name: &str, physical: &str) -> Self {
        let keys = (emulators::ACCESS_KEY.to_owned(), emulators::ACCESS_KEY.to_owned());
        let connect = Connect {
            region: Some(endpoint.region.into()),
            endpoint_url: Some(endpoint.url.clone()),
            static_keys: Some(keys),
            api_rate: None,
            ..Connect::default()
        };
        let aws = Aws::connect(&connect).await.unwrap();
        let schema = kinds::named(kind).unwrap().schema();
        let scope = Scope {
            pipeline: format!("conf-{kind}"),
            partition: "aws".into(),
            region: endpoint.region.into(),
            account: endpoint.account.into(),
        };
        let address = Address::new(kind, name);
        let target =
            Target { address, schema, scope, physical: physical.into(), outputs: BTreeMap::new(), listed: None };
        Self { aws, target }
    }

    fn schema(&self) -> &'static Schema {
        self.target.schema
    }

    fn tags(&self) -> Value {
        Value::map([
            ("tidegate:pipeline".to_owned(), self.target.scope.pipeline.clone()),
            ("tidegate:resource".to_owned(), self.target.address.to_string()),
        ])
    }

    async fn look(&mut self) -> Option<Resource> {
        match self.aws.observe(&self.target).await {
            Observed::Present(live) => {
                self.target.outputs = live.outputs.clone();
                Some(*live)
            }
            Observed::Absent => None,
            Observed::Unreadable(why) => panic!("{why}"),
        }
    }

    async fn shift(&self, before: Option<&Resource>, wanted: Option<&Attrs>, changed: Attrs) {
        let shift = Shift { before, wanted, changed, now: 0 };
        for call in (self.schema().calls)(self.schema(), &shift) {
            self.aws.perform(&self.target, &call).await.unwrap_or_else(|fault| panic!("{}: {fault}", call.operation));
        }
    }

    /// The fields that are not as wanted, but for those that the emulator cannot keep.
    fn differing(&self, wanted: &Attrs, live: &Resource, faulty: &[&str]) -> Attrs {
        let same = |name: &str, value: &Value| {
            let field = self.schema().field(name).unwrap();
            let ignored = matches!(field.change, Change::Delegated | Change::Fixed) || faulty.contains(&name);
            let default = field.default.map(|default| default());
            let seen = live.attrs.get(name).or(default.as_ref());
            ignored || seen.is_some_and(|seen| field.compare.same(value, seen))
        };
        wanted.iter().filter(|(name, value)| !same(name, value)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// Creates, looks, changes each field in turn, looks each time, and deletes twice.
    async fn prove(&mut self, wanted: Attrs, changes: Vec<(&str, Value)>, faulty: &[&str]) {
        let mut wanted = wanted;
        wanted.insert("tags".into(), self.tags());
        assert_eq!(self.look().await, None, "absent at first");
        self.shift(None, Some(&wanted), wanted.clone()).await;
        let live = self.look().await.expect("it was made");
        assert_eq!(self.differing(&wanted, &live, faulty), Attrs::new(), "after its creation: {:#?}", live.attrs);
        let mut more = self.tags();
        if let Value::Map(tags) = &mut more {
            tags.insert("team".into(), "web".into());
            tags.insert("tidegate:managed-tags".into(), "team".into());
        }
        let fewer = self.tags();
        for (name, value) in changes.into_iter().chain([("tags", more), ("tags", fewer)]) {
            let before = self.look().await.expect("it is there");
            wanted.insert(name.into(), value.clone());
            let changed = Attrs::from([(name.to_owned(), value)]);
            assert_ne!(self.differing(&wanted, &before, faulty), Attrs::new(), "{name} is no change");
            self.shift(Some(&before), Some(&wanted), changed).await;
            let live = self.look().await.expect("it is still there");
            assert_eq!(self.differing(&wanted, &live, faulty), Attrs::new(), "after {name}: {:#?}", live.attrs);
            if name == "tags" {
                let field = self.schema().field("tags").unwrap();
                assert!(matches!(field.compare, Compare::Tags { .. }));
            }
        }
        let live = self.look().await;
        self.shift(live.as_ref(), None, Attrs::new()).await;
        assert_eq!(self.look().await, None, "gone");
        let delete =
            (self.schema().calls)(self.schema(), &Shift { before: None, wanted: None, changed: Attrs::new(), now: 0 });
        for call in delete {
            let again = self.aws.perform(&self.target, &call).await;
            assert!(again.is_ok() || again.as_ref().is_err_and(|fault| fault.is_absent()), "{again:?}");
        }
    }

    /// Waits until an asynchronous change is over.
    async fn settled(&self) {
        for _ in 0..50 {
            if self.aws.state(&self.target).await == Ok(tidegate::model::State::Ready) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{} does not settle", self.target.address);
    }
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn document(action: &str) -> Value {
    let statement = [("Effect", text("Allow")), ("Action", text(action)), ("Resource", text("*"))];
    Value::map([("Version", text("2012-10-17")), ("Statement", Value::List(vec![Value::map(statement)]))])
}

fn trust(service: &str) -> Value {
    let principal = Value::map([("Service", text(service))]);
    let statement = [("Effect", text("Allow")), ("Action", text("sts:AssumeRole")), ("Principal", principal)];
    Value::map([("Version", text("2012-10-17")), ("Statement", Value::List(vec![Value::map(statement)]))])
}

fn attrs<const N: usize>(of: [(&str, Value); N]) -> Attrs {
    of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test]
async fn roles() {
    for endpoint in [emulators::ministack(), emulators::moto()] {
        let mut bench = Bench::new(endpoint, "role", "web", "conf-role-web-eu-west-1").await;
        let wanted = attrs([
            ("path", text("/tidegate/conf-role/")),
            ("trust", trust("ec2.amazonaws.com")),
            ("description", text("writes")),
            ("policy", document("kinesis:PutRecord")),
        ]);
        let changes = vec![
            ("trust", trust("lambda.amazonaws.com")),
            ("description", text("writes more")),
            ("policy", document("kinesis:PutRecords")),
            ("policy", Value::map::<String, Value>([])),
            ("policy", document("kinesis:PutRecord")),
        ];
        bench.prove(wanted, changes, &[]).await;
    }
}

#[tokio::test]
async fn alarms() {
    // moto does not speak the only protocol of the Rust SDK for CloudWatch.
    let mut bench = Bench::new(emulators::ministack(), "alarm", "s/iterator-age", "conf-alarm-s-iterator-age").await;
    let wanted = attrs([
        ("description", text("late")),
        ("namespace", text("AWS/Kinesis")),
        ("metric", text("GetRecords.IteratorAgeMilliseconds")),
        ("dimensions", Value::map([("StreamName", "s")])),
        ("statistic", text("Maximum")),
        ("period", text("1m")),
        ("periods", Value::Int(5)),
        ("breaching", Value::Int(3)),
        ("comparison", text("GreaterThanThreshold")),
        ("threshold", Value::Int(60_000)),
        ("missingData", text("notBreaching")),
        ("notify", Value::list(["arn:aws:sns:eu-west-1:000000000000:oncall"])),
        ("enabled", Value::Bool(true)),
    ]);
    let changes = vec![
        ("description", text("too late")),
        ("metric", text("WriteProvisionedThroughputExceeded")),
        ("dimensions", Value::map([("StreamName", "t")])),
        ("statistic", text("Sum")),
        ("period", text("5m")),
        ("periods", Value::Int(6)),
        ("breaching", Value::Int(4)),
        ("comparison", text("GreaterThanOrEqualToThreshold")),
        ("threshold", Value::Int(1)),
        ("missingData", text("missing")),
        ("notify", Value::List(Vec::new())),
        ("enabled", Value::Bool(false)),
        ("namespace", text("AWS/Firehose")),
    ];
    bench.prove(wanted, changes, &[]).await;
}

/// A stream for parts to hang on; it stays, since the emulator ends with the tests.
async fn stream(endpoint: &'static Endpoint, name: &str) -> Bench {
    let bench = Bench::new(endpoint, "stream", name, name).await;
    let wanted = attrs([("mode", text("provisioned")), ("shards", Value::Int(1)), ("tags", bench.tags())]);
    bench.shift(None, Some(&wanted), wanted.clone()).await;
    bench.settled().await;
    bench
}

#[tokio::test]
async fn stream_policies() {
    for endpoint in [emulators::ministack(), emulators::moto(), emulators::kinesis_local()] {
        let name = "conf-shared";
        stream(endpoint, name).await;
        let mut bench = Bench::new(endpoint, "stream-policy", name, name).await;
        let policy = |account: &str| {
            let mut document = document("kinesis:GetRecords");
            if let Value::Map(map) = &mut document
                && let Some(Value::List(statements)) = map.get_mut("Statement")
                && let Some(Value::Map(statement)) = statements.first_mut()
            {
                statement.insert("Principal".into(), Value::map([("AWS", format!("arn:aws:iam::{account}:root"))]));
                let arn = format!("arn:aws:kinesis:{}:{}:stream/{name}", endpoint.region, endpoint.account);
                statement.insert("Resource".into(), Value::text(arn));
            }
            document
        };
        let wanted = attrs([("policy", policy("210987654321"))]);
        assert_eq!(bench.look().await, None);
        bench.shift(None, Some(&wanted), wanted.clone()).await;
        let live = bench.look().await.expect("it was made");
        assert_eq!(bench.differing(&wanted, &live, &[]), Attrs::new());
        let other = attrs([("policy", policy("310987654321"))]);
        bench.shift(Some(&live), Some(&other), other.clone()).await;
        let live = bench.look().await.expect("it is there");
        assert_eq!(bench.differing(&other, &live, &[]), Attrs::new());
        bench.shift(Some(&live), None, Attrs::new()).await;
        assert_eq!(bench.look().await, None);
    }
}

#[tokio::test]
async fn consumers() {
    let endpoint = emulators::kinesis_local();
    stream(endpoint, "conf-fanned").await;
    let mut bench = Bench::new(endpoint, "consumer", "conf-fanned/fraud", "conf-fanned/fraud").await;
    let wanted = attrs([("stream", text("conf-fanned")), ("name", text("fraud"))]);
    assert_eq!(bench.look().await, None);
    bench.shift(None, Some(&wanted), wanted.clone()).await;
    bench.settled().await;
    let live = bench.look().await.expect("it was made");
    // The emulator forgets tags of the registration.
    let tags = attrs([("tags", bench.tags())]);
    bench.shift(Some(&live), Some(&tags), tags.clone()).await;
    let live = bench.look().await.expect("it is there");
    assert_eq!(bench.differing(&tags, &live, &[]), Attrs::new());
    bench.shift(Some(&live), None, Attrs::new()).await;
    for _ in 0..50 {
        if bench.look().await.is_none() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the consumer stays");
}
