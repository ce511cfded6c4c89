//! The policy that `tidegate iam deployer` prints, enforced by ministack: enough for every example, and nothing idle in it.
//!
//! ministack forgets what VPC endpoints are made of and knows no metrics by shard, moto and kinesis-local enforce nothing: calls of EC2, and those of
//! Kinesis for a spec with such metrics, are judged by the one and done by the others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use super::permissions::{run_at, user};
use crate::faults::proxy::{Deed, Proxy};
use crate::support::emulators::{self, ACCESS_KEY};
use crate::support::hand::Hand;

type Key = (String, String);

/// Through something that ends TLS, since buckets refuse everything else.
fn run(folder: &Path, key: &Key, args: &[&str]) -> (Option<i32>, String) {
    static THREE: OnceLock<[Proxy; 3]> = OnceLock::new();
    let [all, ec2, kinesis] = THREE.get_or_init(|| {
        let judge = &emulators::ministack_with_auth().url;
        let judged = |doer: &str| Proxy::with(doer, 1, 0, move |_| Some(Deed::Judged(judge.clone())));
        [Proxy::start(judge, 1, 0), judged(&emulators::moto().url), judged(&emulators::kinesis_local().url)]
    });
    let spec = std::fs::read_to_string(folder.join("tidegate.yaml")).expect("the spec can be read");
    let metered = spec.contains("shardMetrics:").then_some(("KINESIS", kinesis.url.as_str()));
    let others: Vec<_> = metered.into_iter().chain([("EC2", ec2.url.as_str())]).collect();
    run_at(&all.url, &others, folder, key, args)
}

fn root() -> Key {
    (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned())
}

/// The example as the emulators can play it: under names of its own, in a VPC and with a security group of its own, and without protection,
/// so that it can be destroyed.
fn example(name: &str, mark: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(file).expect("the example can be read");
    let mut kept = text.replace("protect: true", "protect: false").replace("acme-", &format!("acme-{mark}-"));
    if kept.contains("\nendpoints:") {
        let made = std::thread::spawn(|| Hand::new(&|_: &str| emulators::moto().url.clone(), ACCESS_KEY).network());
        let network = made.join().expect("no panic").expect("moto makes a VPC");
        for (name, id) in ["vpc-0a1b2c3d", "subnet-1a2b3c4d", "subnet-5e6f7a8b"].into_iter().zip(network) {
            kept = kept.replace(name, &id);
        }
        // moto has no group of this id.
        let group = "securityGroup: { create: true, allowFrom: [10.0.0.0/16] }";
        kept = kept.replace("securityGroups: [sg-9c0d1e2f]", group);
    }
    let pipeline = kept.lines().find_map(|line| line.strip_prefix("pipeline: ")).expect("a pipeline").to_owned();
    kept.replace(&format!("pipeline: {pipeline}"), &format!("pipeline: {pipeline}-{mark}"))
}

/// The full example with a wake-up queue and metrics by shard, which only smaller ones hold.
fn everything(mark: &str) -> String {
    let full = example("clickstream", mark).replace("onRemoval: retain", "onRemoval: delete");
    let metered = full.replace("    fanOut: [fraud]\n", "    fanOut: [fraud]\n    shardMetrics: [IncomingBytes]\n");
    assert_ne!(full, metered);
    metered + "controller: { wakeUp: {} }\n"
}

/// The same with another value of all that the examples hold and that changes in place: each has tags, at least.
fn changed(spec: &str) -> String {
    let mut other = spec.to_owned();
    for (from, to) in [
        ("team: web", "team: net"),
        ("team: checkout", "team: cash"),
        ("retention: 7d", "retention: 3d"),
        ("rotation: 365d", "rotation: 180d"),
        ("expireAfter: 400d", "expireAfter: 300d"),
        ("interval: 5m", "interval: 4m"),
        ("can: read }", "can: write }"),
        ("over: 60s", "over: 90s"),
        ("shardMetrics: [IncomingBytes", "shardMetrics: [OutgoingRecords"),
        ("[10.0.0.0/16]", "[10.1.0.0/16]"),
        ("[web-producer, fraud-detector]", "[web-producer]"),
        ("[{ write: clicks }]", "[{ write: clicks }, { write: audit }]"),
    ] {
        other = other.replace(from, to);
    }
    if !spec.contains("\ntags:") {
        other += "tags: { changed: \"yes\" }\n";
    }
    other
}

fn printed(folder: &Path, key: &Key) -> serde_json::Value {
    let (code, said) = run(folder, key, &["iam", "deployer"]);
    assert_eq!(code, Some(0), "{said}");
    let end = said.rfind('}').expect("a document");
    serde_json::from_str(&said[..=end]).unwrap_or_else(|_| panic!("one policy: {said}"))
}

/// ministack finds no resource in these calls and judges them as if they were about everything.
const WITHOUT_RESOURCE: &[&str] = &[
    "kinesis:DeregisterStreamConsumer",
    "kinesis:DescribeStreamConsumer",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:ModifyVpcEndpoint",
    // It knows the resource and not the tags that the condition asks for, since moto keeps them.
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVpcEndpoints",
];

/// One or several.
pub fn texts(statement: &serde_json::Value, field: &str) -> Vec<String> {
    match &statement[field] {
        serde_json::Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        one => vec![one.as_str().unwrap_or_default().to_owned()],
    }
}

/// The policy for ministack, where it does not judge like AWS: it knows roles by their names without the path, a key
/// that is called by its alias by the alias, where AWS looks the key up, and rules below the name of their bus. What a statement
/// does not allow it still does not.
pub fn for_ministack(policy: &serde_json::Value) -> serde_json::Value {
    let mut statements = Vec::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        let (actions, mut resources) = (texts(statement, "Action"), texts(statement, "Resource"));
        for resource in resources.clone() {
            if let Some((start, path)) = resource.split_once(":role/tidegate/") {
                let name = path.split_once('/').expect("a pipeline's path").1;
                resources.push(format!("{start}:role/{name}"));
            }
            resources.extend(resource.split_once(":rule/").map(|(start, name)| format!("{start}:rule/default/{name}")));
            resources.extend(resource.strip_suffix(":key/*").map(|start| format!("{start}:alias/tidegate/*")));
        }
        let mut own = statement.clone();
        own["Resource"] = resources.into();
        statements.push(own);
        let blurred: Vec<String> = actions.into_iter().filter(|it| WITHOUT_RESOURCE.contains(&it.as_str())).collect();
        if !blurred.is_empty() {
            statements.push(serde_json::json!({ "Effect": "Allow", "Action": blurred, "Resource": "*" }));
        }
    }
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements })
}

/// All that holds data is named by the plan itself, with the words that agree to its loss; then it names readers that nobody owns, as a
/// consumer is whose tags were refused.
fn destroy(folder: &Path, key: &Key) -> (Option<i32>, String) {
    let mut agreements = BTreeSet::new();
    let destroy = |agreements: &BTreeSet<String>, more: &[&'static str]| {
        let words = agreements.iter().flat_map(|agreement| agreement.split_whitespace());
        run(folder, key, &["destroy"].into_iter().chain(words).chain(more.iter().copied()).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        let (_, refused) = destroy(&agreements, &[]);
        let is_agreement = |words: &&str| words.starts_with("--allow-data-loss ") || *words == "--force-consumers";
        agreements.extend(refused.split('`').filter(is_agreement).map(str::to_owned));
    }
    destroy(&agreements, &["-y"])
}

/// Plans, applies, sees that nothing differs, changes what can be changed in place, destroys; answers what went wrong.
fn whole_life(folder: &Path, spec: &str, key: &Key) -> Result<(), String> {
    let file = folder.join("tidegate.yaml");
    std::fs::write(&file, spec).expect("the spec can be written");
    let expect = |what: &str, (code, said): (Option<i32>, String)| {
        let blind = said.to_lowercase().contains("not checked");
        if code == Some(0) && !blind { Ok(()) } else { Err(format!("{what} ({code:?}): {said}")) }
    };
    expect("plan", run(folder, key, &["plan"]))?;
    expect("apply", run(folder, key, &["apply", "-y"]))?;
    expect("second plan", run(folder, key, &["plan", "--detailed-exitcode"]))?;
    expect("drift", run(folder, key, &["drift"]))?;
    std::fs::write(&file, changed(spec)).expect("the spec can be written");
    let (code, said) = run(folder, key, &["apply", "-y"]);
    let updates = said.matches("ok   updated ").count();
    expect("change", (code, said))?;
    assert!(updates > 0, "nothing was updated");
    expect("plan after the change", run(folder, key, &["plan", "--detailed-exitcode"]))?;
    if let Some((_, rest)) = spec.split_once("bucket: ") {
        let bucket = rest.split([',', '\n', ' ']).next().unwrap_or_default();
        let by_hand = Hand::new(&|_: &str| emulators::ministack_with_auth().url.clone(), ACCESS_KEY);
        let bucket = bucket.to_owned();
        let put = std::thread::spawn(move || by_hand.does(&["bucket", &bucket, "object", "a"]));
        put.join().expect("no panic").map_err(|why| format!("an object by hand: {why}"))?;
    }
    expect("destroy", destroy(folder, key))
}

/// One after the other, for they make the same streams.
#[tokio::test]
async fn the_printed_policy_is_enough_and_nothing_in_it_is_idle() {
    let asked = is_enough_for_every_example().await;
    no_statement_is_idle(&asked).await;
}

fn actions(policy: &serde_json::Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    statements.flat_map(|statement| texts(statement, "Action")).collect()
}

/// Answers every action that the policy of an example holds.
async fn is_enough_for_every_example() -> BTreeSet<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("specs")).expect("specs can be listed");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let (mut wrong, mut asked) = (Vec::new(), BTreeSet::new());
    // The smallest one has a test of its own.
    let names = names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).filter(|name| name != "minimal");
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let spec = example(&name, "exact");
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
        let policy = printed(folder.path(), &root());
        asked.extend(actions(&policy));
        let deployer = user(&format!("exact-{name}"), for_ministack(&policy)).await;
        wrong.extend(whole_life(folder.path(), &spec, &deployer).err().map(|why| format!("{name}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    asked
}

/// Whether this is about a permission, and no other trouble.
pub fn is_refusal(said: &str) -> bool {
    ["not authorized", "AccessDenied", "(not checked)"].iter().any(|words| said.contains(words))
}

/// Why a statement that holds these actions is not missed here, though AWS would miss it. Each was seen.
const NOT_JUDGED: &[(&[&str], &str)] = &[
    (&["cloudwatch:PutMetricAlarm"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["cloudwatch:ListTagsForResource"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["kms:DeleteAlias"], "judged as about everything, which the statement for what has left the spec allows"),
    (&["iam:PassRole"], "ministack does not ask for it"),
];

/// Statements that are taken out in a usual run: one in so many, since each takes seconds. `TIDEGATE_STATEMENTS=all` takes all.
const EACH: usize = 7;

/// The policy of a whole pipeline without one of its statements: something fails, or it is known why not.
async fn no_statement_is_idle(asked: &BTreeSet<String>) {
    let each = if std::env::var("TIDEGATE_STATEMENTS").is_ok_and(|which| which == "all") { 1 } else { EACH };
    let folder = tempfile::tempdir().unwrap();
    let spec = everything("lean");
    std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
    let policy = printed(folder.path(), &root());
    let more: Vec<_> = asked.difference(&actions(&policy)).cloned().collect();
    assert!(more.is_empty(), "examples ask for more than what is taken apart here: {more:?}");
    let whole = user("lean-whole", for_ministack(&policy)).await;
    whole_life(folder.path(), &spec, &whole).expect("the whole policy is enough");
    let statements = policy["Statement"].as_array().expect("statements");
    let mut wrong = Vec::new();
    for at in (0..statements.len()).step_by(each) {
        let mut lean = policy.clone();
        let taken = lean["Statement"].as_array_mut().expect("statements").remove(at).to_string();
        let holds = |action: &&str| taken.contains(&format!("\"{action}\""));
        // The statement for what has left the spec, by its tag, holds many of the same actions.
        let named = NOT_JUDGED.iter().filter(|_| !taken.contains("aws:ResourceTag"));
        let known = named.into_iter().find(|(actions, _)| actions.iter().all(&holds));
        let deployer = user(&format!("lean-{at}"), for_ministack(&lean)).await;
        match (whole_life(folder.path(), &spec, &deployer), known) {
            (Ok(()), None) => wrong.push(format!("nobody misses {taken}")),
            (Err(why), Some((_, reason))) => wrong.push(format!("missed after all ({reason}): {taken}: {why}")),
            (Err(why), None) => {
                let named = texts(&serde_json::from_str(&taken).expect("a statement"), "Action");
                let named = named.iter().find(|action| why.contains(action.as_str()));
                assert!(is_refusal(&why) && named.is_some(), "something else fails without {taken}: {why}");
                println!("without {taken}: {}", why.lines().next().unwrap_or_default());
            }
            (Ok(()), Some((_, reason))) => println!("not missed, {reason}: {taken}"),
        }
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
        let (code, said) = destroy(folder.path(), &root());
        assert!(code == Some(0) || said.contains("Nothing is left to destroy"), "{said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
