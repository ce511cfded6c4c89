//! No statement of the controller's policy is idle: each is taken out of it, for every example that leaves a stream's shards to the controller,
//! and then a run is refused something.

use serde_json::Value;

use super::controller::{events, put_load};
use super::deployer::{Caller, Key, example, judged, names, root};
use super::judged::for_ministack;
use super::permissions::user;
use super::taken::{self, Tally, is_refusal};
use crate::control::{behind, make_table};
use crate::support::emulators::{self, ACCESS_KEY};

/// Runs at once: most of their time they wait for their next tick.
const AT_ONCE: usize = 4;

/// What a usual run is about: the one whose controller may do most.
const USUAL: &[&str] = &["autoscaled"];

#[test]
fn every_statement_of_every_governed_example_is_missed() {
    let ranged = names().into_iter().filter(|name| !ranged(&example(name, "ranged")).is_empty());
    let mut runs: Vec<(String, Option<usize>)> = Vec::new();
    for name in ranged {
        let taken = taken::chosen(USUAL, 1, &name, &Governed::new(&name, None).policy());
        runs.extend((!taken.is_empty()).then(|| (name.clone(), None)));
        runs.extend(taken.into_iter().map(|at| (name.clone(), Some(at))));
    }
    let mut tally = Tally::default();
    for some in runs.chunks(AT_ONCE) {
        let ends: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                some.iter().map(|(name, taken)| scope.spawn(|| Governed::new(name, *taken).runs())).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for ((name, _), end) in some.iter().zip(ends) {
            match end {
                (Some(statement), fails) => tally.add(name, &statement, fails.as_deref()),
                (None, Some(why)) => tally.is_not_enough(name, &why),
                (None, None) => {}
            }
        }
    }
    tally.end();
}

/// The streams whose shards the spec gives a range.
fn ranged(spec: &str) -> Vec<String> {
    let mut stream = "";
    let mut found = Vec::new();
    for line in spec.lines() {
        if let Some((name, _)) =
            line.strip_prefix("  ").and_then(|line| line.split_once(':')).filter(|it| !it.0.starts_with(' '))
        {
            stream = name;
        }
        if line.contains("shards: { min: ") {
            found.push(stream.to_owned());
        }
    }
    found
}

/// The pipeline of an example under a load that its shards do not take, run with its policy but for one statement.
struct Governed {
    folder: tempfile::TempDir,
    mark: String,
    taken: Option<usize>,
    spec: String,
    /// Where they are, if not in ministack.
    streams: Option<String>,
}

impl Governed {
    fn new(name: &str, taken: Option<usize>) -> Self {
        // Short, since roles are named after it twice.
        let mark = format!("{}{}", &name[..3], taken.map_or("-all".to_owned(), |at| format!("-no{at}")));
        let spec = example(name, &mark).replace("function: enrich", &format!("function: {mark}-enrich"));
        // What a schedule asks for depends on when the test runs.
        let scheduled = spec.find("      schedule:\n").zip(spec.find("      noShrink:\n"));
        let spec = scheduled.map_or(spec.clone(), |(from, to)| spec[..from].to_owned() + &spec[to..]);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("tidegate.yaml"), &spec).expect("the spec can be written");
        // Splits and metrics by shard are there only where streams have their true states.
        let true_states = ["splitMerge: allow", "shardMetrics:"].iter().any(|word| spec.contains(word));
        let streams = true_states.then(|| judged(&emulators::kinesis_local().url));
        Self { folder, mark, taken, spec, streams }
    }

    fn caller<'a>(&'a self, key: &'a Key) -> Caller<'a> {
        Caller { folder: self.folder.path(), key, streams: self.streams.as_deref() }
    }

    fn splits(&self) -> bool {
        self.spec.contains("splitMerge: allow")
    }

    fn ledger(&self) -> String {
        format!("dynamodb:{}-books", self.mark)
    }

    fn policy(&self) -> Value {
        self.caller(&root()).policy(&["iam", "controller", "--ledger", &self.ledger()])
    }

    /// Answers the statement that was taken out of the policy, and what all was said where something was refused or not done.
    fn runs(&self) -> (Option<Value>, Option<String>) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let judge = emulators::ministack_with_auth();
        runtime.block_on(make_table(judge, ACCESS_KEY, &format!("{}-books", self.mark)));
        let root = root();
        let (code, said) = self.caller(&root).run(&["apply", "-y", "-q"]);
        assert_eq!(code, Some(0), "{said}");
        let streams = ranged(&self.spec);
        streams.iter().for_each(|stream| put_load(stream));
        if self.spec.contains("function: ") {
            behind(&judge.url, [ACCESS_KEY, judge.account], &streams[0], &format!("{}-enrich", self.mark));
        }
        let whole = self.policy();
        let (lean, statement) = match self.taken.map(|at| taken::without(&whole, at)) {
            Some((lean, statement)) => (lean, Some(statement)),
            None => (whole, None),
        };
        let key = runtime.block_on(user(&self.mark, for_ministack(&lean)));
        let ledger = self.ledger();
        let mut args = vec!["run", "--json", "--tick", "1s", "--ticks", "8", "--drift", "0s", "--learn", "1h"];
        args.extend(["--lease", "10s", "--ledger", &ledger]);
        // The day's one call is a resize's, what comes then is split.
        args.extend(if self.splits() { ["--calls-a-day", "1"].as_slice() } else { &[] });
        let (code, said) = self.caller(&key).run(&args);
        let (gone, why) = self.caller(&root).agreeing("destroy");
        assert_eq!(gone, Some(0), "{why}");
        let fine = code == Some(0) && !is_refusal(&said) && self.is_all_done(&said);
        (statement, (!fine).then_some(said))
    }

    /// What the example asks for under this load.
    fn is_all_done(&self, said: &str) -> bool {
        let events = events(said);
        let done = |verb: &str| events.iter().any(|act| act["verb"] == verb && act["outcome"] == "accepted");
        let wanted = [("resize", true), ("split", self.splits()), ("parallelize", self.spec.contains("function: "))];
        wanted.into_iter().all(|(verb, wanted)| !wanted || done(verb))
    }
}
