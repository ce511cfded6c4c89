//! B8 and B8w: the on-demand mode, as a capacity that follows its own rule (Kinesis guide, "Choosing the capacity mode"
//! and "On-demand Advantage"). Not a shard policy: it is paid by the gigabyte.
//!
//! Standard: twice the largest accepted minute of 30 days, at least four shards, reached up to 15 minutes later, here
//! after the mean of 8. Advantage with warm throughput: at least the warm level, and twice the peak of the last hour.

use std::collections::VecDeque;

/// Minutes until a new peak has its capacity.
const REACTION: usize = 8;
/// A new stream takes 4 MB/s.
const FIRST: f64 = 4.0;
const MONTH: usize = 30 * 1440;

#[derive(Clone, Debug)]
pub struct OnDemand {
    /// Shards below which it never goes.
    least: f64,
    /// Minutes for which a peak is remembered.
    memory: usize,
    /// Accepted loads that have not led to capacity yet.
    young: VecDeque<f64>,
    /// Candidates for the peak: later and smaller ones behind, with the minutes in which they were taken.
    peaks: VecDeque<(usize, f64)>,
    minute: usize,
}

impl OnDemand {
    pub fn standard() -> Self {
        Self { least: FIRST, memory: MONTH, young: VecDeque::new(), peaks: VecDeque::new(), minute: 0 }
    }

    /// Advantage with a warm level in shards.
    pub fn warm(level: f64) -> Self {
        Self { least: level.max(FIRST), memory: 60, ..Self::standard() }
    }

    /// The capacity of the present minute, in shards.
    pub fn capacity(&self) -> f64 {
        self.peaks.front().map_or(self.least, |(_, peak)| (2.0 * peak).max(self.least))
    }

    /// The minute is over and this much was accepted.
    pub fn pass(&mut self, accepted: f64) {
        self.minute += 1;
        self.young.push_back(accepted);
        if self.young.len() < REACTION {
            return;
        }
        let Some(load) = self.young.pop_front() else { return };
        while self.peaks.back().is_some_and(|(_, peak)| *peak <= load) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((self.minute, load));
        while self.peaks.front().is_some_and(|(at, _)| at + self.memory <= self.minute) {
            self.peaks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_follows_the_peak_after_eight_minutes_and_forgets_it_after_a_month() {
        let mut stream = OnDemand::standard();
        stream.pass(4.0);
        for _ in 1..REACTION {
            assert_eq!(stream.capacity(), 4.0);
            stream.pass(1.0);
        }
        assert_eq!(stream.capacity(), 8.0);
        for _ in 0..MONTH {
            stream.pass(3.0);
        }
        assert_eq!(stream.capacity(), 6.0);
        assert_eq!(OnDemand::warm(10.0).capacity(), 10.0);
    }
}
