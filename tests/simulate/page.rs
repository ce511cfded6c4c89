//! The report opens in a real browser, without a network, on a desk and on a phone.

use std::process::Command;

use serde_json::json;

use crate::serve::browser::Browser;

#[test]
fn a_comparison_and_the_report_are_had_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let simulate = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args([
            "simulate",
            "--synthetic",
            "flash-crowd",
            "--days",
            "2",
            "--compare",
            "tidegate,substation,on-demand",
        ]);
        command.args(more).output().expect("tidegate starts")
    };
    let path = page.to_str().expect("text");
    for more in [&[][..], &["--json"]] {
        let alone = simulate(more);
        let both = simulate(&[more, &["--report", path, "--policy", "substation"]].concat());
        assert!(alone.status.success() && both.status.success(), "{}", String::from_utf8_lossy(&both.stderr));
        assert_eq!(alone.stdout, both.stdout, "the page changes nothing of what is said");
        let page = std::fs::read_to_string(&page).expect("a page");
        assert!(page.contains("<h1>substation on "), "the run of the one that was chosen");
        let table = page.split("<table id=\"compared\">").nth(1).and_then(|rest| rest.split("</table>").next());
        let table = table.expect("a table");
        for name in ["tidegate", "substation", "on-demand"] {
            assert!(table.contains(&format!("<td>{name}<br>")), "{name}: {table}");
        }
        assert_eq!(page.matches("<circle class=\"dot").count(), 3, "each has its place in the picture");
    }
    let refused = simulate(&["--policy", "substation"]);
    let wrong = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && wrong.contains("add --report FILE"), "{wrong}");
}

#[test]
fn the_report_draws_itself_and_tells_reasons_where_one_points() {
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
    let because = |nth: usize| decisions[nth]["because"].as_str().expect("text");
    let url = format!("file://{}", page.display());
    let mut browser = Browser::start();
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.open(&url, width, height);
        browser.wait(&format!("document.body.dataset.ready === '{}'", decisions.len()));
        let marks = browser.value("document.querySelectorAll('path.mark[data-i]').length");
        assert_eq!(marks, decisions.len(), "every resize is marked");
        let drawn = browser.value("['demand', 'capacity', 'bad', 'age'].map((name) => document.querySelector(`path.${name}`).getAttribute('d'))");
        let drawn: Vec<&str> = drawn.as_array().expect("four").iter().filter_map(|path| path.as_str()).collect();
        assert_eq!(drawn.len(), 4, "{drawn:?}");
        assert!(drawn.iter().all(|path| path.starts_with("M44") && !path.contains("NaN")), "{drawn:?} at {width}");
        let told = browser.value("document.getElementById('why').textContent");
        assert!(told.as_str().is_some_and(|told| told.contains(because(0))), "the reasons are in the table: {told}");
        // Where one points, the nearest resize tells its reason, beside the picture and at the mark itself.
        for nth in [0, decisions.len() - 1] {
            let mark = format!("document.querySelector('path.mark[data-i=\"{nth}\"]')");
            let at = browser.value(&format!(
                "(() => {{ {mark}.scrollIntoView({{ block: 'center' }}); const box = {mark}.getBoundingClientRect();
                   return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
            ));
            browser.order("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": at[0], "y": at[1] }));
            browser.wait("document.getElementById('say').textContent.includes('Nearest resize, ')");
            let said = browser.value("document.getElementById('say').textContent");
            let said = said.as_str().expect("text");
            // On a phone several resizes stand in one column of the picture.
            let near = (0..decisions.len()).filter(|at| width < 600 || *at == nth);
            assert!(near.map(because).any(|because| said.contains(because)), "resize {nth} at {width}: {said}");
            let title = browser.value(&format!("{mark}.querySelector('title').textContent"));
            assert!(title.as_str().is_some_and(|title| title.contains(because(nth))), "resize {nth}: {title}");
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let requests = browser.requests();
    let outside: Vec<&String> = requests.iter().filter(|asked| **asked != url && *asked != "about:blank").collect();
    assert!(requests.contains(&url) && outside.is_empty(), "{outside:?}");
}
