//! The page of the JSON forms and what the program prints name the same fields.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
streams:
  clicks: { capacity: { mode: provisioned, shards: 2 } }
  orders: { capacity: { mode: provisioned, shards: { min: 2, max: 8 } }, protect: true }
";

struct Place(tempfile::TempDir);

impl Place {
    fn says(&self, args: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        let output = command.args(args).args(["--cloud", "local:cloud.json"]).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.collect()
    }

    fn write(&self, spec: &str) {
        std::fs::write(self.0.path().join("tidegate.yaml"), spec).expect("the spec can be written");
    }
}

fn keys(of: &Value) -> BTreeSet<String> {
    of.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// What stands in the first column of the table below a heading.
fn documented(page: &str, after: &str) -> BTreeSet<String> {
    let part = page.split(after).nth(1).unwrap_or_else(|| panic!("no `{after}` on the page"));
    let rows =
        part.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| row.split('|').nth(1));
    names.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_page_names_what_is_printed_and_nothing_else() {
    let page = include_str!("../../docs/json.md");
    let place = Place(tempfile::tempdir().expect("a temporary folder"));
    place.write(SPEC);
    let planned = place.says(&["plan", "--format", "json"]);
    assert_eq!(keys(&planned[0]), BTreeSet::from(["format_version".to_owned(), "plans".to_owned()]));
    let plan = &planned[0]["plans"][0];
    assert_eq!(keys(plan), documented(page, "## Plan"));
    assert_eq!(keys(&plan["changes"][0]), documented(page, "Each of `changes`:"));
    let events = place.says(&["apply", "-y", "--json"]);
    let told = documented(page, "## Apply");
    let apply = page.split("## Apply").nth(1).expect("the part about apply");
    for event in &events {
        let name = event["event"].as_str().expect("an event");
        assert!(told.contains(name), "{name} is not on the page");
        let row = apply.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect("a row");
        for key in keys(event).iter().filter(|key| !["event", "at", "pipeline"].contains(&key.as_str())) {
            assert!(row.contains(&format!("`{key}`")), "{name} has {key}, and the page does not say so");
        }
    }
    place.write(&SPEC.replace("shards: 2 }", "shards: 4 }").replace("  orders", "  others"));
    let drift = place.says(&["drift", "--json"]);
    assert_eq!(keys(&drift[0]), BTreeSet::from(["format_version".to_owned(), "pipelines".to_owned()]));
    let drift = &drift[0]["pipelines"][0];
    assert_eq!(keys(drift), documented(page, "## Drift"));
    assert_eq!(keys(&drift["drift"][0]), documented(page, "Each of `drift`:"));
    let held = &place.says(&["plan", "--format", "json"])[0]["plans"][0]["held"][0];
    let part = page.split("Each of `held`:").nth(1).expect("the part about what is held");
    for key in keys(held) {
        assert!(part.contains(&format!("`{key}`")), "held has {key}, and the page does not say so");
    }
}
