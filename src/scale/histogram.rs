/// Buckets are 4 % wide.
const WIDTH: f64 = 0.04;
/// The least load that is told from none, in shards.
const LEAST: f64 = 0.05;
/// Reaches 0.05 · e^(0.04·400) shards: far above the largest stream.
const BUCKETS: usize = 400;

/// How often each load occurred, old minutes fading with a half-life: fixed memory for any length of history.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// The bucket of the first weight. Most streams know a small part of all loads.
    first: usize,
    weights: Vec<f64>,
    total: f64,
    /// The weight of the next minute; it grows instead of all others shrinking.
    next: f64,
    growth: f64,
}

impl Histogram {
    pub fn new(half_life_minutes: f64) -> Self {
        Self { first: 0, weights: Vec::new(), total: 0.0, next: 1.0, growth: 2f64.powf(1.0 / half_life_minutes) }
    }

    /// Takes one minute of `load` shards.
    pub fn add(&mut self, load: f64) {
        let bucket = if load < LEAST { 0 } else { ((load / LEAST).ln() / WIDTH) as usize + 1 };
        self.next *= self.growth;
        *self.weight(bucket.min(BUCKETS - 1)) += self.next;
        self.total += self.next;
        if self.next > 1e9 {
            self.weights.iter_mut().for_each(|weight| *weight /= self.next);
            self.total /= self.next;
            self.next = 1.0;
        }
    }

    fn weight(&mut self, bucket: usize) -> &mut f64 {
        if self.weights.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            self.weights.splice(0..0, std::iter::repeat_n(0.0, self.first - bucket));
            self.first = bucket;
        }
        let at = bucket - self.first;
        if at >= self.weights.len() {
            self.weights.resize(at + 1, 0.0);
        }
        &mut self.weights[at]
    }

    /// The loads that were exceeded in the given shares of time, which fall: upper edges of buckets, in shards.
    pub fn exceeded<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        let (mut found, mut above, mut bucket) = ([0.0; N], 0.0, BUCKETS);
        // From the rarest share to the most common one, in one walk down the buckets.
        for at in (0..N).rev() {
            while above <= shares[at] * self.total && bucket > 0 {
                bucket -= 1;
                above += bucket.checked_sub(self.first).and_then(|at| self.weights.get(at)).copied().unwrap_or(0.0);
            }
            found[at] = if bucket == 0 { 0.0 } else { LEAST * (WIDTH * bucket as f64).exp() };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_found_within_a_bucket() {
        let mut histogram = Histogram::new(1e9);
        (1..=1000).for_each(|load| histogram.add(f64::from(load)));
        for (found, expected) in histogram.exceeded([0.5, 0.1, 0.01]).into_iter().zip([500.0, 900.0, 990.0]) {
            assert!((found / expected - 1.0).abs() < 0.045, "{found} for {expected}");
        }
    }

    #[test]
    fn old_minutes_fade_and_long_histories_stay_finite() {
        let mut histogram = Histogram::new(60.0);
        (0..100_000).for_each(|_| histogram.add(50.0));
        (0..600).for_each(|_| histogram.add(2.0));
        let [median, rare] = histogram.exceeded([0.5, 0.0001]);
        assert!(median < 2.2 && rare > 45.0, "{median} {rare}");
        assert_eq!(Histogram::new(60.0).exceeded([0.5]), [0.0]);
    }
}
