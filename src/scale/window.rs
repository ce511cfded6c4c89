use std::collections::VecDeque;

/// What the metrics say of one minute of a stream. `None` is no datapoint, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Accepted load in shard-minutes: the larger of bytes and records against one shard's limits.
    pub accepted: Option<f64>,
    /// Rejected attempts in shard-minutes, repeated ones included.
    pub rejected: Option<f64>,
    /// Iterator age in minutes: the maximum over shards and consumers.
    pub age: Option<f64>,
    pub reads: Reads,
}

/// What consumers read in a minute, in units of one shard's read limits: 2 MiB a second, and for the shared ones five
/// GetRecords calls a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reads {
    /// All consumers together that share the shards' read limits.
    pub shared: Option<f64>,
    /// The busiest of the enhanced fan-out consumers: each has the limit of every shard for itself.
    pub fan_out: Option<f64>,
}

impl Reads {
    /// From the reads of the shared consumers together and of each fan-out consumer.
    pub fn of(shared: Option<f64>, fan_out: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { shared, fan_out: fan_out.into_iter().flatten().reduce(f64::max) }
    }

    /// What decides: the larger of the two.
    pub fn largest(self) -> Option<f64> {
        [self.shared, self.fan_out].into_iter().flatten().reduce(f64::max)
    }
}

/// The newest minutes of a stream, gaps kept, at most `capacity` of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    first: i64,
    samples: VecDeque<Packed>,
    /// Reads of the same minutes; empty until some are known.
    reads: VecDeque<Reads>,
    capacity: usize,
}

/// A sample without its reads, in little room: NaN is no datapoint.
#[derive(Clone, Copy, Debug)]
struct Packed([f64; 3]);

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        let bits = |packed: &Self| packed.0.map(f64::to_bits);
        bits(self) == bits(other)
    }
}

impl Packed {
    fn of(sample: &Sample) -> Self {
        Self([sample.accepted, sample.rejected, sample.age].map(|value| value.unwrap_or(f64::NAN)))
    }

    fn sample(self, reads: Reads) -> Sample {
        let [accepted, rejected, age] = self.0.map(|value| (!value.is_nan()).then_some(value));
        Sample { accepted, rejected, age, reads }
    }
}

impl Window {
    /// An empty window of at most `capacity` minutes.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        // Short windows have their room at once, since doubling would take up to twice as much.
        let samples = VecDeque::with_capacity(if capacity < 1000 { capacity + 1 } else { 0 });
        Self { first: 0, samples, reads: VecDeque::new(), capacity }
    }

    /// Takes the sample of a minute (minutes since 1970). Minutes that were skipped become gaps; a minute before the
    /// window is dropped; a known minute is replaced, since CloudWatch corrects its newest datapoints.
    pub fn put(&mut self, minute: i64, sample: Sample) {
        let end = self.first + self.samples.len() as i64;
        if self.samples.is_empty() || minute >= end + self.capacity as i64 {
            self.samples.clear();
            self.reads.clear();
            self.first = minute;
        } else if minute < self.first {
            return;
        } else if minute < end {
            let at = (minute - self.first) as usize;
            self.samples[at] = Packed::of(&sample);
            self.put_reads(at, sample.reads);
            return;
        }
        while self.first + (self.samples.len() as i64) < minute {
            self.samples.push_back(Packed::of(&Sample::default()));
        }
        self.samples.push_back(Packed::of(&sample));
        self.put_reads(self.samples.len() - 1, sample.reads);
        while self.samples.len() > self.capacity {
            self.samples.pop_front();
            self.reads.pop_front();
            self.first += 1;
        }
    }

    fn put_reads(&mut self, at: usize, reads: Reads) {
        if at >= self.reads.len() && reads == Reads::default() {
            return;
        }
        self.reads.resize(self.reads.len().max(at + 1), Reads::default());
        self.reads[at] = reads;
    }

    /// The sample of a minute; an unknown one is all gaps.
    pub fn at(&self, minute: i64) -> Sample {
        let Ok(index) = usize::try_from(minute - self.first) else { return Sample::default() };
        let reads = self.reads.get(index).copied().unwrap_or_default();
        self.samples.get(index).map_or_else(Sample::default, |packed| packed.sample(reads))
    }

    /// The newest minute that is in the window.
    pub fn newest(&self) -> Option<i64> {
        (!self.samples.is_empty()).then(|| self.first + self.samples.len() as i64 - 1)
    }

    /// The oldest minute that is in the window.
    pub fn oldest(&self) -> Option<i64> {
        (!self.samples.is_empty()).then_some(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(accepted: f64) -> Sample {
        Sample { accepted: Some(accepted), ..Sample::default() }
    }

    #[test]
    fn gaps_stay_gaps_and_old_minutes_leave() {
        let mut window = Window::new(3);
        assert_eq!((window.oldest(), window.newest()), (None, None));
        window.put(10, load(1.0));
        window.put(12, load(3.0));
        assert_eq!((window.at(10), window.at(11), window.at(12)), (load(1.0), Sample::default(), load(3.0)));
        window.put(11, load(2.0));
        window.put(9, load(9.0));
        window.put(13, load(4.0));
        assert_eq!((window.oldest(), window.newest(), window.at(11)), (Some(11), Some(13), load(2.0)));
        window.put(1000, load(5.0));
        assert_eq!((window.oldest(), window.newest()), (Some(1000), Some(1000)));
    }
}
