//! The policy that `tidegate iam deployer` prints, enforced by ministack: enough for every example, and nothing idle in it.

use std::path::Path;
use std::sync::OnceLock;

use super::permissions::{run_at, user};
use crate::faults::proxy::Proxy;
use crate::support::emulators::{self, ACCESS_KEY};
use crate::support::hand::Hand;

type Key = (String, String);

/// Through something that ends TLS, since buckets refuse everything else.
fn run(folder: &Path, key: &Key, args: &[&str]) -> (Option<i32>, String) {
    static ONE: OnceLock<Proxy> = OnceLock::new();
    let proxy = ONE.get_or_init(|| Proxy::start(&emulators::ministack_with_auth().url, 1, 0));
    run_at(&proxy.url, folder, key, args)
}

fn root() -> Key {
    (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned())
}

/// The example as this emulator can play it: under names of its own, without endpoints (it forgets their policies) and
/// shard metrics (it knows none), and without protection, so that it can be destroyed.
fn example(name: &str, mark: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(file).expect("the example can be read");
    let mut kept = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let is_top = line.starts_with(|first: char| first.is_alphabetic());
        skipping = line.starts_with("endpoints:") || (skipping && !is_top);
        if !skipping && !line.contains("shardMetrics:") {
            kept += line;
            kept.push('\n');
        }
    }
    let kept = kept.replace("protect: true", "protect: false").replace("acme-", &format!("acme-{mark}-"));
    let pipeline = kept.lines().find_map(|line| line.strip_prefix("pipeline: ")).expect("a pipeline").to_owned();
    kept.replace(&format!("pipeline: {pipeline}"), &format!("pipeline: {pipeline}-{mark}"))
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
];

/// The policy for ministack, where it does not judge like AWS: it knows roles by their names without the path, a key
/// that is called by its alias by the alias, where AWS looks the key up, and rules below the name of their bus. What a statement
/// does not allow it still does not.
pub fn for_ministack(policy: &serde_json::Value) -> serde_json::Value {
    let mut statements = Vec::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        let texts = |field: &str| match &statement[field] {
            serde_json::Value::Array(texts) => {
                texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
            }
            one => vec![one.as_str().unwrap_or_default().to_owned()],
        };
        let (actions, mut resources) = (texts("Action"), texts("Resource"));
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

/// All that holds data is named by the plan itself, with the words that agree to its loss.
fn destroy(folder: &Path, key: &Key) -> (Option<i32>, String) {
    let (_, refused) = run(folder, key, &["destroy"]);
    let words = refused.split('`').filter(|words| words.starts_with("--allow-data-loss "));
    let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
    run(folder, key, &[&["destroy", "-y"], words.as_slice()].concat())
}

/// Plans, applies, sees that nothing differs, changes every stream, destroys; answers what went wrong.
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
    let tagged = format!("{spec}\ntags: {{ changed: \"yes\" }}\n");
    if !spec.contains("\ntags:") {
        std::fs::write(&file, tagged).expect("the spec can be written");
        expect("change", run(folder, key, &["apply", "-y"]))?;
    }
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
    is_enough_for_every_example().await;
    no_statement_is_idle().await;
}

async fn is_enough_for_every_example() {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("specs")).expect("specs can be listed");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let mut wrong = Vec::new();
    // The smallest one has a test of its own.
    let names = names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).filter(|name| name != "minimal");
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let spec = example(&name, "exact");
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
        let deployer = user(&format!("exact-{name}"), for_ministack(&printed(folder.path(), &root()))).await;
        wrong.extend(whole_life(folder.path(), &spec, &deployer).err().map(|why| format!("{name}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Why a statement that holds these actions is not missed here, though AWS would miss it. Each was seen.
const NOT_JUDGED: &[(&[&str], &str)] = &[
    (&["cloudwatch:PutMetricAlarm"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["cloudwatch:ListTagsForResource"], "ministack judges no CloudWatch call in CBOR, which the Rust SDK speaks"),
    (&["kinesis:DeregisterStreamConsumer", "kinesis:TagResource"], "judged as about everything, which another allows"),
    (&["kms:DeleteAlias"], "judged as about everything, which the statement for what has left the spec allows"),
    (&["iam:PassRole"], "ministack does not ask for it"),
];

/// Statements that are taken out in a usual run: one in so many, since each takes seconds. `TIDEGATE_STATEMENTS=all` takes all.
const EACH: usize = 5;

/// The policy of a whole pipeline without one of its statements: something fails, or it is known why not.
async fn no_statement_is_idle() {
    let each = if std::env::var("TIDEGATE_STATEMENTS").is_ok_and(|which| which == "all") { 1 } else { EACH };
    let folder = tempfile::tempdir().unwrap();
    let spec = example("clickstream", "lean").replace("onRemoval: retain", "onRemoval: delete");
    std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
    let policy = printed(folder.path(), &root());
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
            (Err(why), None) => println!("without {taken}: {}", why.lines().next().unwrap_or_default()),
            (Ok(()), Some((_, reason))) => println!("not missed, {reason}: {taken}"),
        }
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
        let (code, said) = destroy(folder.path(), &root());
        assert!(code == Some(0) || said.contains("Nothing is left to destroy"), "{said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
