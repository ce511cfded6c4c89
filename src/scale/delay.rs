/// What is thought of a stream's metrics at first, in minutes.
const FIRST: f64 = 3.0;
/// The ages that are believed.
const RANGE: (f64, f64) = (1.0, 10.0);
/// How far one look moves it: an hour without metrics is no sign that they will always come so late.
const FOLLOW: f64 = 0.005;

/// How old metrics are when they are looked at, learned from every look.
#[derive(Clone, Copy, Debug)]
pub struct Delay(f64);

impl Default for Delay {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Delay {
    /// The newest known minute was so many minutes ago.
    pub fn saw(&mut self, minutes: i64) {
        self.0 = (self.0 + FOLLOW * (minutes as f64 - self.0).clamp(-1.0, 1.0)).clamp(RANGE.0, RANGE.1);
    }

    /// In whole minutes.
    pub fn minutes(&self) -> i64 {
        self.0.round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_lasts_and_no_gap() {
        let mut delay = Delay::default();
        (3..63).for_each(|age| delay.saw(age));
        assert_eq!(delay.minutes(), 3);
        (0..2880).for_each(|_| delay.saw(5));
        assert_eq!(delay.minutes(), 5);
        (0..100_000).for_each(|_| delay.saw(600));
        assert_eq!(delay.minutes(), 10);
        (0..100_000).for_each(|_| delay.saw(-600));
        assert_eq!(delay.minutes(), 1);
    }
}
