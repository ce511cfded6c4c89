//! Prometheus's own tool reads what the port tells.

use std::io::Write;
use std::process::{Command, Stdio};

use super::running::Running;

/// Prometheus's tool; a test that needs it cannot pass without.
pub fn promtool() -> Command {
    let found = Command::new("promtool").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(found, "promtool, which this test needs: install the Debian package prometheus");
    Command::new("promtool")
}

#[test]
fn prometheus_takes_the_metrics_without_a_complaint() {
    let running = Running::start(3, &["--speed", "3000"], None);
    running.wait("drift and a resize", |running| {
        let text = running.get("/metrics").body;
        text.contains("tidegate_drift_differences{") && !text.contains("\ntidegate_resizes_total 0\n")
    });
    let answer = running.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut check = promtool().args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(answer.body.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{}", answer.body);
    let value = |name: &str| -> f64 {
        let line = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in\n{}", answer.body)).parse().unwrap()
    };
    assert_eq!(value("tidegate_streams"), 3.0);
    assert!(value("tidegate_ticks_total") >= 1.0 && value("tidegate_tick_duration_seconds_count") >= 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    let (shards, most) = ("tidegate_stream_shards", "tidegate_stream_shards_max");
    let of = |name: &str| value(&format!("{name}{{pipeline=\"shop\",stream=\"clicks\"}}"));
    assert!(of(shards) >= 1.0 && of(shards) <= of(most));
    assert_eq!(of("tidegate_stream_resize_calls_limit"), 10.0);
    let demand = of("tidegate_stream_demand_shards");
    assert!(demand > 1.0, "{demand}");
}
