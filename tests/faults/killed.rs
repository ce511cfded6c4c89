//! `kill -9` at any moment: applying again comes to the same end.

use std::time::Duration;

use super::{continued, destroy, inventory, program, run, whole};
use crate::support::emulators;

/// Moments at which a run is killed; `TIDEGATE_KILLS` asks for more.
fn kills() -> u32 {
    std::env::var("TIDEGATE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Starts the program and kills it after a while; tells whether it was still running.
fn killed(folder: &std::path::Path, account: &str, args: &[&str], after: Duration) -> bool {
    let mut child = program(folder, account, &emulators::ministack().url, args).spawn().expect("the program starts");
    std::thread::sleep(after);
    let running = child.try_wait().expect("it can be asked").is_none();
    // If it has ended by itself there is nothing to kill.
    let _ = child.kill();
    child.wait().expect("it ends");
    running
}

/// The same pipeline with something else about every kind that it holds.
fn changed(spec: &str) -> String {
    let mut changed = spec.to_owned();
    for (from, to) in [
        ("deletionWindow: 7d", "deletionWindow: 10d, rotation: 180d"),
        ("shards: 2", "shards: 3"),
        ("retention: 7d", "retention: 2d"),
        ("can: read }]", "can: write }]"),
        ("[10.0.0.0/16]", "[10.1.0.0/16]"),
        ("[producer, reader]", "[producer]"),
        ("expireAfter: 30d", "expireAfter: 60d"),
        ("[{ write: clicks }]", "[{ write: clicks }, { read: clicks }]"),
        ("\nkeys:", "\ntags: { team: web }\nkeys:"),
    ] {
        assert!(changed.contains(from), "{from}");
        changed = changed.replacen(from, to, 1);
    }
    changed
}

#[test]
fn a_killed_run_is_continued() {
    let url = emulators::ministack().url.as_str();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (at, pipeline, account) = (folder.path(), "killed", "700000008010");
    let mut words = destroy(pipeline);
    words.push("--allow-data-loss=stream/audit".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let points = kills();
    // How long the two take undisturbed, so that the moments lie within the first four fifths.
    let undisturbed = |args: &[&str]| {
        let start = std::time::Instant::now();
        assert_eq!(run(at, account, url, args).0, Some(0), "{args:?}");
        start.elapsed()
    };
    let first = whole(pipeline, account);
    let write = |text: &str| std::fs::write(at.join("tidegate.yaml"), text).expect("the spec can be written");
    write(&first);
    let nothing = inventory(account);
    let making = undisturbed(&["apply", "-y"]);
    let made = inventory(account);
    write(&changed(&first));
    let updating = undisturbed(&["apply", "-y"]);
    let updated = inventory(account);
    assert!(made.len() >= nothing.len() + 20 && updated.len() >= made.len(), "{made:?}, then {updated:?}");
    let going = undisturbed(&words);
    assert_eq!(inventory(account), nothing, "destroyed undisturbed");
    let mut cut = 0;
    for point in 1..=points {
        // An account of its own: each update takes one of the ten resizes that a stream has in a day.
        let account = &(700_000_018_010_u64 + u64::from(point)).to_string();
        let part = |whole: Duration| whole * 8 * point / (points + 1) / 10;
        let (making, updating, going) = (part(making), part(updating), part(going));
        let when = format!("creation killed after {making:?}, update after {updating:?}, destruction after {going:?}");
        let first = whole(pipeline, account);
        for (text, after, whole) in [(&first, making, &made), (&changed(&first), updating, &updated)] {
            write(text);
            cut += u32::from(killed(at, account, &["apply", "-y"], after));
            continued(at, account, &when);
            assert_eq!(inventory(account), *whole, "{when}");
        }
        cut += u32::from(killed(at, account, &words, going));
        let (code, said) = run(at, account, url, &words);
        assert_eq!(code, Some(0), "{when}: {said}");
        let (_, said) = run(at, account, url, &["destroy", "-y"]);
        assert!(said.contains("Nothing is left to destroy"), "{when}: {said}");
        assert_eq!(super::living_keys(account), 0, "{when}: keys");
        assert_eq!(inventory(account), nothing, "{when}");
    }
    println!("{cut} of {} runs were killed on their way, and each was continued", 3 * points);
    assert!(cut >= 2 * points, "only {cut} of {} runs were killed on their way", 3 * points);
}
