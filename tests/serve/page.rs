//! The page opens in a real browser against a running controller, on a desk and on a phone.

use serde_json::json;

use super::browser::Browser;
use super::running::Running;

fn click(browser: &mut Browser, x: f64, y: f64) {
    for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
        let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        browser.order("Input.dispatchMouseEvent", event);
    }
}

#[test]
fn a_day_is_seen_with_its_resizes_and_their_reasons() {
    let running = Running::start(3, &["--speed", "max"], None);
    running.wait_for_a_day();
    let url = format!("http://{}/", running.address);
    let mut browser = Browser::start();
    browser.open(&url, 1280, 2000);
    browser.wait("document.body.dataset.ready === '3' && document.body.dataset.plots === '3'");
    assert_eq!(browser.value("document.querySelectorAll('#streams > tbody').length"), 3);
    let drawn = browser.value(
        "['demand', 'capacity', 'age'].map((name) => document.querySelector(`path.${name}`).getAttribute('d').length)",
    );
    assert!(drawn.as_array().unwrap().iter().all(|length| length.as_u64() > Some(100)), "{drawn}");
    let marks = "document.querySelectorAll('[data-stream=\"shop/clicks\"] path.mark:not(.hold)').length";
    // Of a day whose first growth has just left the plot there are fewer.
    browser.wait(&format!("{marks} >= 3"));
    // A tap on the plot tells the reason of the decision beside it.
    let at = browser.value(
        "(() => { const box = document.querySelector('path.mark:not(.hold)').getBoundingClientRect();
           return [box.x + box.width / 2, box.y + box.height / 2]; })()",
    );
    click(&mut browser, at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    let said = browser.value("document.querySelector('.say').textContent");
    let said = said.as_str().unwrap();
    assert!(said.contains("resize") && said.contains(" → ") && said.contains("demand "), "{said}");
    // The same for who reads with a keyboard or by ear.
    browser.value("document.querySelector('details').open = true");
    browser.wait("document.querySelectorAll('details[open] tbody')[1].rows.length > 3");
    let told = browser.value("document.querySelectorAll('details[open] tbody')[1].textContent");
    assert!(told.as_str().unwrap().contains("resize "), "{told}");
    assert_eq!(browser.value("document.querySelectorAll('details[open] tbody')[0].rows.length"), 6);
    // It refreshes itself.
    let before = browser.value("document.getElementById('summary').textContent");
    browser.wait(&format!("document.getElementById('summary').textContent !== {before}"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let requests = browser.requests();
    let outside: Vec<&String> = requests.iter().filter(|asked| !asked.starts_with(&url)).collect();
    assert!(requests.len() >= 5 && outside.iter().all(|asked| *asked == "about:blank"), "{outside:?}");
}

/// The words of open tables that stand on more than one line; in the last column, of sentences, there may be names of any length.
const BROKEN: &str = "[...document.querySelectorAll('details th, details td:not(:last-child)')].flatMap((cell) => {
    const words = [], texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/\\w+/g)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map((at) => Math.round(at.top))).size > 1) words.push(word[0]);
    }
    return words;
})";

#[test]
fn a_phone_shows_all_of_it_without_scrolling_sideways() {
    let running = Running::start(2, &["--speed", "max"], None);
    running.wait_for_a_day();
    let mut browser = Browser::start();
    for dark in [false, true] {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.order("Emulation.setEmulatedMedia", features);
        browser.open(&format!("http://{}/", running.address), 360, 740);
        browser.wait("document.body.dataset.ready === '2' && Number(document.body.dataset.plots) > 0");
        browser.value("for (const one of document.querySelectorAll('details')) one.open = true");
        browser.wait("document.querySelectorAll('details[open] tbody')[1].rows.length > 3");
        let sizes =
            browser.value("[window.innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth]");
        assert_eq!(sizes, json!([360, 360, 360]));
        let past = browser.value(
            "[...document.querySelectorAll('body *')].filter((one) => one.closest('thead') === null)
               .filter((one) => one.getBoundingClientRect().right > 361).map((one) => one.outerHTML.slice(0, 80))",
        );
        assert_eq!(past, json!([]), "nothing is cut off at the right");
        let broken = browser.value(BROKEN);
        assert_eq!(broken, json!([]), "no word is broken in the middle");
        let paper = browser.value("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper, if dark { "rgb(20, 24, 31)" } else { "rgb(255, 255, 255)" });
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn hundreds_of_streams_are_found_and_drawn_where_one_looks() {
    let running = Running::start(300, &["--speed", "600"], None);
    running.wait("two ticks", |running| running.json("/api/streams")["ticks"]["count"].as_u64() >= Some(2));
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/", running.address), 1280, 900);
    browser.wait("document.body.dataset.ready === '300' && Number(document.body.dataset.plots) > 0");
    assert!(browser.value("Number(document.body.dataset.plots) < 60") == true, "only what is near is drawn");
    let find = |words: &str| {
        format!(
            "(() => {{ const find = document.getElementById('find'); find.value = '{words}'; find.dispatchEvent(new Event('input')); }})()"
        )
    };
    browser.value(&find("STREAM-123 eu-west"));
    assert_eq!(
        browser
            .value("[...document.querySelectorAll('#streams > tbody:not([hidden])')].map((one) => one.dataset.stream)"),
        json!(["shop/stream-123"])
    );
    assert_eq!(browser.value("document.getElementById('shown').textContent"), "1 of 300 shown");
    browser.wait("document.querySelector('#streams > tbody:not([hidden]) path.capacity') !== null");
    browser.value(&find("nothing-is-called-this"));
    assert_eq!(browser.value("document.getElementById('none').hidden"), false);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
