//! The controller as a process: a day on the embedded cloud, signals, kills, and streams of an emulator.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::support::emulators;
use crate::support::hand::config;

pub const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 64 } }
";

pub struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    pub fn new() -> Self {
        Self::of(SPEC)
    }

    pub fn of(spec: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
        let shop = Self { folder };
        shop.says(&["apply", "-y", "-q"]);
        shop
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path()).env("NO_COLOR", "1");
        command.args(args).args(["--cloud", "local:cloud.json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn says(&self, args: &[&str]) -> String {
        emulators::says(&mut self.command(args), &[])
    }

    /// Runs for a while at full speed; answers its events.
    pub fn run(&self, more: &[&str]) -> Vec<Value> {
        lines(&self.says(&[&["run", "--json", "--speed", "max"], more].concat()))
    }

    pub fn status(&self) -> Value {
        let report: Value = serde_json::from_str(&self.says(&["status", "--json"])).expect("JSON");
        report["streams"][0].clone()
    }
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

pub fn resizes(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["verb"] == "resize").collect()
}

#[test]
fn a_working_day_on_the_embedded_cloud() {
    let shop = Shop::new();
    let events = shop.run(&["--traffic", "12", "--for", "8h"]);
    assert_eq!((&events[0]["event"], &events.last().unwrap()["event"]), (&"started".into(), &"stopped".into()));
    let grown = resizes(&events);
    assert!(grown.len() >= 3 && grown.iter().all(|resize| resize["outcome"] == "accepted"), "{grown:#?}");
    assert_eq!((&grown[0]["from"], &grown[0]["to"], &grown[0]["reason"]), (&2.into(), &4.into(), &"grow".into()));
    let status = shop.status();
    assert_eq!(status["shards"], grown.last().unwrap()["to"]);
    assert_eq!(status["calls_left"], 10 - grown.len());
    let told: Value = serde_json::from_str(&shop.says(&["history", "--json"])).expect("JSON");
    let told: Vec<Value> = told["decisions"].as_array().unwrap().clone();
    assert_eq!(resizes(&told).len(), grown.len());
    let explained = shop.says(&["explain", "clicks"]);
    // It shows the newest ones; a day may push the first resize out.
    let grows = explained.lines().any(|line| line.contains("  resize ") && line.contains("  grow: "));
    let told = ["  trust  ", "  weightiest rule  ", "BudgetExhausted"];
    assert!(grows && told.iter().all(|word| explained.contains(word)), "{explained}");
    // Neither the ledger's tag nor counts inside the range are drift.
    assert_eq!(shop.command(&["drift"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_dry_run_changes_nothing() {
    let shop = Shop::new();
    let events = shop.run(&["--traffic", "12", "--for", "1h", "--dry-run"]);
    let would = resizes(&events);
    assert!(!would.is_empty() && would.iter().all(|resize| resize["outcome"] == "dry-run"), "{would:#?}");
    assert_eq!((shop.status()["shards"].clone(), shop.status()["calls_left"].clone()), (2.into(), 10.into()));
}

#[test]
fn a_paused_stream_is_not_healed() {
    let shop = Shop::new();
    shop.says(&["pause", "clicks"]);
    std::fs::write(shop.path("tidegate.yaml"), SPEC.to_owned() + "    retention: 48h\n")
        .expect("the spec can be written");
    let heals = |told: &[Value]| -> Vec<Value> {
        told.iter().filter(|event| event["event"] == "drift").map(|event| event["done"].clone()).collect()
    };
    assert_eq!(heals(&shop.run(&["--heal", "--for", "50m"])), [0], "left as it is, and told once");
    shop.says(&["resume", "clicks"]);
    let healed = heals(&shop.run(&["--heal", "--for", "50m"]));
    assert!(
        healed.len() == 2 && healed[0].as_u64() > Some(0) && healed[1] == 0,
        "put right, and done then: {healed:?}"
    );
}

#[test]
fn pins_and_pauses_are_honoured_and_are_no_drift() {
    let shop = Shop::new();
    assert!(shop.says(&["pin", "clicks", "--shards", "8", "--for", "4h"]).contains("pinned to 8 shards until"));
    let events = shop.run(&["--traffic", "1", "--for", "30m"]);
    let counts: Vec<&Value> = resizes(&events).iter().map(|resize| &resize["to"]).collect();
    assert_eq!(counts, [&Value::from(4), &Value::from(8)]);
    assert_eq!(shop.status()["pin"]["shards"], 8);
    assert_eq!(shop.command(&["drift"]).output().unwrap().status.code(), Some(0));
    let refused = shop.command(&["pin", "clicks", "--shards", "100", "--for", "1h"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5));
    shop.says(&["resume"]);
    shop.says(&["pause", "clicks"]);
    let events = shop.run(&["--traffic", "40", "--for", "30m"]);
    assert!(resizes(&events).is_empty(), "{events:#?}");
    assert!(events.iter().any(|event| event["reason"] == "paused"));
    shop.says(&["resume", "clicks"]);
    assert!(!resizes(&shop.run(&["--for", "30m"])).is_empty());
}

pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().expect("kill starts").success());
}

/// Waits until the ledger has grown to so many bytes, so that the run is under way.
fn wait_for(path: &Path, bytes: u64) {
    let until = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(path).map_or(0, |data| data.len()) < bytes {
        assert!(Instant::now() < until, "{} does not grow", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a file that the run writes has this text so many times.
pub fn wait_for_text(path: &Path, text: &str, times: usize) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        if found.matches(text).count() >= times {
            return found;
        }
        assert!(Instant::now() < until, "no `{text}` in {}:\n{found}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The body that the controller's port answers with.
fn asked(port: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(port).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {port}\r\nConnection: close\r\n\r\n").expect("it hears");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

/// An answer is that of the newest tick.
fn wait_for_answer(port: &str, path: &str, text: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    while !asked(port, path).contains(text) {
        assert!(Instant::now() < until, "no `{text}` in {path}: {}", asked(port, path));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_hangup_reads_the_specs_again() {
    let shop = Shop::new();
    let (said, errors) = (shop.path("said"), shop.path("errors"));
    let file = |path: &Path| std::fs::File::create(path).expect("a file");
    let mut command = shop.command(&["run", "--speed", "600", "--traffic", "12", "--json", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(file(&said)).stderr(file(&errors)).spawn().expect("it starts");
    wait_for_text(&said, "\"to\":8", 1);
    let spec = |text: &str| std::fs::write(shop.path("tidegate.yaml"), text).expect("the spec can be written");
    // What cannot be used is told, and what was read before holds.
    spec(&SPEC.replace("max: 64", "max: many"));
    signal(&child, "-HUP");
    wait_for_text(&said, "those read before hold", 1);
    wait_for_text(&errors, "max: many", 1);
    // And it lasts for those who look later.
    let told = wait_for_text(&said, "\"listen\"", 1);
    let port = lines(told.lines().next().expect("a line"))[0]["listen"].as_str().expect("an address").to_owned();
    wait_for_answer(&port, "/api/report", "\"troubles\":[\"the specs that were read again");
    wait_for_answer(&port, "/metrics", "\ntidegate_specs_outdated 1\n");
    let report: Value = serde_json::from_str(&asked(&port, "/api/report")).expect("JSON");
    let is_why = |text: &Value| {
        text.as_str().is_some_and(|why| why.contains("those read before hold: ") && why.contains("many"))
    };
    assert!(is_why(&report["outdated"]) && report["troubles"].as_array().unwrap().iter().any(is_why), "{report:#}");
    let added = "  orders:\n    capacity: { mode: provisioned, shards: { min: 2, max: 4 } }\n";
    spec(&(SPEC.replace("max: 64", "max: 9") + added));
    signal(&child, "-HUP");
    wait_for_text(&said, "\"event\":\"started\"", 2);
    wait_for_answer(&port, "/metrics", "\ntidegate_specs_outdated 0\n");
    // It is as it was, but for what changed: the calls of before count, and the port is the same.
    wait_for_text(&said, "\"stream\":\"orders\"", 1);
    let status = shop.says(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let clicks = status["streams"].as_array().unwrap().iter().find(|stream| stream["stream"] == "clicks").unwrap();
    assert_eq!(clicks["max"], 9);
    assert!(clicks["calls_left"].as_u64().unwrap() <= 8, "{clicks:#}");
    signal(&child, "-TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let events = lines(&std::fs::read_to_string(&said).expect("text"));
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).cloned().collect::<Vec<_>>();
    let started = of("started");
    assert_eq!((&started[0]["streams"], &started[1]["streams"]), (&1.into(), &2.into()));
    assert_eq!(started[0]["listen"], started[1]["listen"]);
    assert_eq!((of("reread").len(), of("stopped").len(), started.len()), (1, 1, 2));
    assert!(resizes(&events).iter().all(|resize| resize["outcome"] == "accepted"), "{events:#?}");
}

#[test]
fn a_polite_signal_ends_it_with_0() {
    for name in ["-TERM", "-INT"] {
        let shop = Shop::new();
        let child = shop.command(&["run", "--speed", "600", "--traffic", "12", "--json"]).spawn().expect("it starts");
        wait_for(&shop.path("tidegate-ledger"), 500);
        signal(&child, name);
        let output = child.wait_with_output().expect("it ends");
        // Where it does not come to an end by itself it ends nine seconds later, with 1.
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let events = lines(&String::from_utf8_lossy(&output.stdout));
        assert_eq!(
            (&events.last().unwrap()["event"], &events.last().unwrap()["asked"]),
            (&"stopped".into(), &true.into())
        );
    }
}

#[test]
fn others_see_the_time_of_a_run_that_is_under_way() {
    let shop = Shop::new();
    let ahead = || {
        let cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
        cloud["ahead_ms"].as_i64().unwrap()
    };
    let began = ahead();
    // A dry run changes nothing, so that nothing but the passing of time is written.
    let mut child = shop.command(&["run", "--speed", "600", "--dry-run"]).stdout(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while ahead() < began + 3_600_000 {
        assert!(Instant::now() < until, "the time of the file stands still");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let now = || jiff::Timestamp::now().as_second() + ahead() / 1000;
    let before = now();
    let says = shop.says(&["pin", "clicks", "--shards", "8", "--for", "4h"]);
    let pinned = says.trim().rsplit_once(' ').expect("a time").1;
    let pinned: jiff::Timestamp = pinned.parse().expect("a time");
    assert!((before - 1..=now() + 1).contains(&(pinned.as_second() - 4 * 3600)), "{says}");
}

/// Judges what the plant took against the records of a ledger. Answers how many calls it took within the last day.
pub fn judged(shop: &Shop, records: &[Value]) -> Result<usize, String> {
    let cloud: Value = serde_json::from_slice(&std::fs::read(shop.path("cloud.json")).unwrap()).unwrap();
    let spent = &cloud["regions"]["eu-west-1"]["items"]["stream"]["clicks"]["stream"]["spent"]["reshards"];
    let sent: Vec<i64> = spent.as_array().into_iter().flatten().map(|at| at.as_i64().unwrap()).collect();
    let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let now = real + cloud["ahead_ms"].as_i64().unwrap() / 1000 + 1;
    super::books::judge(records, &sent, now).map(|()| sent.len())
}

/// The records of the ledger that is a file.
fn records(shop: &Shop) -> Vec<Value> {
    let ledger = std::fs::read_to_string(shop.path("tidegate-ledger")).unwrap();
    ledger.lines().filter_map(|line| serde_json::from_str(line.split_once(' ')?.1).ok()).collect()
}

/// The speed at which so many kills take as many hours of the simulated clock as the usual ones at 3,000 times: a day later there would be
/// another call, and the first shards that were closed would be gone.
pub fn speed(kills: u32, usual: u32) -> String {
    (3000 * usual / kills.max(1)).max(1).to_string()
}

/// How often a run is killed; `TIDEGATE_KILLS` asks for more.
pub fn kills(usual: u32) -> u32 {
    std::env::var("TIDEGATE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn a_kill_at_any_moment_loses_no_call() {
    let shop = Shop::new();
    shop.run(&["--traffic", "12", "--ticks", "1"]);
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..kills(12) {
        let mut child = shop.command(&["run", "--speed", "3000"]).stdout(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(random.u64(20..900)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    shop.run(&["--for", "2h"]);
    let sent = judged(&shop, &records(&shop)).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    assert!(sent > 0, "seed {seed}: nothing was sent");
}

#[test]
fn a_real_stream_is_resized_through_its_states() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("controlled-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: controlled\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 2, max: 8 }} }} }}\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    let account = "510000000007";
    let says = |args: &[&str]| emulators::says(&mut emulators::program_with_streams(folder.path(), account), args);
    says(&["apply", "-y", "-q"]);
    put_load(account, &stream, 5.0);
    let events = lines(&says(&["run", "--json", "--tick", "2s", "--ticks", "15", "--drift", "0s"]));
    let hops: Vec<(i64, i64)> = resizes(&events)
        .iter()
        .map(|resize| (resize["from"].as_i64().unwrap(), resize["to"].as_i64().unwrap()))
        .collect();
    assert_eq!(hops.first(), Some(&(2, 4)), "{events:#?}");
    assert!(hops.len() >= 2 && hops.windows(2).all(|two| two[0].1 == two[1].0), "{hops:?}");
    assert!(events.iter().any(|event| event["verb"] == "settled"), "{events:#?}");
    let status: Value = serde_json::from_str(&says(&["status", "--json"])).expect("JSON");
    assert_eq!(status["streams"][0]["calls_left"], 10 - hops.len());
    assert_eq!(status["streams"][0]["shards"].as_i64(), hops.last().map(|hop| hop.1));
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}

/// Half an hour of metrics as AWS would show them, full to the brim on two shards.
pub fn put_load(account: &str, stream: &str, shards: f64) {
    put_load_at(&emulators::ministack().url, account, stream, shards);
}

/// The same at another endpoint.
pub fn put_load_at(url: &str, account: &str, stream: &str, shards: f64) {
    use aws_sdk_cloudwatch::primitives::DateTime;
    use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = config!(aws_sdk_cloudwatch, url, account).build();
        let client = aws_sdk_cloudwatch::Client::from_conf(config);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 / 60;
        for minute in now - 30..now {
            let datum = |name: &str, value: f64| {
                let of = Dimension::builder().name("StreamName").value(stream).build();
                MetricDatum::builder()
                    .metric_name(name)
                    .dimensions(of)
                    .timestamp(DateTime::from_secs(minute * 60))
                    .value(value)
                    .build()
            };
            let data = vec![
                datum("IncomingRecords", shards * 60_000.0),
                datum("IncomingBytes", shards * 6_000_000.0),
                datum("WriteProvisionedThroughputExceeded", 100.0),
                datum("GetRecords.IteratorAgeMilliseconds", 0.0),
            ];
            client
                .put_metric_data()
                .namespace("AWS/Kinesis")
                .set_metric_data(Some(data))
                .send()
                .await
                .expect("metrics are taken");
        }
    });
}
