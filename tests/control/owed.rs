//! A ledger without room: what could not be written is written once there is room again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tidegate::apply::Stop;
use tidegate::cloud::{Class, Cloud, Fault};
use tidegate::control::{Entry, Fleet, Key, Record, Rules, Stream, Verb};
use tidegate::local::Load;
use tidegate::model::{self, Scope};
use tidegate::run::{Controller, Heard, Ledger, Watch};
use tidegate::scale::{Bounds, Tidegate};

use super::hung::world;
use super::program::{Shop, lines};
use super::rough::{Odds, Rough};

#[derive(Clone, Default)]
struct Disk {
    is_full: Arc<AtomicBool>,
    kept: Arc<Mutex<Vec<Entry>>>,
}

impl Ledger for Disk {
    fn recall<'a>(&'a mut self, _: &'a mut (dyn FnMut(Entry) + Send)) -> BoxFuture<'a, Result<(), Fault>> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, _: &'a str, entries: &'a [Entry], _: bool) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            if self.is_full.load(Ordering::SeqCst) {
                return Err(Fault::new(Class::Refused, "writing the ledger", "LedgerFailed", "no space is left"));
            }
            self.kept.lock().unwrap().extend_from_slice(entries);
            Ok(())
        }
        .boxed()
    }
}

/// A controller of one stream, and what it looks at.
pub async fn controller(rough: &Arc<Rough>, ledger: Box<dyn Ledger>) -> Controller {
    let scope = Arc::new(Scope { pipeline: "shop".into(), ..rough.local.options().scope() });
    let (name, physical) = ("clicks".to_owned(), "clicks".to_owned());
    let key = Key { pipeline: "shop".into(), stream: name.clone() };
    let bounds = Bounds { min: 2, max: 8 };
    let stream = Stream::new(key, name.clone(), Arc::clone(&scope), bounds, Box::new(Tidegate::new()));
    let watch = Watch { name, physical, scope, cloud: 0, alarms: Vec::new(), consumers: Vec::new() };
    let fleet = Fleet::new(Rules::default(), vec![stream], "test");
    let clouds: Vec<Arc<dyn Cloud>> = vec![Arc::clone(rough) as _];
    Controller::start(clouds, vec![watch], fleet, ledger, Stop::default(), Heard::default()).await.unwrap()
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let rough = world("shop", &["clicks".to_owned()], Odds::default());
    let disk = Disk::default();
    let foreign = |from, to| {
        let kept = disk.kept.lock().unwrap();
        let is_it = |entry: &&Entry| matches!(entry.record, Record::Foreign { from: before, to: after, .. } if (before, after) == (from, to));
        kept.iter().filter(is_it).count()
    };
    block_on(async {
        let mut controller = controller(&rough, Box::new(disk.clone())).await;
        let fleet = controller.fleet();
        let unwritten = || !fleet.lock().unwrap().unwritten.is_empty();
        controller.tick(&|_| ()).await;
        disk.is_full.store(true, Ordering::SeqCst);
        rough.local.tamper("stream", "clicks", "shards", model::Value::Int(5)).unwrap();
        for _ in 0..10 {
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&|_| ()).await;
        }
        assert_eq!((unwritten(), foreign(2, 5)), (true, 0));
        disk.is_full.store(false, Ordering::SeqCst);
        rough.local.advance(Duration::from_secs(60));
        controller.tick(&|_| ()).await;
        assert_eq!((unwritten(), foreign(2, 5)), (false, 1));
        // At the end, too.
        disk.is_full.store(true, Ordering::SeqCst);
        let now = fleet.lock().unwrap().streams()[0].status(&Rules::default(), 0).shards.unwrap();
        rough.local.tamper("stream", "clicks", "shards", model::Value::Int(7)).unwrap();
        rough.local.advance(Duration::from_secs(60));
        controller.tick(&|_| ()).await;
        disk.is_full.store(false, Ordering::SeqCst);
        controller.end().await;
        assert_eq!((unwritten(), foreign(now, 7)), (false, 1));
    });
    // What was announced while nothing could be written was not sent, and is not announced afterwards.
    let kept = disk.kept.lock().unwrap();
    let calls = kept.iter().filter(|entry| matches!(entry.record, Record::Calling { .. })).count();
    assert_eq!(calls, rough.judge.lock().unwrap().sent.len());
}

/// Whoever asks why it does not grow is told, by the stream itself.
#[test]
fn a_stream_whose_call_cannot_be_written_down_says_so() {
    let rough = world("shop", &["clicks".to_owned()], Odds::default());
    let disk = Disk::default();
    block_on(async {
        let mut controller = controller(&rough, Box::new(disk.clone())).await;
        disk.is_full.store(true, Ordering::SeqCst);
        rough.local.offer("clicks", Load::synthetic(1, 5000.0, 500.0)).unwrap();
        let last = |controller: &Controller| {
            let status = controller.fleet().lock().unwrap().streams()[0].status(&Rules::default(), 0);
            status.last.expect("a decision")
        };
        for _ in 0..15 {
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&|_| ()).await;
        }
        let held = last(&controller);
        assert_eq!((held.verb, held.reason.as_str()), (Verb::Hold, "ledger"), "{held:?}");
        assert!(held.because.contains("held: the ledger cannot be written"), "{}", held.because);
        disk.is_full.store(false, Ordering::SeqCst);
        rough.local.advance(Duration::from_secs(60));
        controller.tick(&|_| ()).await;
        assert_eq!(last(&controller).verb, Verb::Resize);
    });
    let kept = disk.kept.lock().unwrap();
    let is_told = |entry: &Entry| matches!(&entry.record, Record::Decided { decision } if decision.reason == "ledger");
    assert!(kept.iter().any(is_told), "it stands in the books once there is room");
}

/// By the limit of the size of files: such a write takes a part of a line like a disk that is full.
#[test]
fn a_file_without_room_keeps_whole_lines() {
    let shop = Shop::new();
    let run = shop.command(&["run", "--json", "--speed", "max", "--traffic", "12", "--for", "4h"]);
    let words: Vec<String> = std::iter::once(run.get_program())
        .chain(run.get_args())
        .map(|word| format!("'{}'", word.to_str().expect("plain words")))
        .collect();
    // POSIX counts in 512 bytes. The signal is ignored, so that the write itself fails.
    let script = format!("ulimit -f 25; exec {}", words.join(" "));
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", &script]).current_dir(shop.path(".")).env_clear().env("HOME", shop.path("."));
    let output = limited.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("File too large"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // It lasts for hours, and is told once in each, with its time.
    let troubles: Vec<Value> = lines(&said).into_iter().filter(|event| event["event"] == "trouble").collect();
    assert!((1..=5).contains(&troubles.len()) && troubles.iter().all(|one| one["time"].is_string()), "{troubles:#?}");
    let ledger = std::fs::read(shop.path("tidegate-ledger")).expect("the ledger");
    assert!(ledger.ends_with(b"\n") && ledger.len() < 25 * 512, "it ends with a whole line: {} bytes", ledger.len());
    let again = shop.command(&["run", "--speed", "max", "--ticks", "2"]).output().expect("it starts");
    let wrong = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && !wrong.contains("damaged"), "{wrong}");
}
