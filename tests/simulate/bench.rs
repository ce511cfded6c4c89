//! The benchmark over a folder of traces: whatever lies in it is run.

use std::path::Path;
use std::process::Command;

/// Two days on a grid, from a wave and a step.
fn trace(folder: &Path, name: &str, grid: u32) {
    let mut text = String::from("timestamp,value\n");
    for at in 0..2880 / grid {
        let minute = at * grid;
        let wave = 1.2 - (f64::from(minute) / 1440.0 * std::f64::consts::TAU).cos();
        let step = if (900..1000).contains(&(minute % 1440)) { 3.0 } else { 1.0 };
        let time = jiff::Timestamp::from_second(i64::from(minute) * 60).expect("a time");
        text.push_str(&format!("{time},{}\n", 100.0 * wave * step));
    }
    std::fs::write(folder.join(name), text).expect("the folder can be written");
}

fn tidegate(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).output().expect("tidegate starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_trace_of_a_folder_is_run_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, out) = (folder.path().join("traces"), folder.path().join("out"));
    std::fs::create_dir(&traces).expect("a folder");
    trace(&traces, "minutes.csv", 1);
    trace(&traces, "half-hours.csv", 30);
    let (traces, out) = (traces.display().to_string(), out.display().to_string());
    let names = "ds2,substation,on-demand,static-peak";
    let arguments =
        ["bench", "scaling", "--traces", &traces, "--n99", "4,12", "--policies", names, "--tuned", "--out", &out];
    let (done, table, errors) = tidegate(&arguments);
    assert!(done, "{errors}");
    let rows = table.lines().filter(|line| line.starts_with("substation")).count();
    assert_eq!(rows, 5, "spec bounds, as shipped, and tuned for three prices:\n{table}");
    let csv = std::fs::read_to_string(format!("{out}/scores.csv")).expect("the scores");
    let columns = csv.lines().next().expect("a head").split(',').count();
    assert!(csv.lines().all(|line| line.split(',').count() == columns), "every row has every column");
    // 2 traces, 2 levels, 2 profiles; four policies, one of them shipped otherwise, 18 and 27 settings to tune.
    assert_eq!(csv.lines().count(), 1 + 2 * 2 * 2 * (4 + 1 + 18 + 27));
    for trace in ["minutes", "half-hours"] {
        assert!(csv.lines().any(|line| line.contains(trace)), "{trace}");
    }
    let page = std::fs::read_to_string(format!("{out}/index.html")).expect("the page");
    assert!(page.contains("<svg") && page.contains("substation tuned") && !page.contains("NaN"));
    let text = std::fs::read_to_string(format!("{out}/scaling.md")).expect("the text");
    assert!(text.contains("| policy | row |") && text.contains("tuned, trace left out"));
    assert_eq!(tidegate(&arguments).1, table, "the same again");
}

#[test]
fn mistakes_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().display().to_string();
    let (done, _, errors) = tidegate(&["bench", "scaling", "--traces", &empty]);
    assert!(!done && errors.contains("there is no .csv"), "{errors}");
    let (_, _, errors) = tidegate(&["simulate", "--synthetic", "diurnal", "--policy", "substition"]);
    assert!(errors.contains("did you mean `substation`?"), "{errors}");
    let (_, _, errors) = tidegate(&["simulate"]);
    assert!(errors.contains("--synthetic diurnal"), "{errors}");
    let bad = folder.path().join("bad.csv");
    std::fs::write(&bad, "timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:05:00Z,x\n").expect("written");
    let (_, _, errors) = tidegate(&["simulate", "--trace", &bad.display().to_string()]);
    assert!(errors.contains("line 3") && errors.contains("`x`"), "{errors}");
}
