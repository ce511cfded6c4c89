//! What the controller and its commands say of themselves.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate::local::Load;
use tidegate::run::Forgetful;

use super::program::{Shop, lines, resizes};
use super::rough::Odds;
use super::{hung, owed, replicas};
use crate::support::emulators;
use crate::support::hand::config;

fn both(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

#[test]
fn a_look_is_not_the_controller_and_says_so() {
    let shop = Shop::new();
    let (_, wrong, code) = both(&mut shop.command(&["status"]));
    assert!(code == Some(0) && wrong.contains("no controller has written anything into tidegate-ledger"), "{wrong}");
    let grown = shop.run(&["--traffic", "12", "--for", "4h", "--calls-a-day", "30"]);
    let (said, _, _) = both(&mut shop.command(&["status"]));
    assert!(said.contains("last written by the controller at 2"), "{said}");
    assert!(said.contains("no controller runs with it on this machine"), "{said}");
    assert!(said.contains("  the controller: 2") && said.contains("  this look: "), "{said}");
    let (said, _, _) = both(&mut shop.command(&["status", "--json", "--calls-a-day", "30"]));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    for own in ["dry_run", "ticks", "drift"] {
        assert!(told.get(own).is_none(), "{own} is the controller's own");
    }
    let stream = &told["streams"][0];
    assert!(
        stream["conditions"].as_array().is_some_and(|all| all.iter().all(|one| one["since"].is_null())),
        "{told:#}"
    );
    assert_eq!(stream["calls_left"], 30 - resizes(&grown).len());
    assert!(told["ledger"]["written_at"].is_i64(), "{told:#}");
    assert_eq!(
        (&told["ledger"]["is_held"], &told["ledger"]["decisions"][0]["stream"]),
        (&false.into(), &"clicks".into())
    );
    // Somebody has it.
    let lock = File::options().write(true).open(shop.path("tidegate-ledger.lock")).expect("the lock");
    lock.lock().expect("nobody has it");
    let (said, wrong, _) = both(&mut shop.command(&["status"]));
    assert!(said.contains("a controller runs with it") && !wrong.contains("may not be running"), "{said}{wrong}");
}

#[test]
fn without_aws_the_ledger_still_tells() {
    let shop = Shop::new();
    let grown = shop.run(&["--traffic", "12", "--for", "2h"]);
    let mut status = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    status.current_dir(shop.path(".")).env_clear().env("HOME", shop.path(".")).stdin(Stdio::null());
    // Nobody listens there.
    status.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x").env("AWS_MAX_ATTEMPTS", "1");
    status.args(["status", "--endpoint-url", "http://127.0.0.1:1"]);
    let (said, wrong, code) = both(&mut status);
    assert!(
        !resizes(&grown).is_empty() && said.contains("could not be looked at") && said.contains("shop/clicks  "),
        "{said}\n{wrong}"
    );
    assert!(code != Some(0) && wrong.contains("no answer from AWS"), "{code:?} {wrong}");
    let (said, _, _) = both(status.arg("--json"));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(told["ledger"]["decisions"][0]["pipeline"], "shop");
}

#[test]
fn a_time_that_is_over_at_once_is_refused() {
    let shop = Shop::new();
    for args in [&["pin", "clicks", "--shards", "4", "--for", "0s"][..], &["pause", "--for", "0s"]] {
        let (_, wrong, code) = both(&mut shop.command(args));
        assert!(code != Some(0) && wrong.contains("above 0"), "{code:?} {wrong}");
    }
}

#[test]
fn a_ledger_that_cannot_be_reached_ends_no_run_that_reads_its_specs_again() {
    let account = "510000000077";
    let at = emulators::ministack();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(replicas::make(at, account, "tidegate-away"));
    let shop = Shop::new();
    let (said, errors) = (shop.path("said"), shop.path("errors"));
    let mut command = shop.command(&["run", "--json", "--tick", "1s", "--ledger", "dynamodb:tidegate-away"]);
    command.envs(at.env()).env("AWS_ACCESS_KEY_ID", account);
    command.stdout(File::create(&said).expect("a file")).stderr(File::create(&errors).expect("a file"));
    let mut child = command.spawn().expect("it starts");
    let wait_for = |child: &mut std::process::Child, text: &str| {
        let until = Instant::now() + Duration::from_secs(120);
        while !std::fs::read_to_string(&said).unwrap_or_default().contains(text) {
            let told = || std::fs::read_to_string(&errors).unwrap_or_default();
            assert_eq!(child.try_wait().expect("its state"), None, "it ended before it said {text}: {}", told());
            assert!(Instant::now() < until, "it does not say {text}: {}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(&mut child, "\"event\":\"decision\"");
    let gone = aws_sdk_dynamodb::Client::from_conf(config!(aws_sdk_dynamodb, &at.url, account).build());
    runtime.block_on(gone.delete_table().table_name("tidegate-away").send()).expect("the table is deleted");
    let id = child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    signal("-HUP");
    wait_for(&mut child, "those read before hold");
    signal("-TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let events = lines(&std::fs::read_to_string(&said).expect("text"));
    assert!(events.iter().all(|event| event["event"] != "reread"), "{events:#?}");
}

#[test]
fn history_looks_in_the_region_of_the_spec() {
    let shop = Shop::new();
    let mut history = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    history.current_dir(shop.path(".")).env_clear().env("HOME", shop.path(".")).stdin(Stdio::null());
    history.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x").env("AWS_MAX_ATTEMPTS", "1");
    history.args(["history", "--ledger", "dynamodb:tidegate-nowhere", "--endpoint-url", "http://127.0.0.1:1"]);
    let (_, wrong, code) = both(&mut history);
    // No region stands anywhere else, so that it would not even get as far as this.
    assert!(code != Some(0) && wrong.contains("no answer from AWS"), "{wrong}");
}

#[test]
fn calls_without_an_answer_are_counted_as_such() {
    let rough = hung::world("shop", &["clicks".to_owned()], Odds { answer_lost: 150, ..Odds::default() });
    rough.local.offer("clicks", Load::synthetic(3, 4000.0, 700.0)).expect("a stream");
    let ticks = owed::block_on(async {
        let mut controller = owed::controller(&rough, Box::new(Forgetful)).await;
        for _ in 0..3 * 1440 {
            rough.local.advance(Duration::from_secs(60));
            controller.tick(&|_| ()).await;
        }
        controller.fleet().lock().unwrap().ticks
    });
    let accepted = rough.judge.lock().unwrap().sent.iter().filter(|sent| sent.accepted).count() as u64;
    assert!(ticks.unanswered > 0 && ticks.resizes > 0, "{ticks:?}");
    assert_eq!(ticks.resizes + ticks.unanswered, accepted, "{ticks:?}");
    assert!(
        ticks.latency_seconds.is_some_and(|seconds| (0..600).contains(&seconds)),
        "by the virtual clock: {ticks:?}"
    );
}
