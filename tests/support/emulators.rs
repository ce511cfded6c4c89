//! Real emulators as child processes on loopback: each starts at its first use and lives until the test process ends.
//!
//! The tests of one binary share them and run in parallel, so every test gives its resources names of its own.
//! What each emulator is good for, and where it is wrong, is in `README.md` beside this file.
#![allow(dead_code, reason = "one test binary may use only some of the emulators")]

mod provision;
mod watchdog;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use provision::Installed;

/// The region that the tests sign for. The emulators keep one world per region and create it on demand.
pub const REGION: &str = "eu-west-1";

/// The key that every emulator takes for its own account's root; the secret is the same word.
pub const ACCESS_KEY: &str = "test";

/// Kinesis-local changes state after this long. Long enough for a test to see CREATING and UPDATING over HTTP,
/// short enough (its default is 500 ms) that a story of ten changes ends in seconds.
const STATE_CHANGE: &str = "300ms";

/// Where an emulator answers.
#[derive(Debug)]
pub struct Endpoint {
    /// For `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_<SERVICE>`, without a trailing slash.
    pub url: String,
    pub region: &'static str,
    /// The account id in the ARNs that this emulator makes up.
    pub account: &'static str,
}

impl Endpoint {
    /// The variables that make any AWS SDK or tool talk to this emulator and to nothing else.
    pub fn env(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", self.region),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY),
            // A test must not read the developer's profile nor wait for the metadata service of a machine in EC2.
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    }
}

/// The program in a folder of its own, talking to ministack as the caller of this account.
pub fn program(folder: &Path, account: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command.envs(ministack().env()).env("AWS_ACCESS_KEY_ID", account);
    command
}

/// The same with its streams on kinesis-local.
pub fn program_with_streams(folder: &Path, account: &str) -> Command {
    let mut command = program(folder, account);
    command.env("AWS_ENDPOINT_URL_KINESIS", &kinesis_local().url);
    command
}

/// What a program that succeeds writes to its standard output.
pub fn says(command: &mut Command, args: &[&str]) -> String {
    let output = command.args(args).output().expect("it starts");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {wrong}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).expect("text")
}

/// The whole pipeline on one endpoint; believes every caller.
pub fn ministack() -> &'static Endpoint {
    static ONE: OnceLock<Endpoint> = OnceLock::new();
    ONE.get_or_init(|| start_ministack("ministack", "false"))
}

/// The same, checking signatures and IAM policies. [`ACCESS_KEY`] is the account's root there.
pub fn ministack_with_auth() -> &'static Endpoint {
    static ONE: OnceLock<Endpoint> = OnceLock::new();
    ONE.get_or_init(|| start_ministack("ministack-auth", "true"))
}

/// The widest create, read, update and delete; VPC endpoints with all their fields.
pub fn moto() -> &'static Endpoint {
    static ONE: OnceLock<Endpoint> = OnceLock::new();
    ONE.get_or_init(|| {
        start("moto", "123456789012", |installed, port| {
            let mut command = python(installed, "moto.server");
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        })
    })
}

/// Kinesis alone, with its true states: CREATING, UPDATING and DELETING each last [`STATE_CHANGE`].
pub fn kinesis_local() -> &'static Endpoint {
    static ONE: OnceLock<Endpoint> = OnceLock::new();
    ONE.get_or_init(|| start("kinesis-local", "000000000000", kinesis_local_command))
}

/// Kinesis alone, refusing what a shard does not take: 1,000 records and 1 MiB a second.
pub fn ferrokinesis() -> &'static Endpoint {
    static ONE: OnceLock<Endpoint> = OnceLock::new();
    ONE.get_or_init(|| {
        let program = provision::installed().ferrokinesis().unwrap_or_else(|error| panic!("{error}"));
        start("ferrokinesis", "000000000000", |_, port| {
            let mut command = clean(&program);
            command.args(["--port", &port.to_string(), "--enforce-limits"]);
            command
        })
    })
}

/// The same for one test alone, for beside others it can leave a consumer in DELETING for ever. It ends when this is dropped.
pub struct KinesisLocal {
    pub url: String,
    _lifeline: std::process::ChildStdin,
}

impl KinesisLocal {
    pub fn start() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("kinesis-local-alone-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let installed = provision::installed();
        let (port, lifeline) = watchdog::run(&name, installed, |port| kinesis_local_command(installed, port));
        Self { url: format!("http://127.0.0.1:{port}"), _lifeline: lifeline }
    }
}

fn kinesis_local_command(installed: &Installed, port: u16) -> Command {
    let package = installed.kinesis_local();
    let mut command = clean(Path::new("node"));
    command
        .arg(package.join("main.js"))
        .env("KINESIS_MOCK_CERT_PATH", package.join("server.json"))
        .env("KINESIS_MOCK_PLAIN_PORT", port.to_string())
        // It insists on a TLS port as well, which nobody uses.
        .env("KINESIS_MOCK_TLS_PORT", watchdog::free_port().to_string())
        .env("LOG_LEVEL", "ERROR")
        // All tests share one account, so its quotas (50 shards, 10 on-demand streams) would couple them.
        .env("SHARD_LIMIT", "10000")
        .env("ON_DEMAND_STREAM_COUNT_LIMIT", "1000");
    for change in [
        "CREATE_STREAM",
        "DELETE_STREAM",
        "REGISTER_STREAM_CONSUMER",
        "DEREGISTER_STREAM_CONSUMER",
        "START_STREAM_ENCRYPTION",
        "STOP_STREAM_ENCRYPTION",
        "MERGE_SHARDS",
        "SPLIT_SHARD",
        "UPDATE_SHARD_COUNT",
        "UPDATE_STREAM_MODE",
    ] {
        command.env(format!("{change}_DURATION"), STATE_CHANGE);
    }
    command
}

fn start_ministack(name: &'static str, auth: &'static str) -> Endpoint {
    start(name, "000000000000", |installed, port| {
        let mut command = python(installed, "ministack");
        command
            .env("AUTH", auth)
            // Who called what, as CloudTrail tells it.
            .env("CLOUDTRAIL_RECORDING", "1")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Otherwise the IoT broker listens on port 8883 of every interface, and the second ministack finds it taken.
            .env("IOT_MTLS_ENABLED", "0")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY);
        command
    })
}

fn start(name: &str, account: &'static str, command: impl Fn(&Installed, u16) -> Command) -> Endpoint {
    let installed = provision::installed();
    let port = watchdog::keep_running(name, installed, |port| command(installed, port));
    Endpoint { url: format!("http://127.0.0.1:{port}"), region: REGION, account }
}

/// A Python with boto3, which came with the emulators.
pub fn interpreter() -> std::path::PathBuf {
    provision::installed().python()
}

fn python(installed: &Installed, module: &str) -> Command {
    // `python -m` rather than the scripts in `bin/`: these carry the absolute path of the folder they were made in.
    let mut command = clean(&installed.python());
    command.args(["-m", module]);
    command
}

/// A command without the developer's own AWS settings, which the emulators would read.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
}
