//! The geometry of a uniform reshape: with g = gcd(from, to), every group of from/g shards becomes to/g shards, by to − g
//! splits and from − g merges. AWS publishes no count; one case was seen in the wild (4 → 3 took 2 splits and 3 merges).

/// The greatest common divisor; that of a number and 0 is the number.
pub fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Splits and merges of a uniform change: n + m − 2 · gcd(n, m). Saturates where a count is beyond what AWS knows.
pub fn operations(from: u32, to: u32) -> u32 {
    let twice = 2 * u64::from(gcd(from, to));
    u32::try_from(u64::from(from) + u64::from(to) - twice).unwrap_or(u32::MAX)
}

/// Splits alone: as many more shards than before may be open during the change.
pub fn splits(from: u32, to: u32) -> u32 {
    to - gcd(from, to).min(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_the_table() {
        let table =
            [(1, 2, 1), (4, 3, 5), (4, 5, 7), (8, 10, 14), (8, 16, 8), (100, 101, 199), (100, 75, 125), (100, 50, 50)];
        for (from, to, expected) in table {
            assert_eq!(operations(from, to), expected, "{from} to {to}");
        }
        assert_eq!([splits(8, 10), splits(100, 50), splits(4, 4)], [8, 0, 0]);
        assert_eq!(operations(u32::MAX, u32::MAX - 1), u32::MAX);
    }
}
