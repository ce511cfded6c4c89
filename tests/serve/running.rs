use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest wait for something that a running program does soon.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().filter_map(|line| line.split_once(": "));
        found.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Sends these bytes and reads all that comes back until the other end closes.
pub fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    // An end that closes early still has said something.
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// One request with these header lines.
pub fn ask(address: &str, method: &str, path: &str, headers: &[&str]) -> Answer {
    let host = format!("Host: {address}");
    let host = if headers.iter().any(|line| line.starts_with("Host:")) { None } else { Some(host.as_str()) };
    let lines: String = host.iter().chain(headers).map(|line| format!("{line}\r\n")).collect();
    let said = exchange(address, format!("{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n").as_bytes());
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {path}: {said:?}"));
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("{head}")), head: head.into(), body: body.into() }
}

/// `tidegate` in a folder of its own, without variables of whoever runs the tests.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A controller on the embedded cloud whose port is open.
pub struct Running {
    pub folder: tempfile::TempDir,
    pub address: String,
    child: Child,
}

/// The address of a `run --json` that has just been started.
pub fn listens(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("it says that it has started");
    let started: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
    // Whoever runs must never wait for a reader of its lines.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    started["listen"].as_str().expect("the address").to_owned()
}

impl Running {
    /// Runs so many streams faster than real time under a day's wave of traffic.
    pub fn start(streams: usize, more: &[&str], token: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut spec =
            "apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\nalarms: { off: true }\nstreams:\n".to_owned();
        for at in 0..streams {
            let name = if at == 0 { "clicks".to_owned() } else { format!("stream-{at:03}") };
            spec += &format!("  {name}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 64 }} }} }}\n");
        }
        std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
        let cloud = ["--cloud", "local:cloud.json"];
        let applied =
            command(folder.path(), &[&["apply", "-y", "-q"][..], &cloud].concat()).output().expect("it starts");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let run = ["run", "--json", "--traffic", "12", "--listen", "127.0.0.1:0", "--drift", "1h"];
        let mut running = command(folder.path(), &[&run[..], &cloud, more].concat());
        running.stderr(Stdio::inherit());
        if let Some(token) = token {
            running.env("TIDEGATE_TOKEN", token);
        }
        let mut child = running.spawn().expect("it starts");
        let address = listens(&mut child);
        Self { folder, address, child }
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(&self.address, "GET", path, &[])
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Waits until this holds.
    pub fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a day has passed, or more ticks than that.
    pub fn wait_for_a_day(&self) {
        self.wait("a day passes", |running| running.json("/api/streams")["ticks"]["count"].as_u64() >= Some(1440));
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill starts").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
