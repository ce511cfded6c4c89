//! A plan file with a seal that fits: read, told in every form, and carried out on an empty local cloud.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::apply::{Limits, Stop, execute};
use tidegate::cli;
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Local, Options};
use tidegate::plan::sealed;
use tidegate::report::{human, json, markdown};

/// 2026-11-24T00:00:00Z
const NOW: i64 = 1_795_478_400;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = cli::parse_plan(text);
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let whole = serde_json::json!({ "seal": sealed(&body), "plan": body }).to_string();
    let Ok(plans) = cli::parse_plan(&whole) else { return };
    markdown::plan(&plans);
    for plan in &plans {
        json::plan(plan);
        human::plan(plan, &human::Style { color: true, width: 60 });
        let local = Local::new(SCHEMAS, Options::default(), NOW);
        let limits = Limits { settle_seconds: 60, ..Limits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(execute(&local, plan, SCHEMAS, limits, &Stop::default(), &|_| {}));
    }
});
