//! No statement of the deployer's policy is idle: each of every example's is taken out of it, and then something fails in the life of a
//! pipeline that once held everything, came to its spec, changed and went.

use std::sync::LazyLock;

use serde_json::Value;

use super::deployer::{Caller, Key, bucket, by_hand, example, judged, names, root};
use super::judged::for_ministack;
use super::permissions::user;
use super::taken::{self, Tally};
use crate::support::emulators::KinesisLocal;

/// What a usual run is about: the smallest one, nearly all of whose policy is for what has left it, and one with most kinds.
const USUAL: &[&str] = &["archive", "minimal"];
/// Of those it takes out one statement in so many, since each takes seconds.
const EACH: usize = 5;

#[tokio::test]
async fn every_statement_of_every_example_is_missed() {
    let mut tally = Tally::default();
    // Beside other tests it may never end a consumer's deletion.
    let alone = LazyLock::new(KinesisLocal::start);
    for (number, name) in names().into_iter().enumerate() {
        let mut pipeline = Pipeline::of(&name, &format!("lean{number}"));
        let policy = pipeline.caller(&root()).policy(&["iam", "deployer"]);
        let chosen = taken::chosen(USUAL, EACH, &name, &policy);
        if chosen.is_empty() {
            continue;
        }
        if ["shardMetrics:", "fanOut:"].iter().any(|word| pipeline.spec.contains(word)) {
            pipeline.streams = Some(judged(&alone.url));
        }
        if let Some(why) = pipeline.fails_with("whole", &policy).await {
            tally.is_not_enough(&name, &why);
            continue;
        }
        for at in chosen {
            let (lean, statement) = taken::without(&policy, at);
            let fails = pipeline.fails_with(&at.to_string(), &lean).await;
            tally.add(&name, &statement, fails.as_deref());
        }
        pipeline.end();
    }
    tally.end();
}

/// The pipeline of an example.
struct Pipeline {
    folder: tempfile::TempDir,
    mark: String,
    /// What it held before: everything.
    before: String,
    spec: String,
    /// Whether it holds that now.
    is_before: bool,
    /// Where its streams are, if not in ministack.
    streams: Option<String>,
}

impl Pipeline {
    fn of(name: &str, mark: &str) -> Self {
        let (folder, spec) = (tempfile::tempdir().expect("a folder"), example(name, mark));
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).expect("the spec can be written");
        Self { folder, mark: mark.to_owned(), before: before(&spec, mark), spec, is_before: false, streams: None }
    }

    /// Lives from everything to nothing with this policy; answers what failed.
    async fn fails_with(&mut self, name: &str, policy: &Value) -> Option<String> {
        let key = user(&format!("{}-{name}", self.mark), for_ministack(policy)).await;
        if !self.is_before {
            self.end();
            self.write(&self.before);
            let (code, said) = self.caller(&root()).agreeing("apply");
            assert_eq!(code, Some(0), "{said}");
        }
        let (looked, life) = self.live(&key);
        // A plan that is refused something has changed nothing.
        self.is_before = !looked;
        life.err()
    }

    fn caller<'a>(&'a self, key: &'a Key) -> Caller<'a> {
        Caller { folder: self.folder.path(), key, streams: self.streams.as_deref() }
    }

    /// Whether it came through its first plan, and how it ended.
    fn live(&self, key: &Key) -> (bool, Result<(), String>) {
        self.write(&self.spec);
        let caller = self.caller(key);
        if let Err(why) = caller.plans() {
            return (false, Err(why));
        }
        let left = bucket(&self.before).expect("everything has a bucket");
        let life = caller.comes(&self.spec).and_then(|()| by_hand(&["bucket", left, "delete"]));
        (true, life.and_then(|()| caller.goes(&self.spec)))
    }

    /// What is left of it goes.
    fn end(&self) {
        self.write(&self.spec);
        let (code, said) = self.caller(&root()).agreeing("destroy");
        assert!(code == Some(0) || said.contains("Nothing is left to destroy"), "{said}");
    }

    fn write(&self, spec: &str) {
        std::fs::write(self.folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    }
}

/// Everything, under names that the spec does not have. The bucket stays when it has left, since no tag could tell IAM whose it is, and
/// would keep its key as well; it goes by hand.
fn before(spec: &str, mark: &str) -> String {
    let own = spec.lines().find(|line| line.starts_with("pipeline: ")).expect("a pipeline");
    let mut all = example("clickstream", &format!("{mark}-old")).replace("onRemoval: retain", "onRemoval: delete");
    for (from, to) in [
        ("      create: true\n", "      create: true\n      onRemoval: retain\n"),
        (&format!("      key: {mark}-old-clicks\n"), ""),
        ("web-producer", "web-before"),
        ("fraud-detector", "fraud-before"),
        ("endpoints:\n  kinesis:", "endpoints:\n  before:"),
    ] {
        assert!(all.contains(from), "{from}");
        all = all.replace(from, to);
    }
    // One consumer is enough: beside others kinesis-local may never end its deletion.
    if spec.contains("fanOut:") {
        all = all.replace("    fanOut: [fraud]\n", "").replace("via: fraud, ", "");
    }
    let lines = all.lines().map(|line| if line.starts_with("pipeline: ") { own } else { line });
    lines.map(|line| format!("{line}\n")).collect::<String>() + "controller: { wakeUp: {} }\n"
}
