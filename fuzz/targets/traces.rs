//! Files of traffic for `simulate` and `advise`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::simulate::{Demand, Trace};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(demand) = Demand::parse(text) {
        let again = Demand::parse(&demand.to_csv()).expect("what was written can be read");
        assert_eq!((again.start, again.load.len()), (demand.start, demand.load.len()));
    }
    if let Ok(trace) = Trace::parse(text) {
        let _ = trace.scaled(40.0, 7);
    }
});
