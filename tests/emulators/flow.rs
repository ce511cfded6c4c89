//! Records that the producer's role puts are read by the consumer's role and arrive in the bucket, every one.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::awscli::Session;
use crate::faults::proxy::Proxy;
use crate::support::emulators::{self, ACCESS_KEY, REGION};

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
    compression: none
access:
  producer: { trust: { account: "000000000000" }, can: [{ write: flow-drops }] }
  consumer: { trust: { account: "000000000000" }, can: [{ read: flow-drops }] }
"#;

const RECORDS: usize = 5;

#[test]
fn records_flow_from_the_producers_role_to_the_consumers_and_into_the_bucket() {
    // Through something that ends TLS, since the bucket refuses everything else.
    let url = Proxy::start(&emulators::ministack_with_auth().url, 1, 0).url;
    let root = Session::at(&url, ACCESS_KEY);
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), FLOW).expect("the spec can be written");
    root.tidegate(folder.path(), &["apply", "-y"]);
    let role = |name: &str| format!("arn:aws:iam::000000000000:role/tidegate/flow/flow-{name}-{REGION}");
    let (producer, consumer) = (root.assuming(&role("producer")), root.assuming(&role("consumer")));
    let put = |key: usize| {
        format!("kinesis put-record --stream-name flow-drops --partition-key {key} --data record-{key}-ends")
    };
    let shards = "kinesis get-shard-iterator --stream-name flow-drops --shard-id shardId-000000000000 --shard-iterator-type TRIM_HORIZON";
    let commands: Vec<String> = (0..RECORDS).map(put).chain([shards.to_owned()]).collect();
    let said = producer.aws_all(&commands);
    assert!(said[..RECORDS].iter().all(Result::is_ok), "{said:?}");
    assert!(refused(&said[RECORDS]), "a producer reads: {said:?}");
    let said = consumer.aws_all(&[put(9), shards.to_owned()]);
    assert!(refused(&said[0]), "a consumer writes: {said:?}");
    let iterator = said[1].as_ref().expect("a consumer reads")["ShardIterator"].as_str().expect("an iterator");
    // ministack does not see in the iterator which stream it is of.
    let stream = format!("arn:aws:kinesis:{REGION}:000000000000:stream/flow-drops");
    let seen = consumer.read(&format!("kinesis get-records --stream-arn {stream} --shard-iterator {iterator}"));
    let data: Vec<&Value> = seen["Records"].as_array().expect("records").iter().map(|record| &record["Data"]).collect();
    assert_eq!(data.len(), RECORDS, "{seen}");
    arrived(&root, folder.path());
    root.tidegate(
        folder.path(),
        &["destroy", "-y", "--allow-data-loss=stream/flow-drops", "--allow-data-loss=acme-flow-raw"],
    );
}

fn refused(answer: &Result<Value, String>) -> bool {
    answer.as_ref().is_err_and(|why| why.contains("AccessDenied") || why.contains("not authorized"))
}

/// Waits until Firehose has delivered, and reads every object: each record is there once.
fn arrived(root: &Session, folder: &std::path::Path) {
    let year = jiff::Timestamp::now().to_string()[..4].to_owned();
    let started = Instant::now();
    loop {
        let seen = root.read("s3api list-objects-v2 --bucket acme-flow-raw");
        let list = seen["Contents"].as_array().into_iter().flatten();
        let keys: Vec<&str> = list.map(|object| object["Key"].as_str().expect("a key")).collect();
        assert!(keys.iter().all(|key| key.starts_with(&format!("drops/{year}/"))), "{keys:?}");
        let mut text = String::new();
        for (at, key) in keys.iter().enumerate() {
            let file = folder.join(format!("object-{at}"));
            root.read(&format!("s3api get-object --bucket acme-flow-raw --key {key} {}", file.display()));
            text += &std::fs::read_to_string(file).expect("records without compression are text");
        }
        let counts: Vec<usize> =
            (0..RECORDS).map(|record| text.matches(&format!("record-{record}-ends")).count()).collect();
        if counts.iter().all(|count| *count == 1) {
            return;
        }
        assert!(counts.iter().all(|count| *count <= 1), "doubled: {text}");
        assert!(started.elapsed() < Duration::from_secs(180), "of {keys:?} there came only: {text}");
        std::thread::sleep(Duration::from_millis(500));
    }
}
