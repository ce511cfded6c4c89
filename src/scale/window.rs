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
    samples: VecDeque<Packed<3>>,
    /// Reads of the same minutes; empty until some are known.
    reads: VecDeque<Packed<2>>,
    capacity: usize,
}

/// Minutes for which room is made at once. Doubling would take up to twice as much as is needed, and thousands of streams
/// have a window.
const ROOM: usize = 24;

/// Values of a minute in little room: NaN is no datapoint.
#[derive(Clone, Copy, Debug)]
struct Packed<const N: usize>([f64; N]);

impl<const N: usize> PartialEq for Packed<N> {
    fn eq(&self, other: &Self) -> bool {
        let bits = |packed: &Self| packed.0.map(f64::to_bits);
        bits(self) == bits(other)
    }
}

impl<const N: usize> Packed<N> {
    const NOTHING: Self = Self([f64::NAN; N]);

    fn of(values: [Option<f64>; N]) -> Self {
        Self(values.map(|value| value.unwrap_or(f64::NAN)))
    }

    fn values(self) -> [Option<f64>; N] {
        self.0.map(|value| (!value.is_nan()).then_some(value))
    }

    fn push(self, onto: &mut VecDeque<Self>) {
        if onto.len() == onto.capacity() {
            // Long windows are those of simulated streams, where room is no matter.
            onto.reserve_exact(ROOM.max(onto.len() / 8));
        }
        onto.push_back(self);
    }
}

impl Sample {
    fn packed(&self) -> Packed<3> {
        Packed::of([self.accepted, self.rejected, self.age])
    }
}

impl Window {
    /// An empty window of at most `capacity` minutes.
    pub fn new(capacity: usize) -> Self {
        Self { first: 0, samples: VecDeque::new(), reads: VecDeque::new(), capacity: capacity.max(1) }
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
            self.samples[at] = sample.packed();
            self.put_reads(at, sample.reads);
            return;
        }
        while self.first + (self.samples.len() as i64) < minute {
            self.push(Packed::NOTHING);
        }
        self.push(sample.packed());
        self.put_reads(self.samples.len() - 1, sample.reads);
    }

    fn push(&mut self, packed: Packed<3>) {
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
            self.reads.pop_front();
            self.first += 1;
        }
        packed.push(&mut self.samples);
    }

    fn put_reads(&mut self, at: usize, reads: Reads) {
        if at >= self.reads.len() && reads == Reads::default() {
            return;
        }
        while self.reads.len() <= at {
            Packed::NOTHING.push(&mut self.reads);
        }
        self.reads[at] = Packed::of([reads.shared, reads.fan_out]);
    }

    /// The sample of a minute; an unknown one is all gaps.
    pub fn at(&self, minute: i64) -> Sample {
        let Ok(index) = usize::try_from(minute - self.first) else { return Sample::default() };
        let Some(sample) = self.samples.get(index) else { return Sample::default() };
        let [accepted, rejected, age] = sample.values();
        let [shared, fan_out] = self.reads.get(index).copied().unwrap_or(Packed::NOTHING).values();
        Sample { accepted, rejected, age, reads: Reads { shared, fan_out } }
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
