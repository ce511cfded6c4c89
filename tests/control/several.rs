//! Several specs in one run: one that cannot be used keeps none of the others from being sized.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::program::{Shop, lines, resizes};

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
