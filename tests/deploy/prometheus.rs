use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::{folder, text};
use crate::serve::families::families;
use crate::serve::prometheus::promtool;

/// Every metric that a text names and that would be ours.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("tidegate_") || word.starts_with("process_")).collect()
}

/// The names of all series that the port can tell.
fn told() -> BTreeSet<String> {
    let of = |(name, family): (String, crate::serve::families::Family)| match family.kind.as_str() {
        "histogram" => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).to_vec(),
        _ => vec![name],
    };
    families().into_iter().flat_map(of).collect()
}

/// All queries of the dashboard with its variables filled in as Grafana does.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("grafana/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("a list"));
    targets
        .map(|target| {
            let query = target["expr"].as_str().expect("a query");
            query.replace("$__rate_interval", "5m").replace("$pipeline", ".*").replace("$stream", ".*")
        })
        .collect()
}

#[test]
fn alerts_are_rules_and_fire_when_they_should() {
    for args in [["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]] {
        let output = promtool().args(args).current_dir(folder().join("prometheus")).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("SUCCESS"), "{args:?}: {said}");
    }
}

#[test]
fn nothing_is_asked_for_that_is_not_told() {
    let told = told();
    assert!(told.contains("tidegate_tick_duration_seconds_bucket") && told.len() > 40, "{told:?}");
    let dashboard = text("grafana/dashboard.json");
    for (file, text) in [
        ("rules.yaml", text("prometheus/rules.yaml")),
        ("rules_test.yaml", text("prometheus/rules_test.yaml")),
        ("dashboard.json", dashboard),
    ] {
        let named = named(&text);
        assert!(named.len() > 5, "{file}");
        let unknown: Vec<&&str> = named.iter().filter(|name| !told.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn every_query_of_the_dashboard_is_one() {
    let queries = queries();
    assert!(queries.len() > 20 && queries.iter().all(|query| !query.contains('$')), "{queries:#?}");
    let check = |queries: &[String]| {
        let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
        for (at, query) in queries.iter().enumerate() {
            let query = serde_json::to_string(query).expect("JSON is YAML");
            writeln!(rules, "      - {{ record: \"panel:{at}\", expr: {query} }}").expect("memory");
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), rules).expect("it can be written");
        promtool().args(["check", "rules"]).arg(file.path()).output().expect("it starts")
    };
    let output = check(&queries);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!check(&["sum(rate(tidegate_ticks_total))".into()]).status.success(), "the check can fail");
}

#[test]
fn panels_do_not_lie_on_each_other() {
    let dashboard: Value = serde_json::from_str(&text("grafana/dashboard.json")).expect("JSON");
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("a list") {
        let place = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} at {x}, {y}", panel["title"]);
            }
        }
    }
}
