//! Several controllers on one DynamoDB table: one acts, another takes over, and who was frozen in between does no harm.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use serde_json::Value;
use tidegate::aws::table::Table;
use tidegate::aws::{Aws, Connect};
use tidegate::cloud::Fault;
use tidegate::control::{Entry, Key, Record};
use tidegate::run::{Ledger, TableLedger};

use super::program::{Shop, judged, kills, lines, put_load};
use crate::support::emulators::{self, ACCESS_KEY, Endpoint, REGION};
use crate::support::hand::config;

const ACCOUNT: &str = "510000000031";
const LASTS: Duration = Duration::from_secs(6);

/// Makes a table as the help of a missing one says.
pub async fn make(at: &Endpoint, account: &str, name: &str) {
    let part =
        |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let text = |name: &str| {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        text.build().unwrap()
    };
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(config!(aws_sdk_dynamodb, &at.url, account).build());
    let create = dynamodb.create_table().table_name(name);
    let create = create.billing_mode(BillingMode::PayPerRequest).attribute_definitions(text("pk"));
    let create = create.attribute_definitions(text("sk")).key_schema(part("pk", KeyType::Hash));
    create.key_schema(part("sk", KeyType::Range)).send().await.expect("the table is made");
}

pub async fn table(at: &Endpoint, account: &str, name: &str) -> Table {
    let connect = Connect {
        region: Some(REGION.into()),
        endpoint_url: Some(at.url.clone()),
        static_keys: Some((account.into(), ACCESS_KEY.into())),
        api_rate: None,
        ..Connect::default()
    };
    Table::new(Arc::new(Aws::connect(&connect).await.expect("a connection")), name)
}

async fn join(at: &Endpoint, name: &str, me: &str) -> TableLedger {
    let pipelines = vec![("shop".to_owned(), TableLedger::partition("shop", ACCOUNT, REGION))];
    TableLedger::join(table(at, ACCOUNT, name).await, pipelines, me.into(), LASTS).await.expect("it joins")
}

fn call(called: i64) -> Entry {
    let key = Key { pipeline: "shop".into(), stream: "clicks".into() };
    Entry { key: key.into(), record: Record::Calling { called, from: 2, to: 4 } }
}

async fn take_over(ledger: &mut TableLedger) -> Result<Vec<Entry>, Fault> {
    let mut found = Vec::new();
    ledger.take_over("shop", &mut |entry| found.push(entry)).await?;
    Ok(found)
}

async fn until_gained(ledger: &TableLedger) -> Duration {
    let began = Instant::now();
    while ledger.gained().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(120), "nobody takes over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

fn acts(ledger: &TableLedger) -> bool {
    ledger.fence("shop")()
}

/// What both emulators have to agree on.
async fn hands_over(at: &Endpoint, name: &str) {
    make(at, ACCOUNT, name).await;
    let mut a = join(at, name, "a").await;
    let mut b = join(at, name, "b").await;
    assert_eq!((a.gained(), b.gained()), (vec!["shop".to_owned()], Vec::new()));
    let holders = |ledger: &TableLedger| ledger.holders().into_iter().map(|(_, holder)| holder).collect::<Vec<_>>();
    assert_eq!((holders(&a), holders(&b)), (vec![String::new()], vec!["a".to_owned()]), "nobody acts by its own books");
    assert!(!acts(&a), "nothing is done before the entries have been read");
    assert_eq!(take_over(&mut a).await, Ok(Vec::new()));
    assert!(acts(&a) && !acts(&b));
    assert_eq!(holders(&a), ["a"]);
    // More than one transaction takes, with minutes of metrics among it, which are not kept.
    let minute = Record::Sample { minute: 7, accepted: Some(1.0), rejected: None, age: None };
    let all: Vec<Entry> = (0..250).map(call).collect();
    let mut given = all.clone();
    given.insert(40, Entry { record: minute, ..call(0) });
    a.write("shop", &given, true).await.expect("it is written");
    let refused = b.write("shop", &[call(900)], true).await.expect_err("another acts");
    assert_eq!(refused.code, "LeaseLost");
    // Given back, it is taken at once; what was written is there in its order.
    a.close().await;
    assert!(!acts(&a));
    assert!(until_gained(&b).await < LASTS, "what was given back need not run out");
    assert_eq!(take_over(&mut b).await, Ok(all.clone()));
    b.write("shop", &[call(900)], true).await.expect("it is written");
    // Silence: dropped without a word, as after a kill.
    drop(b);
    let mut c = join(at, name, "c").await;
    assert!(c.gained().is_empty());
    assert!(until_gained(&c).await > LASTS / 2, "nobody takes over before the time has passed");
    let read = take_over(&mut c).await.expect("it is read");
    assert_eq!((read.len(), read.last()), (251, Some(&call(900))));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

#[test]
fn a_lease_changes_hands_with_all_that_was_written() {
    block_on(async {
        hands_over(emulators::ministack(), "tidegate-ministack").await;
        hands_over(emulators::moto(), "tidegate-moto").await;
    });
}

#[test]
fn what_is_written_too_late_is_refused() {
    block_on(async {
        let at = emulators::ministack();
        make(at, ACCOUNT, "tidegate-late").await;
        let old = table(at, ACCOUNT, "tidegate-late").await;
        let mut first = join(at, "tidegate-late", "first").await;
        take_over(&mut first).await.expect("it is read");
        let partition = TableLedger::partition("shop", ACCOUNT, REGION);
        let row = old.lease(&partition).await.expect("it is read").expect("a lease");
        drop(first);
        let mut second = join(at, "tidegate-late", "second").await;
        until_gained(&second).await;
        take_over(&mut second).await.expect("it is read");
        // The first one's write arrives only now, as after a long pause of its machine.
        let line = tidegate::aws::table::Line { sort: "e0#1".into(), text: "{}".into(), expires: i64::MAX };
        assert_eq!(old.append(&partition, "first", row.epoch, &[line]).await, Ok(false));
        assert_eq!(old.renew(&partition, "first", row.epoch, false).await, Ok(false));
        assert_eq!(old.entries(&partition, i64::MAX).await, Ok(Vec::new()));
    });
}

#[test]
fn a_missing_table_is_told_with_the_command_that_makes_it() {
    block_on(async {
        let pipelines = vec![("shop".to_owned(), "p".to_owned())];
        let missing = table(emulators::ministack(), ACCOUNT, "tidegate-missing").await;
        let fault = TableLedger::join(missing, pipelines, "a".into(), LASTS).await.err().expect("no table");
        assert!(
            fault.help.is_some_and(|help| help.contains("aws dynamodb create-table --table-name tidegate-missing"))
        );
    });
}

#[test]
fn a_kill_loses_no_call_from_the_table() {
    let account = "510000000033";
    block_on(make(emulators::ministack(), account, "tidegate-kills"));
    let shop = Shop::new();
    let run = |more: &[&str]| {
        let mut command =
            shop.command(&[&["run", "--ledger", "dynamodb:tidegate-kills", "--lease", "10s"], more].concat());
        command.envs(emulators::ministack().env()).env("AWS_ACCESS_KEY_ID", account).stdout(Stdio::null());
        command
    };
    // Full from the start, so that something is sent whenever the others are killed.
    assert!(run(&["--traffic", "12", "--speed", "max", "--for", "30m"]).status().expect("it starts").success());
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..kills(2) {
        // The next one acts once the killed one's lease has run out; somewhere behind that it is killed itself.
        let mut child = run(&["--speed", "3000"]).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(random.u64(10_200..12_500)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let partition = TableLedger::partition("shop", "123456789012", REGION);
    let entries = block_on(async {
        table(emulators::ministack(), account, "tidegate-kills").await.entries(&partition, i64::MAX).await
    });
    let entries = entries.expect("the entries");
    let records: Vec<Value> = entries.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
    let sent = judged(&shop, &records).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    assert!(sent > 0, "seed {seed}: nothing was sent");
}

/// A replica as a process.
struct Replica {
    child: Child,
    events: std::path::PathBuf,
}

impl Replica {
    fn start(folder: &std::path::Path, name: &str) -> Self {
        let events = folder.join(format!("{name}.events"));
        let mut command = emulators::program_with_streams(folder, FROZEN);
        command.args(["run", "--json", "--tick", "1s", "--drift", "0s"]);
        command.args(["--ledger", "dynamodb:tidegate-frozen", "--lease", "10s"]);
        command.stdout(std::fs::File::create(&events).expect("a file")).stderr(Stdio::null());
        Self { child: command.spawn().expect("it starts"), events }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill starts").success());
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.events).unwrap_or_default();
        // The last line may still be under way.
        lines(text.rsplit_once('\n').map_or("", |(whole, _)| whole))
    }

    /// What it told of leases.
    fn turns(&self) -> Vec<String> {
        let events = self.events();
        let leases = events.iter().filter(|event| event["event"] == "lease");
        leases.map(|event| event["is"].as_str().expect("a word").to_owned()).collect()
    }

    fn sent(&self) -> usize {
        self.events().iter().filter(|event| event["verb"] == "resize" && event["outcome"] == "accepted").count()
    }

    fn until(&self, what: &str, enough: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !enough(self) {
            assert!(began.elapsed() < Duration::from_secs(240), "{what}: {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The account of the frozen one, since accounts of emulators are their callers' keys.
const FROZEN: &str = "510000000032";

#[test]
fn a_frozen_replica_does_nothing_once_another_has_taken_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = format!("frozen-{}", std::process::id());
    let spec = format!(
        "apiVersion: tidegate/v1\npipeline: frozen\nregion: eu-west-1\nalarms: {{ off: true }}\ndefaults: {{ key: none }}\n\
         streams:\n  {stream}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 4 }} }} }}\n"
    );
    std::fs::write(folder.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    let says = |args: &[&str]| emulators::says(&mut emulators::program_with_streams(folder.path(), FROZEN), args);
    block_on(make(emulators::ministack(), FROZEN, "tidegate-frozen"));
    says(&["apply", "-y", "-q"]);
    // The load of one shard and a half: one step, and then nothing more. The second replica has one step left to the bound, so
    // that nothing moves while its books are read.
    put_load(FROZEN, &stream, 1.5);
    let a = Replica::start(folder.path(), "a");
    a.until("the first replica acts", |a| a.sent() >= 1);
    a.signal("-STOP");
    let before = a.sent();
    let b = Replica::start(folder.path(), "b");
    // A single minute of it is not enough for everybody to grow: it has to last.
    let began = Instant::now();
    while b.sent() == 0 && began.elapsed() < Duration::from_secs(300) {
        put_load(FROZEN, &stream, 6.0);
        std::thread::sleep(Duration::from_secs(2));
    }
    b.until("the second takes over", |b| b.sent() >= 1);
    a.signal("-CONT");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(a.sent(), before, "who was frozen sends nothing: {:#?}", a.events());
    // Who stood by, took over and lost is told, each once.
    a.until("it tells that it lost the lease", |a| a.turns() == ["acts", "lost"]);
    assert_eq!(b.turns(), ["stands-by", "takes-over"], "{:#?}", b.events());
    // Every call that Kinesis took is in the books, once.
    let status: Value =
        serde_json::from_str(&says(&["status", "--json", "--ledger", "dynamodb:tidegate-frozen"])).expect("JSON");
    let (a_sent, b_sent) = (a.sent(), b.sent());
    assert_eq!(status["streams"][0]["calls_left"], 10 - (a_sent + b_sent));
    let history = says(&["history", "--json", "--ledger", "dynamodb:tidegate-frozen"]);
    let history: Value = serde_json::from_str(&history).expect("JSON");
    let told = history["decisions"].as_array().expect("decisions").iter();
    assert_eq!(told.filter(|one| one["verb"] == "resize" && one["outcome"] == "accepted").count(), a_sent + b_sent);
    drop((a, b));
    says(&["destroy", "-y", "-q", "--allow-data-loss", &format!("stream/{stream}")]);
}
