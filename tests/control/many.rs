//! Hundreds of streams under one controller: what is asked in a tick, and who goes without where an answer does not come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate::apply::Stop;
use tidegate::aws::{Aws, Connect};
use tidegate::cloud::Cloud;
use tidegate::control::{ConditionKind, Decision, Fleet, Key, Rules, Status, Stream, Verb};
use tidegate::local::Load;
use tidegate::model::Scope;
use tidegate::run::{Controller, Forgetful, Heard, Patience, Watch};
use tidegate::scale::{Alarm, Bounds, Signal, Tidegate};

use super::hung::rough;
use super::rough::{Odds, Rough};
use crate::double::{ACCOUNT, Manners, REGION};
use crate::faults::proxy::{Deed, Proxy};
use crate::scale::{Made, spec};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("s{at}")).collect()
}

fn alarm(stream: &str) -> Alarm {
    Alarm { name: format!("{stream}-full"), signal: Signal::WritesRefused }
}

async fn controller(cloud: Arc<dyn Cloud>, names: &[String], scope: Scope, rules: Rules, heard: &Heard) -> Controller {
    within(Bounds { min: 1, max: 8 }, cloud, names, (scope, rules), heard).await
}

async fn within(
    bounds: Bounds,
    cloud: Arc<dyn Cloud>,
    names: &[String],
    (scope, rules): (Scope, Rules),
    heard: &Heard,
) -> Controller {
    let scope = Arc::new(scope);
    let stream = |name: &String| {
        let key = Key { pipeline: scope.pipeline.clone(), stream: name.clone() };
        Stream::new(key, name.clone(), Arc::clone(&scope), bounds, Box::new(Tidegate::new()))
    };
    let watch = |name: &String| Watch {
        name: name.clone(),
        physical: name.clone(),
        scope: Arc::clone(&scope),
        cloud: 0,
        alarms: vec![alarm(name)],
        consumers: Vec::new(),
    };
    let fleet = Fleet::new(rules, names.iter().map(stream).collect(), "test");
    let watches = names.iter().map(watch).collect();
    let controller =
        Controller::start(vec![cloud], watches, fleet, Box::new(Forgetful), Stop::default(), heard.clone());
    controller.await.unwrap()
}

async fn of_rough(world: &Arc<Rough>, names: &[String], rules: Rules, heard: &Heard) -> Controller {
    let scope = Scope { pipeline: "shop".into(), ..world.local.options().scope() };
    controller(Arc::clone(world) as _, names, scope, rules, heard).await
}

/// The real SDK at the double, and where its streams are. `api_rate`: the share of AWS's published rates that is used.
async fn connected(url: &str, api_rate: Option<f64>) -> (Arc<dyn Cloud>, Scope) {
    let connect = Connect {
        region: Some(REGION.into()),
        endpoint_url: Some(url.into()),
        static_keys: Some(("test".into(), "test".into())),
        api_rate,
        ..Connect::default()
    };
    let scope =
        Scope { pipeline: "scale".into(), partition: "aws".into(), region: REGION.into(), account: ACCOUNT.into() };
    (Arc::new(Aws::connect(&connect).await.unwrap()), scope)
}

/// The newest decision of each stream.
fn decided(controller: &Controller) -> Vec<Decision> {
    let (fleet, mut all) = (controller.fleet(), Vec::new());
    let fleet = fleet.lock().unwrap();
    for stream in fleet.streams() {
        all.extend(stream.status(&fleet.rules, fleet.now).last);
    }
    all
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

const MANY: usize = 300;
/// Metrics of a stream that a tick asks for.
const QUERIES: usize = 6;
const MINUTE: Duration = Duration::from_secs(60);

/// Streams of two shards with three times the load that they take, for a while.
fn overloaded(names: &[String]) -> Arc<Rough> {
    let world = Arc::new(rough("shop", names, Odds::default()));
    for (seed, name) in (0..).zip(names) {
        world.local.offer(name, Load::synthetic(seed, 6000.0, 500.0)).unwrap();
    }
    world.local.advance(15 * MINUTE);
    world
}

#[test]
fn a_fortnight_that_is_still_to_be_learned_puts_no_growth_off() {
    let names = names(MANY);
    let world = overloaded(&names);
    runtime().block_on(async {
        let mut controller = of_rough(&world, &names, Rules::default(), &Heard::default()).await;
        controller.tick(&|_| ()).await;
        let wants = |decision: &&Decision| decision.desired > 2 && decision.numbers.metrics_at.is_some();
        let decided = decided(&controller);
        assert_eq!(decided.iter().filter(wants).count(), MANY, "{:?}", decided.first());
        assert_eq!(
            decided.iter().filter(|decision| decision.verb == Verb::Resize).count(),
            20,
            "as many as may go at once"
        );
    });
}

#[test]
fn a_gap_is_filled_in_one_tick() {
    let names = names(MANY);
    let world = overloaded(&names);
    runtime().block_on(async {
        let rules = Rules { learn_minutes: 180, ..Rules::default() };
        let mut controller = of_rough(&world, &names, rules, &Heard::default()).await;
        controller.tick(&|_| ()).await;
        for gap in [20, 170] {
            world.local.advance(gap * MINUTE);
            controller.tick(&|_| ()).await;
            let now = world.local.now();
            for decision in decided(&controller) {
                assert!(now - decision.at < 60, "{decision:?}");
                assert!(decision.numbers.metrics_at.is_some_and(|at| now - at < 360), "{decision:?}");
                assert_ne!(decision.reason, "learning", "{decision:?}");
            }
        }
    });
}

#[test]
fn one_question_that_hangs_blinds_those_that_it_is_about() {
    let names = names(30);
    let mut world = rough("shop", &names, Odds::default());
    world.batch = 10;
    world.silent = BTreeSet::from(["s15".to_owned(), alarm("s25").name]);
    world.rings = BTreeSet::from([alarm("s5").name, alarm("s15").name, alarm("s26").name]);
    let world = Arc::new(world);
    names.iter().for_each(|name| world.local.offer(name, Load::synthetic(1, 500.0, 500.0)).unwrap());
    world.local.advance(15 * MINUTE);
    runtime().block_on(async {
        let rules = Rules { learn_minutes: 0, ..Rules::default() };
        let controller = of_rough(&world, &names, rules, &Heard::default()).await;
        let patience = Patience { one: Duration::from_millis(100), all: Duration::from_secs(60) };
        let mut controller = controller.patient(patience);
        controller.tick(&|_| ()).await;
        let fleet = controller.fleet();
        let fleet = fleet.lock().unwrap();
        for (at, stream) in fleet.streams().iter().enumerate() {
            let status = stream.status(&fleet.rules, fleet.now);
            let observed = status.condition(ConditionKind::Observed).map(|condition| condition.status);
            let blind = (10..20).contains(&at);
            assert_eq!(observed, Some(if blind { Status::False } else { Status::True }), "s{at}");
            assert_eq!(status.alarms.len(), usize::from([5, 15].contains(&at)), "s{at}: {:?}", status.alarms);
        }
        assert_eq!((fleet.ticks.failed_reads, fleet.troubles.len()), (10, 1), "{:?}", fleet.troubles);
    });
}

#[test]
fn an_alarm_wakes_the_stream_that_it_is_about_and_no_other() {
    let names = names(40);
    let world = overloaded(&names);
    let heard = Heard::default();
    runtime().block_on(async {
        let rules = Rules { learn_minutes: 0, ..Rules::default() };
        let mut controller = of_rough(&world, &names, rules, &heard).await;
        controller.tick(&|_| ()).await;
        let (before, ticks) =
            (std::mem::take(&mut *world.read.lock().unwrap()), controller.fleet().lock().unwrap().ticks.count);
        assert_eq!((before.len(), ticks), (40, 1));
        world.local.advance(Duration::from_secs(5));
        heard.note([alarm("s7").name, "of-another-pipeline".to_owned()]);
        controller.woken(&|_| ()).await;
        let read = std::mem::take(&mut *world.read.lock().unwrap());
        assert_eq!(read, BTreeMap::from([("s7".to_owned(), 1)]));
        let now = world.local.now();
        let anew: Vec<Decision> = decided(&controller).into_iter().filter(|decision| decision.at == now).collect();
        assert_eq!(anew.len(), 1);
        assert_eq!(anew[0].woken_by, "alarm s7-full, told by the queue");
        heard.note(["of-another-pipeline".to_owned()]);
        controller.woken(&|_| ()).await;
        assert!(world.read.lock().unwrap().is_empty());
        controller.tick(&|_| ()).await;
        assert_eq!(world.read.lock().unwrap().len(), 40);
    });
}

#[test]
fn status_waits_for_all_and_explain_asks_about_one() {
    let made = Made::of(&spec(40, false));
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    // Four looks a second, and one list of tags: of these all would take longer than a tick waits.
    let status = made.says(&["status", "--json", "--api-rate", "0.2"]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let streams = status["streams"].as_array().expect("streams");
    assert_eq!(streams.iter().filter(|stream| stream["seen_at"].is_i64()).count(), 40, "{status}");
    assert!(streams.iter().all(|stream| stream["last"]["reason"] != "unreadable"), "{status}");
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    let explained: Value = serde_json::from_str(&made.says(&["explain", "s7", "--json"])).expect("JSON");
    assert_eq!(explained["stream"], "s7");
    assert_eq!(made.double.calls()["kinesis:DescribeStreamSummary"].0, 1);
}

/// Ten times AWS's published rates, so that the suite does not wait for them; the proportions are AWS's.
const TIMES: u32 = 10;
/// What the controller takes of them. The rest is for calls that a busy machine holds up and lets go together: a second of delay then refuses
/// none, where whoever heeds no rate is refused a third of all.
const SHARE: f64 = 0.4;

#[test]
fn within_awss_rates_all_are_decided_on_in_a_tick_and_nothing_fails() {
    let made = Made::of(&spec(MANY, false));
    made.double.behave(Manners { rates: Some(TIMES), creating: Duration::ZERO });
    runtime().block_on(async {
        let (aws, scope) = connected(&made.endpoint.url, Some(f64::from(TIMES) * SHARE)).await;
        // A fortnight would be a figure of this machine's processor.
        let rules = Rules { learn_minutes: 180, dry_run: true, ..Rules::default() };
        let mut controller = controller(aws, &names(MANY), scope, rules, &Heard::default()).await;
        let began = Instant::now();
        controller.tick(&|_| ()).await;
        let took = began.elapsed();
        let calls = made.double.calls();
        let made_of = |operation: &str| calls.get(operation).map_or(0, |one| one.0);
        println!("a tick over {MANY} streams took {took:?}: {calls:?}");
        assert_eq!(calls.values().map(|one| one.1).sum::<u64>(), 0, "refused: {calls:?}");
        assert_eq!(made_of("kinesis:DescribeStreamSummary"), MANY as u64);
        assert_eq!(made_of("kinesis:ListTagsForStream"), 0, "the listing told them");
        assert_eq!(made_of("tag:GetResources"), MANY.div_ceil(100) as u64);
        let queries = MANY * QUERIES;
        assert!(
            made_of("cloudwatch:GetMetricData") <= 2 * queries.div_ceil(500) as u64,
            "newest minutes and pasts: {calls:?}"
        );
        let decided = decided(&controller);
        let unfit: Vec<&Decision> = decided
            .iter()
            .filter(|of| ["unreadable", "learning"].contains(&of.reason.as_str()) || of.numbers.metrics_at.is_none())
            .collect();
        assert_eq!((decided.len(), unfit), (MANY, Vec::new()));
        assert_eq!(controller.fleet().lock().unwrap().ticks.failed_reads, 0);
    });
}

/// Within the rates themselves, of which a look with tags would take a minute for all: who waits for a turn hangs nowhere.
#[test]
fn a_wait_for_a_turn_is_no_failure() {
    let made = Made::of(&spec(60, false));
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    runtime().block_on(async {
        // Four looks a second.
        let (aws, scope) = connected(&made.endpoint.url, Some(0.2)).await;
        let rules = Rules { learn_minutes: 0, dry_run: true, ..Rules::default() };
        let controller = controller(aws, &names(60), scope, rules, &Heard::default()).await;
        // Each look waits longer than it is left for its answer, and not all have their turn.
        let patience = Patience { one: Duration::from_secs(4), all: Duration::from_secs(5) };
        let mut controller = controller.patient(patience);
        controller.tick(&|_| ()).await;
        assert_eq!(controller.fleet().lock().unwrap().ticks.failed_reads, 0);
        let seen = |decisions: &[Decision]| decisions.iter().filter(|of| of.reason != "unreadable").count();
        let first = seen(&decided(&controller));
        assert!((1..60).contains(&first), "{first}");
        controller.tick(&|_| ()).await;
        let second = seen(&decided(&controller));
        assert!(second > first, "it goes on with those who had no turn: {first}, {second}");
    });
}

/// What AWS throttles is told and decided anew with the next tick: the others' calls and metrics do not wait for it.
#[test]
fn a_resize_that_is_throttled_is_sent_five_times_and_no_more() {
    let made = Made::of(&spec(2, false));
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    let proxy = Proxy::with(&made.endpoint.url, 1, 0, |request| {
        let is_throttled = request.operation() == "UpdateShardCount" && request.whole().contains("s0");
        let body = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.to_owned();
        Some(if is_throttled {
            Deed::Answer { status: 400, kind: "application/x-amz-json-1.1", body }
        } else {
            Deed::Pass
        })
    });
    runtime().block_on(async {
        let (aws, scope) = connected(&proxy.url, None).await;
        let rules = Rules { learn_minutes: 0, ..Rules::default() };
        let mut controller = within(Bounds { min: 2, max: 8 }, aws, &names(2), (scope, rules), &Heard::default()).await;
        controller.tick(&|_| ()).await;
        let of = |verb: Verb| decided(&controller).into_iter().filter(move |of| of.verb == verb);
        let outcomes: Vec<String> = of(Verb::Resize).filter_map(|of| of.outcome).collect();
        assert_eq!(outcomes.len(), 2, "{outcomes:?}");
        assert!(outcomes[0].starts_with("refused: ") && outcomes[0].contains("Rate exceeded"), "{outcomes:?}");
        assert_eq!(outcomes[1], "accepted");
        let (_, throttled) = proxy.counts();
        assert_eq!(throttled, 5);
    });
}
