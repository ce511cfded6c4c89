//! Drift is reported, and put right only where a switch allows that kind of change.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use super::program::{SPEC, Shop};

#[test]
fn what_has_left_the_spec_goes_by_prune_alone() {
    let shop = Shop::of(&(SPEC.to_owned() + "    fanOut: [reader]\n"));
    std::fs::write(shop.path("tidegate.yaml"), SPEC).expect("the spec can be written");
    let is_left = || shop.says(&["plan"]).contains("- delete consumer/clicks/reader");
    for switches in [&[] as &[&str], &["--heal", "--apply"]] {
        let told = shop.run(&[switches, &["--for", "50m"]].concat());
        assert!(told.iter().any(|event| event["event"] == "drift" && event["done"] == 0), "{told:#?}");
        assert!(is_left(), "{switches:?} takes nothing away");
    }
    shop.run(&["--prune", "--for", "50m"]);
    assert!(!is_left());
}

/// The newest word about drift.
fn drift(told: &[Value]) -> &Value {
    told.iter().rfind(|event| event["event"] == "drift").unwrap_or_else(|| panic!("{told:#?}"))
}

#[test]
fn differences_and_what_is_put_right_of_them_are_counted_in_one_unit() {
    let shop = Shop::new();
    // Two differences of the stream, which one step puts right.
    let spec = SPEC.replace("64 } }", "64 } }\n    retention: 48h\n    tags: { team: web }");
    std::fs::write(shop.path("tidegate.yaml"), spec).expect("the spec can be written");
    let told = shop.run(&["--for", "20m"]);
    let found = drift(&told);
    assert!(found["found"].as_u64() > found["left_resources"].as_u64(), "{found}");
    assert_eq!((&found["left"], &found["off"], &found["done"]), (&found["found"], &found["found"], &0.into()));
    let told = shop.run(&["--heal", "--for", "20m"]);
    let healed = drift(&told);
    assert_eq!((&healed["found"], &healed["done"]), (&found["found"], &found["found"]), "{healed}");
    assert_eq!((&healed["left"], &healed["failed"]), (&0.into(), &0.into()), "{healed}");
}

#[test]
fn what_cannot_be_looked_at_is_no_difference() {
    let shop = Shop::new();
    let mut running = shop.command(&["run", "--json", "--speed", "60", "--traffic", "2", "--drift", "2m"]);
    let mut running = running.stderr(std::process::Stdio::null()).spawn().expect("it starts");
    let said = BufReader::new(running.stdout.take().expect("it is piped"));
    let mut events = said.lines().map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
    let mut drift = || events.find(|event| event["event"] == "drift").expect("it looks for drift until it is killed");
    assert_eq!(drift()["found"], 0);
    // Under the lock, so that it is not written anew by who has read it whole.
    let lock = File::options().write(true).open(shop.path("cloud.json.lock")).expect("the lock");
    lock.lock().expect("it is had in its turn");
    std::fs::write(shop.path("cloud.json"), "{").expect("the file can be damaged");
    drop(lock);
    let blind = drift();
    running.kill().and_then(|()| running.wait()).expect("it is killed");
    assert_eq!((&blind["found"], &blind["left"]), (&0.into(), &0.into()), "{blind}");
    assert!(blind["unchecked"].as_u64() > Some(1), "{blind}");
    assert!(blind["trouble"].as_str().is_some_and(|why| why.contains("the file is damaged")), "{blind}");
}
