//! Arguments, one in a line, and the small texts in them: quantities, addresses, times.
#![no_main]

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use tidegate::cli::Cli;
use tidegate::model::Address;
use tidegate::model::units::{Size, Span};
use tidegate::simulate::demand::minute_of;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Cli::try_parse_from(std::iter::once("tidegate").chain(text.lines())) {
        let _ = error.to_string();
    }
    for word in text.lines() {
        let _ = (word.parse::<Span>(), word.parse::<Size>(), word.parse::<Address>(), minute_of(word, 1));
        if let Ok(span) = word.parse::<Span>() {
            assert_eq!(span.to_string().parse(), Ok(span), "{word}");
        }
        if let Ok(size) = word.parse::<Size>() {
            assert_eq!(size.to_string().parse(), Ok(size), "{word}");
        }
    }
});
