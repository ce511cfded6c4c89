//! A stream that enforces its shards' limits: what it refuses before the controller acts, it takes afterwards.

use super::program::{lines, put_load, resizes};
use crate::faults::proxy::{Deed, Proxy};
use crate::support::emulators::{self, ACCESS_KEY};
use crate::support::hand::config;

/// Three seconds' worth of records for three shards, put within a second or so each; answers how many were refused.
fn refused(url: &str, stream: &str) -> usize {
    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::PutRecordsRequestEntry;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = aws_sdk_kinesis::Client::from_conf(config!(aws_sdk_kinesis, url, ACCESS_KEY).build());
        let mut refused = 0;
        for second in 0..3 {
            let began = std::time::Instant::now();
            for batch in 0..6 {
                let entry = |n: usize| {
                    let key = format!("{second}-{batch}-{n}");
                    PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new("a click")).build().unwrap()
                };
                let records: Vec<_> = (0..500).map(entry).collect();
                let answer = client.put_records().stream_name(stream).set_records(Some(records)).send().await;
                refused += usize::try_from(answer.unwrap().failed_record_count().unwrap_or(0)).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_secs(1).saturating_sub(began.elapsed())).await;
        }
        refused
    })
}

#[test]
fn throttling_goes_away_after_its_action() {
    let (folder, account) = (tempfile::tempdir().expect("a temporary folder"), "510000000021");
    let stream = format!("limited-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: limited\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 16 }} }} }}\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    // Ferrokinesis takes no colon in the key of a tag, which AWS does.
    let proxy = Proxy::with(&emulators::ferrokinesis().url, 1, 0, |_| Some(Deed::Reword("tidegate:", "tidegate.")));
    let url = &proxy.url;
    let says = |args: &[&str]| {
        let mut command = emulators::program(folder.path(), account);
        emulators::says(command.env("AWS_ENDPOINT_URL_KINESIS", url), args)
    };
    says(&["apply", "-y", "-q"]);
    let before = refused(url, &stream);
    assert!(before > 1000, "one shard took nearly everything: only {before} of 9,000 records were refused");
    put_load(account, &stream, 6.0);
    let events = lines(&says(&["run", "--json", "--tick", "1s", "--ticks", "16", "--drift", "0s"]));
    let grown = resizes(&events).last().map(|resize| resize["to"].as_i64().unwrap());
    assert!(grown.is_some_and(|shards| shards >= 6), "{events:#?}");
    assert_eq!(refused(url, &stream), 0);
}
