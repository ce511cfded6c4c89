//! What a run waits for when it starts, and what it does not wait for when it is to end.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Shop, lines};
use crate::double::Manners;
use crate::faults::proxy::{Deed, Proxy, Request};
use crate::scale::{Made, spec};
use crate::serve::{ask, listens};

/// A run of the double's pipeline with its port, which ends with the test.
struct Running {
    child: Child,
    began: Instant,
    address: String,
}

impl Running {
    fn start(made: &Made, url: &str, more: &[&str]) -> Self {
        let began = Instant::now();
        let mut command = made.command();
        command.args(["run", "--json", "--learn", "14d", "--drift", "0s", "--listen", "127.0.0.1:0"]).args(more);
        command.env("AWS_ENDPOINT_URL", url).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("it starts");
        let address = listens(&mut child);
        Self { child, began, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let answer = ask(&self.address, "GET", path, &[]);
        (answer.status, answer.body)
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.get("/api/streams").1).expect("JSON")
    }

    fn ticks(&self) -> Value {
        self.report()["ticks"]["count"].clone()
    }

    /// Waits until it is ready; answers how long that took from its start.
    fn ready(&self) -> Duration {
        while self.get("/readyz").0 != 200 {
            assert!(self.began.elapsed() < Duration::from_secs(120), "{:?}", self.get("/readyz"));
            std::thread::sleep(Duration::from_millis(10));
        }
        self.began.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_is_ready_while_the_first_tick_is_at_work() {
    let made = Made::of(&spec(300, false));
    // AWS's own rates: a look at each takes a quarter of a minute.
    made.double.behave(Manners { rates: Some(1), creating: Duration::ZERO });
    let running = Running::start(&made, &made.endpoint.url, &[]);
    let took = running.ready();
    println!("ready after {took:?}");
    assert_eq!(running.ticks(), 0, "ready after {took:?}, and a tick had ended by then");
    assert_eq!(
        running.get("/readyz"),
        (200, "ready: the first tick is at work, and /api/streams tells what has been decided by then\n".into())
    );
    assert!(running.get("/healthz").1.starts_with("ok: no tick has ended"), "{:?}", running.get("/healthz"));
}

/// Whether it is for another service than that which tells who the caller is.
fn is_for_others(request: &Request) -> bool {
    !request.whole().contains("GetCallerIdentity")
}

#[test]
fn it_is_not_ready_as_long_as_aws_does_not_answer() {
    let made = Made::of(&spec(2, false));
    let hangs = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&hangs);
    let proxy = Proxy::with(&made.endpoint.url, 1, 0, move |request| {
        while is_for_others(request) && switch.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Deed::Pass)
    });
    let running = Running::start(&made, &proxy.url, &[]);
    std::thread::sleep(Duration::from_secs(2));
    let (status, said) = running.get("/readyz");
    assert_eq!((status, said.as_str()), (503, "not ready: nothing that was asked of AWS has been answered yet\n"));
    assert_eq!(running.get("/healthz").0, 200, "to kill it would make AWS answer no sooner");
    hangs.store(false, Ordering::SeqCst);
    running.ready();
}

/// What it says of AWS that takes connections and never answers, not even who asks, until it has said something.
fn says_that_it_waits(made: &Made, words: &[&str]) {
    let ended = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&ended);
    let proxy = Proxy::with(&made.endpoint.url, 1, 0, move |_| {
        while !switch.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Deed::Pass)
    });
    let mut command = made.command();
    command.args(words).env("AWS_ENDPOINT_URL", &proxy.url).stdout(Stdio::null()).stderr(Stdio::piped());
    let (began, mut child) = (Instant::now(), command.spawn().expect("it starts"));
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says something");
    println!("said after {:?}", began.elapsed());
    ended.store(true, Ordering::SeqCst);
    let mut more = String::new();
    said.read_to_string(&mut more).expect("it ends");
    assert!(child.wait().expect("it ends").success(), "{words:?}: {line}{more}");
    assert!(line.starts_with("Still waiting for AWS"), "{words:?}: {line}{more}");
    assert!(!more.contains("Still waiting"), "{words:?}: it is said once: {more}");
}

#[test]
fn a_command_says_that_it_waits_for_aws() {
    let made = Made::of(&spec(2, false));
    says_that_it_waits(&made, &["status"]);
    says_that_it_waits(&made, &["run", "--json", "--ticks", "1", "--learn", "1h", "--drift", "0s"]);
}

const FAR: &str = "eu-central-1";

fn write_far(folder: &Path) {
    let far = format!(
        "apiVersion: tidegate/v1\npipeline: far\nregion: {FAR}\nalarms: {{ off: true }}\nstreams:\n\
         \x20 away: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 8 }} }} }}\n"
    );
    std::fs::write(folder.join("far.yaml"), far).expect("the spec can be written");
}

#[test]
fn a_region_that_is_dead_at_the_start_stops_no_other() {
    let made = Made::of(&spec(2, false));
    write_far(made.folder());
    let ended = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&ended);
    // It takes connections and never answers.
    let proxy = Proxy::with(&made.endpoint.url, 1, 0, move |request| {
        let is_far = request.header("authorization").is_some_and(|signed| signed.contains(&format!("/{FAR}/")));
        while is_far && !switch.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Deed::Pass)
    });
    let began = Instant::now();
    let mut command = made.command();
    command.args(["run", "--json", "--ticks", "1", "--learn", "1h", "--drift", "0s"]);
    command.args(["-f", "far.yaml", "-f", "tidegate.yaml"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let output = command.output().expect("it starts");
    ended.store(true, Ordering::SeqCst);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = lines(&String::from_utf8_lossy(&output.stdout));
    assert_eq!((&events[0]["event"], &events[0]["streams"]), (&"started".into(), &2.into()), "{events:#?}");
    let troubles: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).collect();
    assert_eq!(
        troubles,
        [format!("far.yaml is left out, and its streams are not sized: {FAR} did not answer within 20 s")],
        "{events:#?}"
    );
    let decided = events.iter().filter(|event| event["pipeline"] == "scale").count();
    assert!(decided >= 2 && !events.iter().any(|event| event["pipeline"] == "far"), "{events:#?}");
    let took = began.elapsed();
    // It has ended although the far region still hangs.
    println!("one tick took {took:?}");
    assert!(took >= Duration::from_secs(20), "{took:?}");
}

#[test]
fn it_ends_nine_seconds_after_it_was_asked_to_whatever_hangs() {
    let shop = Shop::new();
    // Nobody reads what it says, so that it hangs in the middle of a line once the pipe is full.
    let mut command = shop.command(&["run", "--json", "--speed", "max", "--traffic", "12"]);
    let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
    let (until, ledger) = (Instant::now() + Duration::from_secs(600), shop.path("tidegate-ledger"));
    let size = || std::fs::metadata(&ledger).map_or(0, |data| data.len());
    let mut before = (size(), Instant::now());
    while before.0 == 0 || before.1.elapsed() < Duration::from_secs(3) {
        assert!(Instant::now() < until, "it does not hang");
        std::thread::sleep(Duration::from_millis(50));
        let now = size();
        if now != before.0 {
            before = (now, Instant::now());
        }
    }
    assert!(child.try_wait().expect("it can be asked").is_none(), "it ended by itself");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill starts").success());
    let asked = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("it can be asked") {
            break status.code();
        }
        if asked.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("it hangs on");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = asked.elapsed();
    println!("ended after {took:?}");
    // By itself: whoever runs it waits for ten seconds before it is killed. How late a busy machine lets it wake is none of its doing.
    assert_eq!(code, Some(1), "after {took:?}");
    assert!(took >= Duration::from_secs(8), "{took:?}");
}

/// How many of these are told to have their past still to be read; `None` where not all have been decided on.
fn learning(report: &Value) -> Option<usize> {
    let streams = report["streams"].as_array().expect("streams");
    let decided = streams.iter().all(|stream| stream["last"]["reason"].is_string() && stream["metrics_at"].is_i64());
    decided.then(|| streams.iter().filter(|stream| stream["last"]["reason"] == "learning").count())
}

#[test]
fn no_decision_waits_for_fortnights_that_are_read_beside_it() {
    let made = Made::of(&spec(22, false));
    made.double.behave(Manners { rates: None, creating: Duration::ZERO });
    // Twice what we take of CloudWatch's old datapoints: twenty fortnights take twenty seconds.
    let running = Running::start(&made, &made.endpoint.url, &["--api-rate", "2", "--tick", "10s"]);
    let wait = |what: &str, holds: &dyn Fn(&Value) -> bool| -> Value {
        loop {
            let report = running.report();
            if holds(&report) {
                return report;
            }
            assert!(running.began.elapsed() < Duration::from_secs(150), "{what}: {report:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let first = wait("a tick ends", &|report| report["ticks"]["count"].as_u64() > Some(0));
    println!("the first tick took {} ms", first["ticks"]["last_ms"]);
    assert!(first["ticks"]["last_ms"].as_u64() < Some(15_000), "{first:#}");
    // The others are full, and grow by their newest minutes.
    let held = learning(&first).expect("all are decided on");
    assert!(held > 5, "{first:#}");
    let status = made.says(&["status", "--api-rate", "100"]);
    assert!(
        status.contains(&format!("the controller holds {held} of 22 streams until it has read their past")),
        "{status}"
    );
    let later = wait("those that a tick takes are learned", &|report| learning(report).is_some_and(|left| left <= 2));
    let (ticks, took) = (later["ticks"]["count"].as_u64(), running.began.elapsed());
    println!("twenty are learned after {took:?} and {ticks:?} ticks");
    assert!(ticks > Some(1) && took > Duration::from_secs(15), "{took:?}: {later:#}");
}
