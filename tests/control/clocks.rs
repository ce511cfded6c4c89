//! The embedded cloud's clock at hundreds of times real time: whoever looks beside a run has its time, and no hangup sets it back.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Shop, lines};

/// Ends the run with the test.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill starts").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(shop: &Shop) -> Running {
    let said = std::fs::File::create(shop.path("said")).expect("a file");
    let mut command = shop.command(&["run", "--json", "--speed", "600", "--traffic", "12"]);
    let running = Running(command.stdout(said).stderr(Stdio::inherit()).spawn().expect("it starts"));
    wait(shop, "started", 1);
    running
}

fn told(shop: &Shop) -> Vec<Value> {
    let said = std::fs::read_to_string(shop.path("said")).expect("text");
    // The last line may be on its way.
    lines(said.rsplit_once('\n').map_or("", |(whole, _)| whole))
}

fn wait(shop: &Shop, event: &str, times: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while told(shop).iter().filter(|told| told["event"] == event).count() < times {
        assert!(Instant::now() < until, "no {event}: {:#?}", told(shop));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_look_beside_a_fast_run_has_its_time() {
    let shop = Shop::new();
    let running = start(&shop);
    for _ in 0..12 {
        // Ten minutes of the cloud's time pass in a second, and its file is written no more often.
        std::thread::sleep(Duration::from_millis(170));
        let text = shop.says(&["status"]) + &shop.says(&["explain", "clicks"]);
        assert!(!text.contains("clock went back"), "{text}");
    }
    running.signal("-TERM");
}

#[test]
fn a_hangup_sets_no_clock_back() {
    let shop = Shop::new();
    let running = start(&shop);
    for again in 2..6 {
        std::thread::sleep(Duration::from_millis(470));
        running.signal("-HUP");
        wait(&shop, "started", again);
    }
    std::thread::sleep(Duration::from_millis(500));
    running.signal("-TERM");
    wait(&shop, "stopped", 1);
    let told = told(&shop);
    let back: Vec<&Value> = told.iter().filter(|event| event["reason"] == "clock").collect();
    assert!(back.is_empty(), "{back:#?}");
    let at: Vec<i64> = told.iter().filter_map(|event| event["at"].as_i64()).collect();
    assert!(at.len() > 8 && at.is_sorted(), "{at:?}");
    // And time went on.
    assert!(at[at.len() - 1] - at[0] >= 240, "{at:?}");
}

#[test]
fn a_look_for_drift_that_falls_on_a_tick_takes_no_time_with_it() {
    let shop = Shop::new();
    // The first one ends on a full minute, so that the slow beat of the others falls on a tick.
    for nth in 0..3 {
        let told = shop.run(&["--traffic", "6", "--for", "40m"]);
        assert!(told.iter().any(|event| event["event"] == "drift"), "{told:#?}");
        let said = shop.says(&["status", "--json"]);
        let status: Value = serde_json::from_str(&said).expect("JSON");
        let ago = status["at"].as_i64().unwrap() - status["ledger"]["written_at"].as_i64().unwrap();
        assert!((0..300).contains(&ago), "run {nth} wrote last {ago} s before its end");
    }
}
