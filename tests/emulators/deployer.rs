//! The policy that `tidegate iam deployer` prints, enforced by ministack: enough for every example. That nothing in it is idle: `excess.rs`.
//!
//! ministack forgets what VPC endpoints are made of and knows no metrics by shard and no tags of a consumer, moto and kinesis-local enforce
//! nothing: calls of EC2, and those of Kinesis where that matters, are judged by the one and done by the others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use super::judged::for_ministack;
use super::permissions::{run_at, user};
use crate::faults::proxy::{Deed, Proxy};
use crate::support::emulators::{self, ACCESS_KEY};
use crate::support::hand::Hand;

pub type Key = (String, String);

/// A place where calls are judged by ministack and, where it allows them, done by another emulator.
pub fn judged(doer: &str) -> String {
    let judge = emulators::ministack_with_auth().url.clone();
    Proxy::with(doer, 1, 0, move |_| Some(Deed::Judged(judge.clone()))).url
}

pub fn root() -> Key {
    (ACCESS_KEY.to_owned(), ACCESS_KEY.to_owned())
}

/// The names of all examples, in order.
pub fn names() -> BTreeSet<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("specs")).expect("specs can be listed");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).collect()
}

/// The example as the emulators can play it: under names of its own, in a VPC and with a security group of its own, and without protection,
/// so that it can be destroyed.
pub fn example(name: &str, mark: &str) -> String {
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
    under_own_names(&kept.replace(&format!("pipeline: {pipeline}"), &format!("pipeline: {pipeline}-{mark}")), mark)
}

/// Streams and delivery streams are known by their names alone in an account, where tests run beside each other.
fn under_own_names(spec: &str, mark: &str) -> String {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in spec.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match line.strip_prefix("  ").and_then(|line| line.split_once(':')) {
            Some((name, _)) if !name.starts_with(' ') && ["streams:", "archives:"].contains(&section) => {
                names.insert(name);
            }
            None if !line.starts_with(' ') => section = line,
            _ => {}
        }
    }
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '-';
    let (mut own, mut rest) = (String::new(), spec);
    while !rest.is_empty() {
        let word = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
        own +=
            &if names.contains(&rest[..word]) { format!("{mark}-{}", &rest[..word]) } else { rest[..word].to_owned() };
        let gap = rest[word..].find(is_of_a_word).unwrap_or(rest.len() - word);
        own += &rest[word..word + gap];
        rest = &rest[word + gap..];
    }
    own
}

/// The same spec with another value of all that the examples hold and that changes in place: each has tags, at least.
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
    ] {
        other = other.replace(from, to);
    }
    // What may only be written is read as well.
    if let Some((before, (name, after))) =
        other.split_once("can: [{ write: ").and_then(|(before, rest)| Some((before, rest.split_once(" }]")?)))
    {
        other = format!("{before}can: [{{ write: {name} }}, {{ read: {name} }}]{after}");
    }
    if !spec.contains("\ntags:") {
        other += "tags: { changed: \"yes\" }\n";
    }
    other
}

/// Who acts on the pipeline whose spec is in the folder.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    pub folder: &'a Path,
    pub key: &'a Key,
    /// Where its streams are, if not in ministack.
    pub streams: Option<&'a str>,
}

impl Caller<'_> {
    /// Through something that ends TLS, since buckets refuse everything else.
    pub fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        static BOTH: OnceLock<[String; 2]> = OnceLock::new();
        let [all, ec2] = BOTH.get_or_init(|| {
            [Proxy::start(&emulators::ministack_with_auth().url, 1, 0).url, judged(&emulators::moto().url)]
        });
        let streams = self.streams.map(|url| ("KINESIS", url));
        let others: Vec<_> = streams.into_iter().chain([("EC2", ec2.as_str())]).collect();
        run_at(all, &others, self.folder, self.key, args)
    }

    /// kinesis-local forgets that a consumer is to go where something else changes meanwhile.
    fn slowly(&self) -> &'static [&'static str] {
        if self.streams.is_some() { &["--parallelism", "1"] } else { &[] }
    }

    /// The policy that is printed for a command's user.
    pub fn policy(&self, args: &[&str]) -> serde_json::Value {
        let (code, said) = self.run(args);
        assert_eq!(code, Some(0), "{said}");
        let end = said.rfind('}').expect("a document");
        serde_json::from_str(&said[..=end]).unwrap_or_else(|_| panic!("one policy: {said}"))
    }

    /// All that holds data is named by the plan itself, with the words that agree to its loss; then it names readers that nobody owns, as a
    /// consumer is whose tags were refused.
    pub fn agreeing(&self, command: &str) -> (Option<i32>, String) {
        let mut agreements = BTreeSet::new();
        let run = |agreements: &BTreeSet<String>, more: &[&'static str]| {
            let words = agreements.iter().flat_map(|agreement| agreement.split_whitespace());
            let all = [command].into_iter().chain(words).chain(more.iter().copied());
            self.run(&all.chain(self.slowly().iter().copied()).collect::<Vec<_>>())
        };
        for _ in 0..2 {
            let (_, refused) = run(&agreements, &[]);
            let is_agreement = |words: &&str| words.starts_with("--allow-data-loss ") || *words == "--force-consumers";
            let before = agreements.len();
            agreements.extend(refused.split('`').filter(is_agreement).map(str::to_owned));
            if agreements.len() == before {
                break;
            }
        }
        run(&agreements, &["-y"])
    }

    pub fn plans(&self) -> Result<(), String> {
        does("plan", self.run(&["plan"])).map(drop)
    }

    /// Applies, sees that nothing differs, changes what can be changed in place; answers what went wrong.
    pub fn comes(&self, spec: &str) -> Result<(), String> {
        does("apply", self.agreeing("apply"))?;
        does("second plan", self.run(&["plan", "--detailed-exitcode"]))?;
        does("drift", self.run(&["drift"]))?;
        std::fs::write(self.folder.join("tidegate.yaml"), changed(spec)).expect("the spec can be written");
        let said = does("change", self.run(&[&["apply", "-y"], self.slowly()].concat()))?;
        assert!(said.contains("ok   updated "), "nothing was updated");
        does("plan after the change", self.run(&["plan", "--detailed-exitcode"])).map(drop)
    }

    /// Goes, with what has come into its bucket meanwhile.
    pub fn goes(&self, spec: &str) -> Result<(), String> {
        if let Some(bucket) = bucket(spec) {
            by_hand(&["bucket", bucket, "object", "a"])?;
        }
        does("destroy", self.agreeing("destroy")).map(drop)
    }
}

/// What a command that should do all that it is to do has said.
fn does(what: &str, (code, said): (Option<i32>, String)) -> Result<String, String> {
    let blind = said.to_lowercase().contains("not checked");
    if code == Some(0) && !blind { Ok(said) } else { Err(format!("{what} ({code:?}): {said}")) }
}

pub fn bucket(spec: &str) -> Option<&str> {
    spec.split_once("bucket: ")?.1.split([',', '\n', ' ']).next()
}

pub fn by_hand(words: &[&str]) -> Result<(), String> {
    let hand = Hand::new(&|_: &str| emulators::ministack_with_auth().url.clone(), ACCESS_KEY);
    let done = std::thread::scope(|scope| scope.spawn(|| hand.does(words)).join().expect("no panic"));
    done.map_err(|why| format!("{words:?} by hand: {why}"))
}

#[tokio::test]
async fn the_printed_policy_is_enough_for_every_example() {
    let (mut wrong, streams) = (Vec::new(), judged(&emulators::kinesis_local().url));
    // The smallest one has a test of its own.
    for name in names().into_iter().filter(|name| name != "minimal") {
        let folder = tempfile::tempdir().unwrap();
        let spec = example(&name, "exact");
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).unwrap();
        let streams = spec.contains("shardMetrics:").then_some(streams.as_str());
        let printed = Caller { folder: folder.path(), key: &root(), streams }.policy(&["iam", "deployer"]);
        let key = user(&format!("exact-{name}"), for_ministack(&printed)).await;
        let deployer = Caller { folder: folder.path(), key: &key, streams };
        let life = deployer.plans().and_then(|()| deployer.comes(&spec)).and_then(|()| deployer.goes(&spec));
        wrong.extend(life.err().map(|why| format!("{name}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
