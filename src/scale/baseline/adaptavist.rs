//! B2a: Adaptavist/terraform-module-kinesis-stream, a fork of aws-samples' scaler, read at c3058dc (2025-09).
//!
//! Rounds halves up, has a minimum and a maximum of five times that, and pauses 10 min after a resize. As shipped its
//! module divides thresholds that are fractions by 100: it grows at 0.75 % and shrinks at 0.25 %.

use super::doubling::Doubling;
use super::row::Row;

pub fn adaptavist(row: Row) -> Doubling {
    let thresholds = if row == Row::Shipped { (0.0075, 0.0025) } else { (0.75, 0.25) };
    let mut policy = Doubling::new("adaptavist", row, thresholds, true);
    policy.pause = 10;
    policy.max_over_min = Some(5);
    policy
}
