//! What else a team writes: `tidegate.toml`, declared rules, cases and baselines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lint::baseline::Baseline;
use tidegate::lint::cases::Cases;
use tidegate::lint::config::Config;
use tidegate::lint::declared;
use tidegate::spec::Source;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Config::read(text);
    let _ = Baseline::read(text);
    let _ = Cases::read(text);
    if let Ok(source) = Source::new("p.yaml", text) {
        let _ = declared::policies(&source);
    }
});
