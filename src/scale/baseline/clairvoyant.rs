//! B11: the least that any schedule of calls can cost when it throttles nothing: a bound, not a policy.
//!
//! An exact dynamic programme over (minute, calls used, count) of an easier problem. Every change to the problem below can
//! only lower its optimum, so the optimum bounds every schedule that AWS allows from below:
//!
//! - The rolling limit of ten calls becomes ten calls in each fixed block of 1,440 minutes. Whoever obeys the rolling
//!   limit obeys it in every block, wherever the blocks begin; so each offset gives a bound, and the largest is kept.
//! - Actions complete in the minute of their call. Capacity and cost stay old until an action completes, so who knows the
//!   future calls early and pays nothing for the time between: only the spacing of actions is dropped, and one action a
//!   minute is kept.
//! - Counts above about 25 are taken in buckets of at most 4 %: one costs as its smallest member and carries as its
//!   largest, and a move is allowed if any member may move to any other under double and half.
//! - The first count is free, and nothing that was throttled comes again.
//!
//! With a finite price of throttled load the optimum bounds `cost + price * throttled` of every schedule.

/// Minutes of a block, and calls allowed in it.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub calls: usize,
    pub day: usize,
}

/// What AWS allows.
pub const AWS: Limit = Limit { calls: 10, day: 1440 };
/// Where blocks begin, in minutes of a day.
pub const OFFSETS: [usize; 4] = [0, 360, 720, 1080];
/// The width of a bucket.
const RATIO: f64 = 1.04;
/// What is left of rounding.
const NOTHING: f64 = 1e-9;

struct Buckets {
    low: Vec<f64>,
    high: Vec<f64>,
    /// The buckets that can be reached, first and last.
    reach: Vec<(usize, usize)>,
}

impl Buckets {
    fn new(top: u32) -> Self {
        let mut starts: Vec<u32> = vec![1];
        while let Some(last) = starts.last().copied().filter(|last| *last <= top) {
            // Counts are far below 2^32.
            starts.push((last + 1).max((f64::from(last) * RATIO) as u32));
        }
        let low: Vec<u32> = starts[..starts.len() - 1].to_vec();
        let high: Vec<u32> = starts[1..].iter().map(|next| next - 1).collect();
        let reach = low.iter().zip(&high).map(|(from, to)| {
            let open = |at: &usize| low[*at] <= 2 * to && 2 * high[*at] >= *from;
            let reached: Vec<usize> = (0..low.len()).filter(open).collect();
            (reached.first().copied().unwrap_or(0), reached.last().copied().unwrap_or(0))
        });
        let reach = reach.collect();
        let floats = |counts: Vec<u32>| counts.into_iter().map(f64::from).collect();
        Self { low: floats(low), high: floats(high), reach }
    }
}

/// The least value among the reachable buckets, for every bucket: a sliding minimum, since reaches only move up.
fn cheapest(values: &[f64], reach: &[(usize, usize)], queue: &mut Vec<usize>, found: &mut [f64]) {
    queue.clear();
    let (mut head, mut next) = (0, 0);
    for (at, (first, last)) in reach.iter().copied().enumerate() {
        while next <= last {
            while queue.len() > head && queue.last().is_some_and(|back| values[*back] >= values[next]) {
                queue.pop();
            }
            queue.push(next);
            next += 1;
        }
        while queue[head] < first {
            head += 1;
        }
        found[at] = values[queue[head]];
    }
}

/// The least of `shard-minutes + price * throttled` over all schedules; `price` infinite: nothing may be throttled.
/// `load` in shard-minutes by minute; blocks begin at `offset`.
fn block_bound(load: &[f64], price: f64, offset: usize, limit: Limit) -> f64 {
    let top = load.iter().copied().fold(0.0, f64::max).ceil() as u32;
    let buckets = Buckets::new(top.max(1));
    let size = buckets.low.len();
    let mut values = vec![vec![f64::INFINITY; size]; limit.calls + 1];
    values[0].fill(0.0);
    let (mut queue, mut moved) = (Vec::with_capacity(size), vec![0.0; size]);
    for (minute, load) in load.iter().copied().enumerate() {
        if minute > 0 && (minute + limit.day - offset % limit.day).is_multiple_of(limit.day) {
            let (fresh, used) = values.split_at_mut(1);
            for row in used {
                for (best, value) in fresh[0].iter_mut().zip(row.iter_mut()) {
                    *best = best.min(*value);
                    *value = f64::INFINITY;
                }
            }
        }
        // Backwards: a row reads the row of one call fewer as it was before this minute.
        for used in (1..=limit.calls).rev() {
            let (fewer, row) = values.split_at_mut(used);
            cheapest(&fewer[used - 1], &buckets.reach, &mut queue, &mut moved);
            for (value, other) in row[0].iter_mut().zip(&moved) {
                *value = value.min(*other);
            }
        }
        for row in &mut values {
            for ((value, low), high) in row.iter_mut().zip(&buckets.low).zip(&buckets.high) {
                let over = load - high;
                *value += if over <= NOTHING { *low } else { low + price * over };
            }
        }
    }
    values.iter().flatten().copied().fold(f64::INFINITY, f64::min)
}

/// The largest of the bounds that the offsets give.
pub fn bound(load: &[f64], price: f64, offsets: &[usize], limit: Limit) -> f64 {
    offsets.iter().map(|offset| block_bound(load, price, *offset, limit)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The true optimum: every schedule of counts that obeys steps and the rolling limit, tried one after the other.
    fn brute_force(load: &[f64], price: f64, limit: Limit, most: u32) -> f64 {
        fn go(load: &[f64], price: f64, limit: Limit, most: u32, at: usize, count: u32, calls: &mut Vec<usize>) -> f64 {
            let Some(now) = load.get(at).copied() else { return 0.0 };
            let mut best = f64::INFINITY;
            let used = calls.iter().filter(|call| **call + limit.day > at).count();
            for next in 1..=most {
                let moves = next != count && at > 0;
                let far = next > 2 * count || 2 * next < count;
                if moves && (far || used >= limit.calls) {
                    continue;
                }
                if moves {
                    calls.push(at);
                }
                let over = (now - f64::from(next)).max(0.0);
                let pay = f64::from(next) + if over > 0.0 { price * over } else { 0.0 };
                best = best.min(pay + go(load, price, limit, most, at + 1, next, calls));
                if moves {
                    calls.pop();
                }
            }
            best
        }
        (1..=most).map(|count| go(load, price, limit, most, 0, count, &mut Vec::new())).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn it_is_a_lower_bound_and_exact_where_blocks_do_not_matter() {
        let mut state = 1u64;
        let (mut exact, mut cases) = (0, 0);
        for case in 0..60u64 {
            let mut load = Vec::new();
            for at in 0..7 {
                state = next(state, case + at);
                load.push((state >> 33) as f64 / f64::from(1u32 << 31) * 4.0);
            }
            for (calls, day) in [(1, 3), (2, 4), (2, 100)] {
                let limit = Limit { calls, day };
                for price in [0.5, 3.0, 1e12] {
                    let truth = brute_force(&load, price, limit, 4);
                    let offsets: Vec<usize> = (0..day.min(7)).collect();
                    let bound = bound(&load, price, &offsets, limit);
                    assert!(bound <= truth + 1e-6 * truth, "{load:?} {limit:?} {price}: {bound} > {truth}");
                    if day == 100 {
                        // One block holds everything: nothing is relaxed on so small counts.
                        cases += 1;
                        exact += u32::from((bound - truth).abs() <= 1e-6 * truth);
                    }
                }
            }
        }
        assert_eq!(exact, cases, "without blocks and buckets the programme is exact");
    }

    fn next(state: u64, add: u64) -> u64 {
        (state ^ add).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
    }

    #[test]
    fn large_counts_are_bucketed_downwards() {
        let bound = bound(&[100.0; 50], f64::INFINITY, &OFFSETS, AWS);
        assert!((4800.0..=5000.0).contains(&bound), "{bound}");
    }
}
