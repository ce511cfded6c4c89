//! The count that a wish became when the council was elected: any count, if need be a little more than was wanted.
//!
//! Streams take doubles and halves alone by now. Rules that were elected by those came out worse on traces that had no part in it
//! (docs/sizing.md, "What was tried"), so the election stayed as it was.

use tidegate::scale::reshard::{operations, reach};

/// How much more than the wanted count is taken if that spares operations.
const SPARE: f64 = 0.06;

/// The count between `wanted` and 6 % above it that costs the fewest operations, within the reach of one call; two shards more weigh
/// as much as one operation.
pub fn cheap(from: u32, wanted: u32) -> u32 {
    let (least, most) = reach(from);
    if wanted <= least || wanted >= most {
        return wanted.clamp(least, most);
    }
    let spare = (f64::from(wanted) * SPARE) as u32;
    let dearness = |count: &u32| operations(from, *count) + count / 2;
    // The first of equals, which is the smallest count.
    (wanted..=(wanted + spare).min(most)).min_by_key(dearness).unwrap_or(wanted)
}
