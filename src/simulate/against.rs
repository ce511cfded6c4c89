//! Ours beside another policy at equal throttling and at equal cost.

use super::bench::Summary;

/// How ours compares with one row of a peer. Ratios below 1 are ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    pub policy: &'static str,
    pub row: String,
    /// Our cost over the peer's where both throttle the same share of records.
    pub cost: Option<Ratio>,
    /// Our throttled share over the peer's where both cost the same.
    pub throttled: Option<Ratio>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub value: f64,
    /// The peer lies beyond the prices that ours was run at, and ours is better than it in both: it is this or less.
    pub or_less: bool,
}

/// A point of a policy's curve: cost over the bound, and the throttled share.
type Point = (f64, f64);

/// Every row of `others` beside the runs of `ours`, one for each price it was told. A peer that is dearer *and* throttles more
/// than some run of ours has a ratio on both sides; one that is better than all our runs in one figure has none there.
pub fn against(ours: &[&Summary], others: &[&Summary]) -> Vec<Against> {
    let mut curve: Vec<Point> = ours.iter().map(|summary| (summary.cost, summary.throttled)).collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The other way round: throttling to the right. Along the curve the one falls as the other rises.
    let turned: Vec<Point> = curve.iter().rev().map(|(cost, throttled)| (*throttled, *cost)).collect();
    let beside = |other: &&Summary| Against {
        policy: other.policy,
        row: other.row.clone(),
        cost: ratio(&turned, (other.throttled, other.cost)),
        throttled: ratio(&curve, (other.cost, other.throttled)),
    };
    others.iter().map(beside).collect()
}

/// The height of the curve at the other's place, over the other's height; both axes are logarithmic between two points.
fn ratio(curve: &[Point], (place, height): Point) -> Option<Ratio> {
    if place.is_nan() || height <= 0.0 {
        return None;
    }
    let last = curve.last()?;
    if place >= last.0 {
        // Ours has no run that far, and needs none: this one is better in both.
        return Some(Ratio { value: last.1 / height, or_less: place > last.0 });
    }
    let pair = curve.windows(2).find(|pair| pair[0].0 <= place && place < pair[1].0)?;
    let ((left, from), (right, to)) = (pair[0], pair[1]);
    if left <= 0.0 || from <= 0.0 || to <= 0.0 {
        return None;
    }
    let part = (place / left).ln() / (right / left).ln();
    Some(Ratio { value: from * (to / from).powf(part) / height, or_less: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(cost: f64, throttled: f64) -> Summary {
        Summary {
            policy: "some",
            title: "some",
            row: "as shipped".to_owned(),
            price: None,
            cases: 1,
            cost,
            throttled,
            throttled_minutes: 0.0,
            loss: [None; 3],
            calls: 0.0,
            operations: 0.0,
            refused: 0.0,
        }
    }

    fn beside(cost: f64, throttled: f64) -> [Option<Ratio>; 2] {
        let ours = [summary(4.0, 0.01), summary(1.0, 0.16), summary(2.0, 0.04)];
        let against = against(&ours.iter().collect::<Vec<_>>(), &[&summary(cost, throttled)]).remove(0);
        [against.cost, against.throttled]
    }

    #[test]
    fn ours_is_read_between_the_prices_it_was_told() {
        let told = beside(2.0f64.sqrt() * 2.0, 0.08).map(|ratio| ratio.expect("inside the curve"));
        // At 8 % ours costs the root of 2, and at 2.83 it throttles 2 %.
        assert!(told.iter().all(|ratio| !ratio.or_less), "{told:?}");
        assert!((told[0].value - 0.5).abs() < 1e-9 && (told[1].value - 0.25).abs() < 1e-9, "{told:?}");
        assert_eq!(beside(2.0, 0.04), [Some(Ratio { value: 1.0, or_less: false }); 2]);
    }

    #[test]
    fn beyond_the_prices_it_is_a_bound_or_nothing() {
        // Throttles more than ours ever does, and costs 2: our cheapest run costs 1 and throttles less.
        assert_eq!(beside(2.0, 0.5)[0], Some(Ratio { value: 0.5, or_less: true }));
        assert_eq!(beside(8.0, 0.02)[1], Some(Ratio { value: 0.5, or_less: true }));
        // Throttles nothing, or costs less than any run of ours.
        assert_eq!((beside(8.0, 0.0), beside(0.5, 0.1)[1]), ([None, None], None));
    }
}
