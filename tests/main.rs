//! One test binary: it links once.

/// Fuzz targets name libFuzzer's crate; here it is this one.
extern crate self as libfuzzer_sys;

mod cli;
mod connect;
mod control;
mod corpus;
mod deploy;
mod double;
mod emulators;
mod faults;
#[allow(unused_attributes)] // each target says that libFuzzer has its `main`
mod fuzzed;
mod hostile;
mod laws;
mod lint;
mod scale;
mod serve;
mod simulate;
mod stories;
mod support {
    pub mod emulators;
    pub mod hand;
    pub mod python;
}
mod tidy;
