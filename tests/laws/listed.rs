//! The last look at what a run has made, where a listing tells the tags of many: it spares their own look, is late, and settles nothing that
//! two runs may have set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tidegate::apply::{self, Limits, Outcome, Stop};
use tidegate::cloud::{Caller, Claim, Claims, Class, Cloud, Fault, Outputs, Tags, Target};
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Hook, Local, Moment};
use tidegate::model::{
    Address, Call, Effect, Glance, Graph, Made, Observed, OpenShard, Quotas, Readings, Schema, Scope, State, Value,
};
use tidegate::plan::Plan;

use super::bench::{self, open, plan};

const STREAMS: usize = 12;

fn spec(team: &str) -> Graph {
    let streams: String =
        (0..STREAMS).map(|n| format!("  s{n}: {{ capacity: {{ mode: provisioned, shards: 1 }} }}\n")).collect();
    bench::graph(&format!(
        "apiVersion: tidegate/v1\npipeline: everything\nregion: eu-west-1\nalarms: {{ off: true }}\n\
         defaults: {{ key: none }}\ntags: {{ team: {team} }}\nstreams:\n{streams}"
    ))
}

/// What the listing tells.
#[derive(Clone, Copy)]
enum Lists {
    /// All, as it is.
    Truth,
    /// It has heard of nothing yet.
    Nothing,
    /// It still tells this team, whatever has happened since.
    Team(&'static str),
}

/// A local cloud with a listing, as AWS has one beside each stream's own tags.
struct Listing {
    local: Local,
    lists: Lists,
    /// How often a resource's own tags were read.
    asked: AtomicUsize,
}

impl Cloud for Listing {
    fn listed<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<BTreeMap<Claim, Tags>, Fault>> {
        async move {
            let mut listed = BTreeMap::new();
            for claim in self.local.owned(scope, &BTreeMap::new()).await.found {
                let (address, physical) = (claim.address.clone(), claim.physical.clone());
                let (schema, outputs) = (streams(), BTreeMap::new());
                let target = Target { address, schema, scope: scope.clone(), physical, outputs, listed: None };
                let Observed::Present(live) = self.local.observe(&target).await else { continue };
                let mut tags: Tags = BTreeMap::new();
                for (key, value) in live.attrs["tags"].as_map().expect("tags") {
                    tags.insert(key.clone(), value.as_text().expect("text").to_owned());
                }
                match self.lists {
                    Lists::Truth => {}
                    Lists::Nothing => continue,
                    Lists::Team(team) => drop(tags.insert("team".into(), team.into())),
                }
                listed.insert(claim, tags);
            }
            Ok(listed)
        }
        .boxed()
    }

    /// Who looks with the tags of a listing sees those.
    fn observe<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Observed> {
        async move {
            let mut seen = self.local.observe(target).await;
            match (&mut seen, target.listed_values()) {
                (Observed::Present(live), Some(tags)) => drop(live.attrs.insert("tags".into(), Value::Map(tags))),
                _ => drop(self.asked.fetch_add(1, Ordering::SeqCst)),
            }
            seen
        }
        .boxed()
    }

    fn caller(&self) -> BoxFuture<'_, Result<Caller, Fault>> {
        self.local.caller()
    }

    fn state<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        self.local.state(target)
    }

    fn owned<'a>(&'a self, scope: &'a Scope, wanted: &'a BTreeMap<Address, String>) -> BoxFuture<'a, Claims> {
        self.local.owned(scope, wanted)
    }

    fn readers<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        self.local.readers(target)
    }

    fn quotas<'a>(&'a self, kinds: &'a BTreeSet<&'a str>) -> BoxFuture<'a, Result<Quotas, Fault>> {
        self.local.quotas(kinds)
    }

    fn made<'a>(&'a self, operations: &'a BTreeSet<&'a str>, since: i64) -> BoxFuture<'a, Result<Vec<Made>, Fault>> {
        self.local.made(operations, since)
    }

    fn perform<'a>(&'a self, target: &'a Target, call: &'a Call) -> BoxFuture<'a, Result<Outputs, Fault>> {
        self.local.perform(target, call)
    }

    fn glance<'a>(&'a self, target: &'a Target, tags: bool) -> BoxFuture<'a, Result<Glance, Fault>> {
        self.local.glance(target, tags)
    }

    fn open_shards<'a>(&'a self, target: &'a Target, loads: bool) -> BoxFuture<'a, Result<Vec<OpenShard>, Fault>> {
        self.local.open_shards(target, loads)
    }

    fn readings<'a>(&'a self, streams: &'a [String], from: i64, to: i64) -> BoxFuture<'a, Readings> {
        self.local.readings(streams, from, to)
    }

    fn ringing<'a>(&'a self, alarms: &'a [String]) -> BoxFuture<'a, Result<BTreeSet<String>, Fault>> {
        self.local.ringing(alarms)
    }

    fn now(&self) -> i64 {
        self.local.now()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.local.pause(time)
    }
}

async fn carry_out(cloud: &dyn Cloud, plan: &Plan) -> Vec<Outcome> {
    apply::execute(cloud, plan, SCHEMAS, Limits::default(), &Stop::default(), &|_| ()).await
}

/// Another run, which has looked before, gives all of them to team `z`.
fn apart(file: &Path, ours: &Plan) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let cloud = open(file);
        let tag = Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", Value::map([("team", "z")]));
        for step in &ours.steps {
            let (address, physical, scope) = (step.address.clone(), step.physical.clone(), ours.scope.clone());
            let target = Target { address, schema: streams(), scope, physical, outputs: BTreeMap::new(), listed: None };
            // The last ones are still being made.
            while let Err(fault) = runtime.block_on(cloud.perform(&target, &tag)) {
                assert_eq!(fault.class, Class::Busy, "{fault}");
                runtime.block_on(cloud.pause(Duration::from_secs(1)));
            }
        }
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("it does not panic"));
}

fn streams() -> &'static Schema {
    SCHEMAS.iter().copied().find(|schema| schema.kind == "stream").expect("streams")
}

/// Begins with the team `first`, brings about team `x`, and meets another run after its last call. Answers the outcomes and how often a
/// resource's own tags were read.
async fn run(first: Option<&str>, lists: Lists, meets: bool) -> (Vec<Outcome>, usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("cloud.json");
    let cloud = open(&file);
    if let Some(first) = first {
        carry_out(&cloud, &plan(&cloud, &spec(first)).await).await;
    }
    let ours = plan(&cloud, &spec("x")).await;
    assert_eq!(ours.steps.len(), STREAMS);
    let left = AtomicUsize::new(ours.steps.iter().map(|step| step.calls.len()).sum());
    let hook: Hook = {
        let (file, ours) = (file.clone(), ours.clone());
        Arc::new(move |_: &Target, _: &Call, moment| {
            if moment == Moment::After && left.fetch_sub(1, Ordering::SeqCst) == 1 && meets {
                apart(&file, &ours);
            }
            None
        })
    };
    let listing = Listing { local: open(&file).with_hook(hook), lists, asked: AtomicUsize::new(0) };
    let outcomes = carry_out(&listing, &ours).await;
    (outcomes, listing.asked.into_inner())
}

fn lost(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Lost(_))).count()
}

#[tokio::test]
async fn what_was_made_is_read_back_once_each_and_then_listed() {
    let (outcomes, asked) = run(None, Lists::Truth, false).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    assert_eq!(asked, STREAMS, "the listing tells the rest");
}

#[tokio::test]
async fn what_is_not_listed_yet_or_listed_as_it_was_is_asked_and_nobody_cries_wolf() {
    for lists in [Lists::Nothing, Lists::Team("before")] {
        let (outcomes, asked) = run(None, lists, false).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
        assert_eq!(asked, 2 * STREAMS);
    }
}

#[tokio::test]
async fn others_tags_on_what_was_made_are_seen_where_they_are_listed() {
    let (outcomes, _) = run(None, Lists::Truth, true).await;
    assert_eq!(lost(&outcomes), STREAMS, "{outcomes:?}");
}

/// Where the tags were there before, another run may have looked before ours changed them: a listing that still tells ours does not hide it.
#[tokio::test]
async fn a_late_listing_hides_no_other_run_that_changed_the_same() {
    let (outcomes, _) = run(Some("before"), Lists::Team("x"), true).await;
    assert_eq!(lost(&outcomes), STREAMS, "{outcomes:?}");
}
