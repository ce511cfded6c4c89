//! What a pause covers: somebody who works by hand is left alone.

use serde_json::Value;

use super::program::Shop;

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks:
    capacity: { mode: provisioned, shards: { min: 2, max: 64 } }
  orders:
    capacity: { mode: provisioned, shards: 2 }
";

fn said(shop: &Shop, args: &[&str]) -> (String, Option<i32>) {
    let output = shop.command(args).output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

/// The steps that the slow beat took.
fn healed(shop: &Shop) -> u64 {
    let told = shop.run(&["--heal", "--apply", "--for", "20m"]);
    let done = |event: &Value| (event["event"] == "drift").then(|| event["done"].as_u64().unwrap());
    told.iter().filter_map(done).sum()
}

/// A pipeline whose spec asks for other tags on everything: what is healed is seen by what is still planned.
fn differing() -> Shop {
    let shop = Shop::of(SPEC);
    change(&shop, "web");
    shop
}

fn change(shop: &Shop, team: &str) {
    let spec = SPEC.replace("streams:", &format!("tags: {{ team: {team} }}\nstreams:"));
    std::fs::write(shop.path("tidegate.yaml"), spec).expect("the spec can be written");
}

#[test]
fn a_pause_of_all_of_the_spec_covers_all_of_it() {
    let shop = differing();
    let (text, code) = said(&shop, &["pause"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("shop/clicks is paused") && text.contains("shop/orders is paused"), "{text}");
    assert_eq!(healed(&shop), 0, "streams, with a range or without, and their alarms");
    let (text, _) = said(&shop, &["resume"]);
    assert!(text.contains("shop/orders is sized and healed again"), "{text}");
    assert!(healed(&shop) > 3, "streams and alarms are put right");
    assert_eq!(shop.command(&["drift"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_paused_stream_keeps_its_alarms_and_lets_others_be_healed() {
    for (paused, other) in [("clicks", "orders"), ("orders", "clicks")] {
        let shop = differing();
        shop.says(&["pause", paused]);
        assert!(healed(&shop) > 0, "those of {other}");
        let plan = shop.says(&["plan"]);
        let steps = |name: &str| {
            let of = |line: &&str| {
                line.contains("update ")
                    && (line.contains(&format!("stream/{name}")) || line.contains(&format!("alarm/{name}/")))
            };
            plan.lines().filter(of).count()
        };
        assert!(steps(paused) > 2 && steps(other) == 0, "{paused} is left alone, {other} is not: {plan}");
    }
}

#[test]
fn who_can_pause_nothing_is_told() {
    let shop = Shop::of(&SPEC.replace("{ min: 2, max: 64 }", "2"));
    let (text, code) = said(&shop, &["pause"]);
    assert!(code == Some(0) && text.contains("shop/clicks is paused"), "without a range, too: {text}");
    let (text, code) = said(&shop, &["pause", "nope"]);
    assert!(code == Some(5) && text.contains("no stream of the spec is called `nope`"), "{text}");
    std::fs::write(shop.path("tidegate.yaml"), "apiVersion: tidegate/v1\npipeline: shop\nregion: eu-west-1\n").unwrap();
    for verb in ["pause", "resume"] {
        let (text, code) = said(&shop, &[verb]);
        assert!(code == Some(5) && text.contains("has no stream of its own"), "{text}");
    }
    std::fs::write(shop.path("tidegate.yaml"), SPEC.replace("orders", "unmade")).unwrap();
    let (text, code) = said(&shop, &["pause"]);
    assert!(code != Some(0) && text.contains("shop/clicks is paused"), "the others are paused all the same: {text}");
}

#[test]
fn a_pin_that_is_taken_off_is_told() {
    let shop = Shop::of(SPEC);
    shop.says(&["pin", "clicks", "--shards", "8", "--for", "4h"]);
    assert!(shop.says(&["resume", "clicks"]).contains("its pin was taken off, too"));
    assert!(!shop.says(&["resume", "clicks"]).contains("pin"));
}

#[test]
fn what_a_pause_keeps_from_being_healed_is_told_as_that() {
    let shop = differing();
    let drift = || {
        let told = shop.says(&["run", "--speed", "max", "--heal", "--apply", "--prune", "--for", "20m"]);
        told.lines().find(|line| line.contains("  drift: ")).expect("a line of drift").to_owned()
    };
    shop.says(&["pause"]);
    let told = drift();
    assert!(told.contains(" left (paused until `tidegate resume`): "), "{told}");
    assert!(told.contains("stream/clicks") && told.contains(" more") && !told.contains("--heal"), "{told}");
    shop.says(&["resume", "orders"]);
    let told = drift();
    assert!(told.contains(" put right, ") && told.contains("(paused until `tidegate resume`): "), "{told}");
    assert!(!told.contains("orders"), "{told}");
    change(&shop, "shop");
    let told = shop.says(&["run", "--speed", "max", "--apply", "--for", "20m"]);
    assert!(told.contains(" paused until `tidegate resume`; see --apply, --heal, --prune): "), "{told}");
}

#[test]
fn a_pin_under_a_pause_is_told_to_wait() {
    let shop = Shop::of(SPEC);
    let (text, code) = said(&shop, &["pin", "clicks", "--shards", "4", "--for", "4h"]);
    assert!(code == Some(0) && !text.contains("warning"), "{text}");
    shop.says(&["pause", "clicks"]);
    let (text, code) = said(&shop, &["pin", "clicks", "--shards", "8", "--for", "4h"]);
    assert!(code == Some(0) && text.contains("shop/clicks is pinned to 8 shards"), "{text}");
    assert!(text.contains("warning: shop/clicks is paused until resumed, which goes before the pin"), "{text}");
}
