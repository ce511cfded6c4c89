//! A bad network and a process that is killed: applying again always comes to the end that was asked for.

mod away;
mod inventory;
mod killed;
pub mod proxy;
mod together;
mod trouble;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use aws_sdk_kms::types::KeyState;

use crate::support::emulators;
use crate::support::hand::{Hand, config};
use inventory::inventory;

/// One pipeline with most kinds; each test plays it in an account of its own.
fn spec(pipeline: &str) -> String {
    format!(
        "\
apiVersion: tidegate/v1
pipeline: {pipeline}
region: eu-west-1
defaults: {{ onRemoval: delete, notify: [\"arn:aws:sns:eu-west-1:123456789012:oncall\"] }}
keys:
  clicks: {{ deletionWindow: 7d }}
streams:
  clicks:
    capacity: {{ mode: provisioned, shards: 2 }}
    retention: 7d
    encryption: {{ key: clicks }}
    fanOut: [fraud]
    share: [{{ account: \"210987654321\", can: read }}]
archives:
  raw:
    from: clicks
    s3: {{ bucket: acme-{pipeline}-raw, create: true, key: clicks, versioning: true, expireAfter: 30d }}
access:
  producer: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ write: clicks }}] }}
  reader: {{ trust: {{ service: lambda.amazonaws.com }}, can: [{{ read: clicks, via: fraud }}] }}
"
    )
}

/// The pipeline with an on-demand stream, a wake-up queue with its rule, and two endpoints with their security group in a VPC of this account.
fn whole(pipeline: &str, account: &str) -> String {
    let plain = spec(pipeline);
    let more = plain.replace("streams:\n", "streams:\n  audit: { capacity: { mode: onDemand } }\n");
    assert_ne!(more, plain);
    let [vpc, first, second] = Hand::new(&|_: &str| network().to_owned(), account).network().expect("moto makes a VPC");
    format!(
        "{more}endpoints:
  inner:
    vpc: {vpc}
    subnets: [{first}, {second}]
    securityGroup: {{ create: true, allowFrom: [10.0.0.0/16] }}
    services: [kinesis-streams, kinesis-firehose]
    allow: [producer, reader]
controller: {{ wakeUp: {{}} }}
"
    )
}

const DESTROY: &[&str] =
    &["destroy", "-y", "--allow-data-loss=key/clicks", "--allow-data-loss=stream/clicks", "--allow-data-loss=bucket"];

/// VPC endpoints and security groups are made on moto, with an account for each test: ministack forgets what they are made of.
fn network() -> &'static str {
    static ONE: OnceLock<proxy::Proxy> = OnceLock::new();
    &ONE.get_or_init(|| proxy::Proxy::with(&emulators::moto().url, 1, 0, in_the_network)).url
}

/// EC2 is elsewhere.
fn in_the_network(request: &proxy::Request) -> Option<proxy::Deed> {
    request.is_for_ec2().then(|| proxy::Deed::InItsAccount(emulators::moto().url.clone()))
}

/// The program in a folder and an account, talking to an endpoint.
fn program(folder: &Path, account: &str, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.envs(emulators::ministack().env()).env("AWS_ENDPOINT_URL", url).env("AWS_ACCESS_KEY_ID", account);
    // What stands in between has trouble for EC2 too.
    if url == emulators::ministack().url {
        command.env("AWS_ENDPOINT_URL_EC2", network());
    }
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, account: &str, url: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = program(folder, account, url, args).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

/// A folder with a spec.
fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), text).expect("the spec can be written");
    folder
}

/// What is said without the breaks of its lines.
fn words(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Applies again what was cut off, and sees that all is there once. AWS takes tags with a creating call; this emulator loses those of
/// three kinds, so that a run that ends before it repeats them leaves something without an owner: the plan says so, and how to take it over.
fn continued(folder: &Path, account: &str, when: &str) {
    let url = &emulators::ministack().url;
    let (code, said) = run(folder, account, url, &["apply", "-y"]);
    let adoptions = adoptions(&said);
    if adoptions.is_empty() {
        assert_eq!(code, Some(0), "{when}: {said}");
    } else {
        let adopt = adoptions.iter().flat_map(|words| words.split(' '));
        let (code, said) = run(folder, account, url, &["apply", "-y"].into_iter().chain(adopt).collect::<Vec<_>>());
        assert_eq!(code, Some(0), "{when}: {said}");
    }
    is_as_described(folder, account, when);
}

/// What a run says how to take over.
fn adoptions(said: &str) -> BTreeSet<String> {
    words(said).split('`').filter(|words| words.starts_with("--adopt ")).map(str::to_owned).collect()
}

/// Destroys everything, and sees that no key is left.
fn gone(folder: &Path, account: &str, pipeline: &str) {
    let words = destroy(pipeline);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (code, said) = run(folder, account, &emulators::ministack().url, &words);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(living_keys(account), 0, "{said}");
}

/// `destroy` with everything that it may take.
fn destroy(pipeline: &str) -> Vec<String> {
    DESTROY.iter().map(|word| word.replace("=bucket", &format!("=acme-{pipeline}-raw"))).collect()
}

/// What cannot be told apart by name must not be there twice.
fn living_keys(account: &str) -> usize {
    let config = config!(aws_sdk_kms, &emulators::ministack().url, account).build();
    let kms = aws_sdk_kms::Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut living = 0;
        for key in kms.list_keys().send().await.expect("keys can be listed").keys() {
            let seen = kms.describe_key().key_id(key.key_id().unwrap()).send().await.expect("a key can be read");
            living += usize::from(seen.key_metadata().unwrap().key_state() == Some(&KeyState::Enabled));
        }
        living
    })
}

/// Nothing left to do, no drift, and nothing doubled.
fn is_as_described(folder: &Path, account: &str, when: &str) {
    let url = emulators::ministack().url.as_str();
    let (code, said) = run(folder, account, url, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, Some(0), "{when}: {said}");
    let (code, said) = run(folder, account, url, &["drift"]);
    assert_eq!(code, Some(0), "{when}: {said}");
    assert_eq!(living_keys(account), 1, "{when}: keys");
}
