//! Two runs of one pipeline with different specs, the second in the middle of the first: the end is one of the two specs, or a run
//! says that it is not its own.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tidegate::apply::{self, Event, Limits, Outcome, Stop};
use tidegate::cloud::Target;
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Hook, Local, Moment};
use tidegate::model::{Call, Effect, Graph};
use tidegate::plan::{Consent, Plan};

use super::bench::{self, open, plan};

fn spec(team: &str, may: &str, days: u32) -> Graph {
    bench::graph(&format!(
        "apiVersion: tidegate/v1\npipeline: everything\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         tags: {{ team: {team} }}\nstreams:\n  a: {{ capacity: {{ mode: provisioned, shards: 2 }}, retention: {days}d }}\n\
         access: {{ w: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ {may}: a }}] }} }}\n"
    ))
}

async fn carry_out(cloud: &Local, plan: &Plan) -> (Vec<Outcome>, Vec<Event>) {
    let told = Mutex::new(Vec::new());
    let tell = |event| told.lock().expect("no panic").push(event);
    let outcomes = apply::execute(cloud, plan, SCHEMAS, Limits::default(), &Stop::default(), &tell).await;
    (outcomes, told.into_inner().expect("no panic"))
}

/// The other process.
fn apart(file: &Path, plan: &Plan) -> Vec<Outcome> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(carry_out(&open(file), plan)).0
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("it does not panic"))
}

fn is_done(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| *outcome == Outcome::Done)
}

/// The faults of a run.
fn faults(outcomes: &[Outcome]) -> Vec<String> {
    let fault = |outcome: &Outcome| match outcome {
        Outcome::Failed(fault) | Outcome::Lost(fault) => Some(fault.to_string()),
        _ => None,
    };
    outcomes.iter().filter_map(fault).collect()
}

/// Begins with `first`, plans `one` and `other` from it, and carries `other` out as a whole at the k-th call of `one`. Answers whether
/// there was such a call, and how each of them ended.
async fn meet(first: Option<&Graph>, one: &Graph, other: &Graph, k: usize, at: Moment) -> Option<[Vec<Outcome>; 2]> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("cloud.json");
    let cloud = open(&file);
    if let Some(first) = first {
        let (outcomes, _) = carry_out(&cloud, &plan(&cloud, first).await).await;
        assert!(is_done(&outcomes), "{outcomes:?}");
    }
    let plans = [plan(&cloud, one).await, plan(&cloud, other).await];
    drop(cloud);
    let met: Arc<Mutex<(usize, Option<Vec<Outcome>>)>> = Arc::default();
    let hook: Hook = {
        let (met, file, theirs) = (Arc::clone(&met), file.clone(), plans[1].clone());
        Arc::new(move |_: &Target, _: &Call, moment| {
            let mut met = met.lock().expect("no panic");
            met.0 += usize::from(moment == Moment::Before);
            if met.0 == k && moment == at && met.1.is_none() {
                met.1 = Some(apart(&file, &theirs));
            }
            None
        })
    };
    let (ours, _) = carry_out(&open(&file).with_hook(hook), &plans[0]).await;
    let theirs = met.lock().expect("no panic").1.take()?;
    let cloud = open(&file);
    let is_left = |left: &Plan| left.is_empty() && left.held.is_empty();
    let (is_one, is_other) = (is_left(&plan(&cloud, one).await), is_left(&plan(&cloud, other).await));
    let when = format!("call {k}, {at:?}: {:?}, {:?}", faults(&ours), faults(&theirs));
    assert!(is_one || is_other || !is_done(&ours) || !is_done(&theirs), "a mixture, and nobody says so: {when}");
    assert!(is_one || is_other || !is_done(&ours), "the run that ended last says nothing of it: {when}");
    for fault in faults(&ours).iter().chain(&faults(&theirs)) {
        // Between a look and its call AWS itself may refuse what no longer fits.
        assert!(fault.contains("somebody else ") || fault.contains("(InvalidArgumentException)"), "{when}");
    }
    // Each of them comes to its own end when it is alone.
    for graph in [one, other] {
        let (outcomes, _) = carry_out(&cloud, &plan(&cloud, graph).await).await;
        assert!(is_done(&outcomes) && is_left(&plan(&cloud, graph).await), "{when}: {outcomes:?}");
    }
    Some([ours, theirs])
}

/// All moments at which two can meet; answers how often a run said that it was overtaken.
async fn all_meetings(first: Option<&Graph>, one: &Graph, other: &Graph) -> (usize, usize) {
    let (mut meetings, mut said) = (0, 0);
    for at in [Moment::Before, Moment::After] {
        for k in 1.. {
            let Some(ends) = meet(first, one, other, k, at).await else { break };
            meetings += 1;
            said += usize::from(ends.iter().any(|outcomes| !is_done(outcomes)));
        }
    }
    (meetings, said)
}

#[tokio::test]
async fn two_different_updates_never_mix_in_silence() {
    let (first, one, other) = (spec("x", "write", 1), spec("y", "read", 2), spec("z", "write", 3));
    for (one, other) in [(&one, &other), (&other, &one)] {
        let (meetings, said) = all_meetings(Some(&first), one, other).await;
        assert!(meetings >= 6 && said >= meetings - 2, "{said} of {meetings}");
    }
}

#[tokio::test]
async fn two_different_creations_never_mix_in_silence() {
    let (one, other) = (spec("y", "read", 2), spec("z", "write", 3));
    let (meetings, said) = all_meetings(None, &one, &other).await;
    assert!(meetings >= 6 && said >= meetings - 2, "{said} of {meetings}");
}

/// Two of the same are no trouble: what is already as it is to be is not taken for somebody else's.
#[tokio::test]
async fn two_runs_of_one_spec_come_to_one_end() {
    let (first, then) = (spec("x", "write", 1), spec("y", "read", 2));
    for first in [None, Some(&first)] {
        let (meetings, said) = all_meetings(first, &then, &then).await;
        assert!(meetings >= 6 && said == 0, "{said} of {meetings}");
    }
}

/// Tags that the controller and people write while it runs belong to nobody's spec.
#[tokio::test]
async fn what_the_controller_writes_overtakes_nobody() {
    let bench = bench::Bench::new("everything");
    bench.must_apply(&spec("x", "write", 1), &Consent::default()).await;
    let then = spec("y", "read", 2);
    let plan = bench.plan(&then, &Consent::default()).await;
    let step = plan.steps.iter().find(|step| step.address.kind() == "stream").expect("a step");
    let schema = SCHEMAS.iter().copied().find(|schema| schema.kind == "stream").expect("streams");
    let target = Target {
        address: step.address.clone(),
        schema,
        scope: bench.scope.clone(),
        physical: step.physical.clone(),
        outputs: Default::default(),
        listed: None,
    };
    for (key, value) in [("tidegate:ledger", "v1"), ("tidegate:paused", "yes"), ("cost-center", "4711")] {
        let tag =
            Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", tidegate::model::Value::map([(key, value)]));
        tidegate::cloud::Cloud::perform(&bench.local, &target, &tag).await.expect("somebody tags it");
    }
    let (outcomes, _) = carry_out(&bench.local, &plan).await;
    assert!(is_done(&outcomes), "{outcomes:?}");
}
