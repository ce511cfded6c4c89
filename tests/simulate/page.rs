//! The report opens in a real browser, without a network, on a desk and on a phone.

use std::path::Path;
use std::process::Command;

/// Debian's package, or Google's own where a machine has that.
fn chromium() -> &'static str {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    found.expect("a headless browser, which this test needs: install the Debian package chromium")
}

/// The page's document after its scripts ran, in a window of this size.
fn opened(page: &Path, size: &str) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new(chromium())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        // Nothing may be fetched: every name is unknown.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={size}"))
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_report_draws_itself_in_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["simulate", "--synthetic", "flash-crowd", "--days", "3", "--policy", "substation", "--json", "--report"])
        .arg(&page)
        .output()
        .expect("tidegate starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let decisions = said["decisions"].as_array().expect("a list");
    assert!(decisions.len() > 5);
    for size in ["1280,900", "390,844"] {
        let document = opened(&page, size);
        assert!(!document.contains("data-error"), "a script failed at {size}");
        assert!(
            document.contains(&format!("data-ready=\"{}\"", decisions.len())),
            "the script ran to its end at {size}"
        );
        // The script's own text has one as well, with a placeholder for its number.
        let marks = document.matches("data-i=\"").count() - document.matches("data-i=\"${i}").count();
        assert_eq!(marks, decisions.len(), "every resize is marked");
        for drawn in
            ["class=\"demand\" d=\"M44", "class=\"capacity\" d=\"M44", "class=\"bad\" d=\"M44", "class=\"age\" d=\"M44"]
        {
            assert!(document.contains(drawn), "{drawn} at {size}");
        }
        assert!(!document.contains("NaN"), "no coordinate is missing at {size}");
        let because = decisions[0]["because"].as_str().expect("text");
        assert!(document.contains(because), "the reasons are in the table");
    }
}
