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
    assert!(code == Some(0) && wrong.contains("there is no ledger tidegate-ledger here"), "{wrong}");
    // Whether somebody acts is not known from one file.
    assert!(wrong.contains("whether a controller runs is not known from here"), "{wrong}");
    std::fs::write(shop.path("alien"), "tidegate-ledger 9\n").expect("a file");
    let (said, wrong, code) = both(&mut shop.command(&["status", "--ledger", "alien"]));
    assert!(code == Some(0) && wrong.contains("the ledger alien cannot be read"), "{wrong}");
    assert!(wrong.contains("not known from here") && said.contains("shop/clicks"), "{said}{wrong}");
    let (said, _, _) = both(&mut shop.command(&["status", "--ledger", "alien", "--json"]));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert!(told["ledger"]["unread"].as_str().is_some_and(|why| why.contains("cannot be read")), "{told:#}");
    std::fs::write(shop.path("empty"), "tidegate-ledger 2\n").expect("a file");
    let (_, wrong, _) = both(&mut shop.command(&["status", "--ledger", "empty"]));
    assert!(wrong.contains("no controller has written anything into empty yet"), "{wrong}");
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

#[test]
fn a_stream_that_nobody_knows_has_no_history() {
    let shop = Shop::new();
    shop.run(&["--traffic", "12", "--for", "2h"]);
    let (_, wrong, code) = both(&mut shop.command(&["history", "nope"]));
    assert!(code == Some(5) && wrong.contains("is called `nope`") && wrong.contains("shop/clicks"), "{wrong}");
    assert_eq!(both(&mut shop.command(&["history", "clicks"])).2, Some(0));
    // One that is in the spec and of which nothing is written has an empty one.
    let spec = std::fs::read_to_string(shop.path("tidegate.yaml")).unwrap();
    std::fs::write(shop.path("tidegate.yaml"), spec.replace("  clicks:", "  orders:")).unwrap();
    assert_eq!(both(&mut shop.command(&["history", "orders"])).2, Some(0));
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    let shop = Shop::new();
    let before = std::fs::read(shop.path("cloud.json")).unwrap();
    for traffic in ["nan", "inf", "-3", "1e300"] {
        let (_, wrong, code) = both(&mut shop.command(&["run", "--ticks", "1", "--traffic", traffic]));
        assert!(code == Some(1) && wrong.contains("a number of shards from 0 to"), "{traffic}: {wrong}");
    }
    assert_eq!(std::fs::read(shop.path("cloud.json")).unwrap(), before);
    let (_, wrong, code) = both(&mut shop.command(&["run", "--ticks", "1", "--tick", "0s"]));
    assert!(code == Some(1) && wrong.contains("write 1s or more"), "{wrong}");
    let (_, wrong, code) = both(&mut shop.command(&["run", "--ticks", "1", "--ledger", "nodir/l"]));
    assert!(code == Some(1) && wrong.contains("the folder is not there: make it"), "{wrong}");
    let (_, wrong, code) = both(&mut shop.command(&["run", "--ticks", "1", "--calls-a-day", "43"]));
    assert!(code == Some(1) && wrong.contains("write 1 to 40"), "{wrong}");
}

#[test]
fn no_pin_lasts_for_an_age_or_has_a_count_that_is_none() {
    let shop = Shop::new();
    let refused = |args: &[&str], remedy: &str| {
        let (_, wrong, code) = both(&mut shop.command(args));
        assert!(code == Some(1) && wrong.contains(remedy), "{args:?}: {code:?} {wrong}");
    };
    for time in ["99999999999d", "367d"] {
        refused(&["pin", "clicks", "--shards", "4", "--for", time], "at most 366 days; for a count that is to stay");
        refused(&["pause", "clicks", "--for", time], "at most 366 days; without --for");
    }
    for count in ["-3", "0", "20001", "4.5", "many"] {
        refused(&["pin", "clicks", "--shards", count, "--for", "4h"], "a whole number of shards from 1 to 20000");
    }
    assert!(shop.says(&["pin", "clicks", "--shards", "4", "--for", "366d"]).contains("is pinned to 4 shards until"));
}

#[test]
fn a_start_does_not_say_that_metrics_have_not_come_for_long() {
    let shop = Shop::new();
    let told = shop.run(&["--ticks", "1"]);
    let because = told.iter().find_map(|event| event["because"].as_str()).expect("a decision");
    assert_eq!(because, "no metrics have come yet; held: nothing is known of the load");
}

#[test]
fn a_ledger_without_its_end_is_not_one_without_decisions() {
    let shop = Shop::new();
    shop.run(&["--traffic", "12", "--for", "1h"]);
    let ledger = shop.path("tidegate-ledger");
    let whole = std::fs::read(&ledger).expect("a ledger");
    let header = whole.iter().position(|byte| *byte == b'\n').expect("a line");
    std::fs::write(&ledger, &whole[..header + 40]).expect("it is written");
    let (said, wrong, code) = both(&mut shop.command(&["history"]));
    assert_eq!((said.as_str(), code), ("", Some(0)));
    assert!(wrong.contains("the end of tidegate-ledger is lost") && !wrong.contains("Nothing has been"), "{wrong}");
    assert!(wrong.contains("What is left of the ledger holds no decision."), "{wrong}");
}

#[test]
fn a_ledger_that_is_taken_away_is_written_anew() {
    let shop = Shop::new();
    let child = shop.command(&["run", "--speed", "600", "--traffic", "12", "--for", "3h"]).spawn().expect("it starts");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // With its first entries: until then the start itself may still read it.
    while std::fs::metadata(shop.path("tidegate-ledger")).map_or(0, |file| file.len()) < 100 {
        assert!(std::time::Instant::now() < until, "no ledger");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::fs::remove_file(shop.path("tidegate-ledger")).expect("it can be removed");
    let output = child.wait_with_output().expect("it ends");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && wrong.contains("the ledger is written"), "{wrong}");
    assert!(shop.says(&["history"]).contains("  resize "));
}
