//! A region that takes questions and never answers holds up its own streams, and nobody else's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate::apply::Stop;
use tidegate::cloud::Cloud;
use tidegate::control::{ConditionKind, Fleet, Key, Rules, Status, Stream};
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Load, Local, Options};
use tidegate::model::{Attrs, PIPELINE, RESOURCE, Scope, Value};
use tidegate::run::{Controller, Forgetful, Heard, Patience, Told, Watch};
use tidegate::scale::{Bounds, Tidegate};

use super::owed::{block_on, controller};
use super::rough::{Judge, Odds, Rough};

const NOW: i64 = 1_795_500_000;
/// Streams of the region that hangs: more than have a slot at once, and more than are looked at in one tick.
const HUNG: usize = 700;

/// A region with streams of two shards.
pub fn world(pipeline: &str, streams: &[String], odds: Odds) -> Arc<Rough> {
    Arc::new(rough(pipeline, streams, odds))
}

pub fn rough(pipeline: &str, streams: &[String], odds: Odds) -> Rough {
    let local = Local::new(SCHEMAS, Options::default(), NOW);
    for name in streams {
        let tags = Value::map([(PIPELINE, pipeline.to_owned()), (RESOURCE, format!("stream/{name}"))]);
        local
            .put("stream", name, Attrs::from([("shards".to_owned(), Value::Int(2)), ("tags".to_owned(), tags)]))
            .unwrap();
    }
    let bounds: BTreeMap<String, Bounds> = streams.iter().map(|name| (name.clone(), BOUNDS)).collect();
    Rough::new(Arc::new(local), Arc::new(Mutex::new(Judge::default())), bounds, odds, 1)
}

const BOUNDS: Bounds = Bounds { min: 2, max: 8 };

#[test]
fn a_region_that_hangs_holds_up_nobody_else() {
    let hung: Vec<String> = (0..HUNG).map(|at| format!("hung{at}")).collect();
    let (deaf, well) = (world("deaf", &hung, Odds::default()), world("well", &["clicks".to_owned()], Odds::default()));
    deaf.dead.store(true, Ordering::SeqCst);
    well.local.offer("clicks", Load::synthetic(1, 1000.0, 500.0)).unwrap();
    let (mut streams, mut watches) = (Vec::new(), Vec::new());
    // The hanging ones come first.
    for (cloud, pipeline, name) in hung.iter().map(|name| (0, "deaf", name)).chain([(1, "well", &"clicks".to_owned())])
    {
        let scope = Arc::new(Scope { pipeline: pipeline.into(), ..well.local.options().scope() });
        let key = Key { pipeline: pipeline.into(), stream: name.clone() };
        streams.push(Stream::new(key, name.clone(), Arc::clone(&scope), BOUNDS, Box::new(Tidegate::new())));
        let (name, physical) = (name.clone(), name.clone());
        watches.push(Watch { name, physical, scope, cloud, alarms: Vec::new(), consumers: Vec::new() });
    }
    let fleet = Fleet::new(Rules { learn_minutes: 14 * 1440, ..Rules::default() }, streams, "test");
    let clouds: Vec<Arc<dyn Cloud>> = vec![Arc::clone(&deaf) as _, Arc::clone(&well) as _];
    let beats = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&beats);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let controller =
            Controller::start(clouds, watches, fleet, Box::new(Forgetful), Stop::default(), Heard::default());
        // What answers at all answers at once here: how long the others are waited for decides nothing.
        let patience = Patience { one: Duration::from_millis(20), all: Duration::from_secs(5) };
        let mut controller = controller.await.unwrap().patient(patience);
        controller = controller.beating(Arc::new(move |_| {
            let _ = told.fetch_add(1, Ordering::SeqCst);
        }));
        let fleet = controller.fleet();
        for tick in 1..=2 {
            [&deaf, &well].iter().for_each(|world| world.local.advance(Duration::from_secs(60)));
            let asked = deaf.asked.load(Ordering::SeqCst);
            controller.tick(&|_| ()).await;
            let asked = deaf.asked.load(Ordering::SeqCst) - asked;
            assert!(asked <= 64, "tick {tick}: {asked} questions to a region that hangs");
            assert!(beats.load(Ordering::SeqCst) >= 400 * tick, "each one that is given up is a sign of life");
        }
        let fleet = fleet.lock().unwrap();
        let observed = |at: usize| {
            let status = fleet.streams()[at].status(&fleet.rules, fleet.now);
            status.condition(ConditionKind::Observed).map(|condition| condition.status)
        };
        assert_eq!((observed(0), observed(HUNG)), (Some(Status::False), Some(Status::True)));
    });
}

#[test]
fn what_hangs_altogether_is_told_with_the_first_tick() {
    let rough = world("shop", &["clicks".to_owned()], Odds::default());
    let told = Mutex::new(Vec::new());
    let tell = |said: Told| {
        if let Told::Trouble { message, .. } = said {
            told.lock().unwrap().push(message);
        }
    };
    block_on(async {
        let patience = Patience { one: Duration::from_millis(20), all: Duration::from_secs(5) };
        let mut controller = controller(&rough, Box::new(Forgetful)).await.patient(patience);
        controller.tick(&tell).await;
        assert_eq!(*told.lock().unwrap(), [""; 0]);
        rough.local.advance(Duration::from_secs(60));
        rough.dead.store(true, Ordering::SeqCst);
        controller.tick(&tell).await;
    });
    let told = told.into_inner().unwrap();
    let is_it = |said: &String| said.starts_with("AWS takes questions and answers none of them: ");
    assert_eq!(told.iter().filter(|said| is_it(said)).count(), 1, "{told:?}");
}

#[test]
fn a_stream_that_is_deleted_by_hand_is_told_with_the_next_looks() {
    let rough = world("shop", &["clicks".to_owned()], Odds::default());
    rough.local.offer("clicks", Load::synthetic(1, 1000.0, 500.0)).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |said: Told| {
        if let Told::Decision { decision, .. } = said {
            told.lock().unwrap().push(decision.reason);
        }
    };
    block_on(async {
        let mut controller = controller(&rough, Box::new(Forgetful)).await;
        for tick in 0..12 {
            if tick == 10 {
                rough.local.remove("stream", "clicks").unwrap();
                told.lock().unwrap().clear();
            }
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&tell).await;
        }
        let fleet = controller.fleet();
        let fleet = fleet.lock().unwrap();
        let status = fleet.streams()[0].status(&fleet.rules, fleet.now);
        let of = |kind| status.condition(kind).map(|condition| (condition.status, condition.reason.as_str()));
        assert_eq!(of(ConditionKind::Observed), Some((Status::False, "gone")));
        assert_eq!(of(ConditionKind::Healthy), Some((Status::Unknown, "gone")));
        assert_eq!(fleet.ticks.failed_reads, 0, "it is an answer");
    });
    assert_eq!(told.into_inner().unwrap(), ["unreadable", "gone"]);
}

#[test]
fn credentials_that_expire_are_one_trouble_and_no_good_health() {
    let rough = world("shop", &["clicks".to_owned()], Odds::default());
    rough.local.offer("clicks", Load::synthetic(1, 1000.0, 500.0)).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |said: Told| {
        if let Told::Trouble { message, .. } = said {
            told.lock().unwrap().push(message);
        }
    };
    block_on(async {
        let mut controller = controller(&rough, Box::new(Forgetful)).await;
        let fleet = controller.fleet();
        let mut healthy = Vec::new();
        for tick in 0..30 {
            if tick == 20 {
                told.lock().unwrap().clear();
                rough.expired.store(true, Ordering::SeqCst);
            }
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&tell).await;
            let fleet = fleet.lock().unwrap();
            let status = fleet.streams()[0].status(&fleet.rules, fleet.now);
            let healthy_now = status.condition(ConditionKind::Healthy).expect("a condition");
            healthy.push((healthy_now.status, healthy_now.reason.clone()));
        }
        assert_eq!(healthy[19], (Status::True, "keeps-up".into()));
        assert_eq!(healthy[27..], vec![(Status::Unknown, "unreadable".to_owned()); 3], "{healthy:?}");
        let said = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(said.len(), 10, "one with each tick: {said:?}");
        let is_it = |said: &String| {
            said.starts_with("the AWS credentials have expired, and nothing is read or resized until they are renewed")
                && said.contains("aws sso login")
        };
        assert!(said.iter().all(is_it), "{said:?}");
        rough.expired.store(false, Ordering::SeqCst);
        rough.local.advance(Duration::from_secs(60));
        controller.tick(&tell).await;
        assert_eq!(*told.lock().unwrap(), [""; 0]);
    });
}
