//! Several specs in one run: one that cannot be used keeps none of the others from being sized.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::program::{Shop, lines, resizes, signal, wait_for_text};

const OTHER: &str = "apiVersion: tidegate/v1
pipeline: other
region: eu-west-1
streams:
  orders:
    capacity: { mode: provisioned, shards: { min: 2, max: 8 } }
";
const BOTH: [&str; 4] = ["-f", "tidegate.yaml", "-f", "other.yaml"];

fn write(shop: &Shop, text: &str) {
    std::fs::write(shop.path("other.yaml"), text).expect("the spec can be written");
}

#[test]
fn a_bad_spec_stops_no_good_one() {
    let shop = Shop::new();
    for (bad, why) in [
        (OTHER.replace("streams:", "streems:"), "streems"),
        (OTHER.replace("eu-west-1", "eu-west-2"), "--region says eu-west-1"),
        (OTHER.replace("pipeline: other", "pipeline: shop"), "described by another spec"),
        (OTHER.replace("orders:", "clicks:"), "made by the pipeline"),
    ] {
        write(&shop, &bad);
        let events = shop.run(&[&BOTH[..], &["--region", "eu-west-1", "--traffic", "12", "--for", "30m"]].concat());
        assert_eq!(events[0]["streams"], 1);
        let troubles: Vec<&str> = events
            .iter()
            .filter(|event| event["event"] == "trouble")
            .map(|one| one["message"].as_str().unwrap())
            .collect();
        assert_eq!(troubles.len(), 1, "told once in the hour: {troubles:?}");
        assert!(troubles[0].starts_with("other.yaml is left out") && troubles[0].contains(why), "{troubles:?}");
    }
    assert!(!resizes(&shop.run(&[&BOTH[..], &["--traffic", "40", "--for", "1h"]].concat())).is_empty());
    // Where none is good, and where there is but one, a mistake ends it as ever.
    write(&shop, &OTHER.replace("streams:", "streems:"));
    for specs in [&["-f", "other.yaml"][..], &["-f", "other.yaml", "-f", "nowhere.yaml"]] {
        let output = shop.command(&[&["run", "--ticks", "1"], specs].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_was_left_out_is_tried_again() {
    let shop = Shop::new();
    write(&shop, OTHER);
    shop.says(&["apply", "-y", "-q", "-f", "other.yaml"]);
    write(&shop, &OTHER.replace("streams:", "streems:"));
    let run = [&["run", "--json", "--speed", "600", "--for", "6h"], &BOTH[..]].concat();
    let mut child = shop.command(&run).spawn().expect("it starts");
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let event: Value = lines(&line.expect("text")).remove(0);
        if event["event"] == "trouble" {
            write(&shop, OTHER);
        }
        let is_taken_up = event["event"] == "started" && event["streams"] == 2;
        said.push(event);
        if is_taken_up {
            break;
        }
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let events: Vec<&str> = said.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"trouble") && events.contains(&"reread"), "{events:?}");
    assert_eq!((events[0], events.last()), ("started", Some(&"started")), "{events:?}");
}

#[test]
fn what_was_read_of_a_newly_broken_spec_holds_and_that_is_told() {
    let shop = Shop::new();
    write(&shop, OTHER);
    shop.says(&["apply", "-y", "-q", "-f", "other.yaml"]);
    // One that is left out from the start makes no difference.
    std::fs::write(shop.path("third.yaml"), OTHER.replace("streams:", "streems:")).expect("the spec can be written");
    let (said, errors) = (shop.path("said"), shop.path("errors"));
    let file = |path: &std::path::Path| std::fs::File::create(path).expect("a file");
    let mut run = shop.command(&[&["run", "--speed", "600", "-f", "third.yaml"], &BOTH[..]].concat());
    let mut child = run.stdout(file(&said)).stderr(file(&errors)).spawn().expect("it starts");
    wait_for_text(&said, "third.yaml is left out, and its streams are not sized", 1);
    write(&shop, &OTHER.replace("{ min: 2, max: 8 }", "{ min: 2, max: many }"));
    signal(&child, "-HUP");
    let told = wait_for_text(&said, "those read before hold: other.yaml: ", 1);
    assert!(!told.contains("other.yaml is left out"), "{told}");
    let wrong = wait_for_text(&errors, "what was read of it before holds", 1);
    assert!(!wrong.contains("not sized"), "{wrong}");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

#[test]
fn a_bad_spec_takes_no_brake_from_a_good_one() {
    let shop = Shop::new();
    write(&shop, &OTHER.replace("{ min: 2, max: 8 }", "{ min: 2, max: many }"));
    let both = |args: &[&str]| {
        let output = shop.command(&[args, &BOTH[..]].concat()).output().expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (text(output.stdout), text(output.stderr), output.status.code())
    };
    let works = |args: &[&str], says: &str| {
        let (said, wrong, code) = both(args);
        assert!(code == Some(0) && said.contains(says), "{args:?}: {code:?} {said}{wrong}");
        assert!(wrong.contains("other.yaml is left out: ") && !wrong.contains("not sized"), "{args:?}: {wrong}");
        said
    };
    works(&["pause", "clicks"], "shop/clicks is paused until resumed");
    works(&["explain", "clicks"], "shop/clicks  2 of 2 to 64 shards");
    works(&["resume", "clicks"], "shop/clicks is sized and healed again");
    works(&["pin", "shop/clicks", "--shards", "4", "--for", "4h"], "shop/clicks is pinned to 4 shards");
    works(&["status"], "pinned to 4 until");
    let (said, _, code) = both(&["status", "--json"]);
    assert_eq!(code, Some(0));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert!(told["left_out"][0].as_str().is_some_and(|left| left.starts_with("other.yaml is left out: ")), "{told:#}");
    // Whoever means one that is left out is told so, and who means all, that these are not all.
    for args in
        [&["pause", "orders"][..], &["pin", "other/orders", "--shards", "4", "--for", "4h"], &["explain", "orders"]]
    {
        let (_, wrong, code) = both(args);
        assert!(code == Some(5) && wrong.contains("is in a spec that cannot be used: other.yaml"), "{args:?}: {wrong}");
    }
    let (_, wrong, code) = both(&["pause", "nope"]);
    assert!(code == Some(5) && wrong.contains("no stream of the spec is called `nope`"), "{wrong}");
    let (said, wrong, code) = both(&["pause"]);
    assert!(code == Some(1) && said.contains("shop/clicks is paused"), "{said}{wrong}");
    assert!(!wrong.contains("is still healed"), "the pipeline is paused as a whole: {wrong}");
}
