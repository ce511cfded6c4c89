//! The text of a policy in Rego: refused, or compiled and asked.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::lint::engine::{Engine, Subject};
use tidegate::lint::policy::PolicyFile;
use tidegate::lint::rule::Concern;
use tidegate::spec::Source;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::from_bytes("x.rego", bytes) else { return };
    let file = PolicyFile { source, concern: Concern::Custom, origin: None };
    let (mut engine, _) = Engine::load(&[file], Duration::from_millis(200));
    let facts = serde_json::json!({
        "pipeline": "p", "tags": { "team": "web" }, "document": { "streams": { "a": { "retention": "24h" } } },
        "streams": [{ "name": "a", "path": ["streams", "a"], "retention_hours": 24, "tags": {}, "readers": [1, "t"] }],
    });
    let (verdicts, _) = engine.judge(&Subject { file: "a.yaml", facts: &facts, document: &facts["document"] }, &|_| true);
    drop(verdicts);
    for nth in 0..engine.policies.len() {
        for test in engine.policies[nth].tests.clone() {
            let _ = engine.holds(nth, &test);
        }
    }
});
