//! A traffic trace of any regular grid from 1 to 60 minutes, brought to one minute and to a wanted level.

use super::demand::{BYTE_ORDER_MARK, Demand, FILL, Mistake, believable, minute_of};
use super::generator::Generator;
use super::sums::percentile;

/// Spread from minute to minute inside a coarser grid, as a fraction of the level. A straight line would be smoother than
/// any traffic.
const SPREAD: f64 = 0.1;
/// Up to this grid a value stands for its whole cell; above, the level runs from cell to cell.
const FLAT_MINUTES: usize = 5;
const COARSEST: i64 = 60;
/// Ten years of minutes.
const MOST_MINUTES: usize = 5_300_000;

/// Values on a regular grid, as they stand in a file `timestamp,value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Minutes since 1970 of the first value.
    pub start: i64,
    /// Minutes between values.
    pub step: usize,
    /// Events or bytes in each interval.
    pub values: Vec<f64>,
}

impl Trace {
    /// Reads `timestamp,value`, with or without a header line.
    ///
    /// # Errors
    /// The first line that cannot be read, or that is not on the grid of the first two.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let (mut start, mut step, mut values) = (0, 1, Vec::new());
        for (at, line) in text.trim_start_matches(BYTE_ORDER_MARK).lines().enumerate() {
            let is_header = || at == 0 && line.split_once(',').is_none_or(|(time, _)| minute_of(time, 1).is_err());
            if line.trim().is_empty() || is_header() {
                continue;
            }
            let number = at + 1;
            let (time, value) = line
                .split_once(',')
                .ok_or_else(|| Mistake::new(number, "a trace has two columns, timestamp and value"))?;
            let minute = minute_of(time, number)?;
            let value: f64 =
                value.trim().parse().map_err(|_| Mistake::new(number, format!("`{value}` is no number")))?;
            if !value.is_finite() || value < 0.0 {
                return Err(Mistake::new(number, format!("{value} cannot be a load")));
            }
            match values.len() {
                0 => start = minute,
                1 => step = minute - start,
                count => {
                    let due = start + step * count as i64;
                    if minute != due {
                        let what = format!("not on the grid of {step} min: {} min off; {FILL}", minute - due);
                        return Err(Mistake::new(number, what));
                    }
                }
            }
            values.push(value);
            if !(1..=COARSEST).contains(&step) {
                return Err(Mistake::new(number, format!("a grid of {step} min; 1 to {COARSEST} can be used")));
            }
            if values.len() as i64 * step > MOST_MINUTES as i64 {
                return Err(Mistake::new(number, format!("more than {MOST_MINUTES} minutes")));
            }
        }
        if values.is_empty() {
            return Err(Mistake::new(1, "no value"));
        }
        // The step is 1 to 60.
        Ok(Self { start, step: step.unsigned_abs() as usize, values })
    }

    /// One-minute values at the trace's own level. Coarser grids get a seeded spread.
    pub fn minutes(&self, seed: u64) -> Vec<f64> {
        if self.step == 1 {
            return self.values.clone();
        }
        let rates: Vec<f64> = self.values.iter().map(|value| value / self.step as f64).collect();
        let (mut noise, shape) = (Generator::new(seed), 1.0 / SPREAD.powi(2));
        let level = |minute: usize| {
            if self.step <= FLAT_MINUTES { rates[minute / self.step] } else { between(&rates, minute, self.step) }
        };
        let spread = |minute: usize| level(minute) * ((1.0 / shape) * noise.gamma(shape));
        (0..rates.len() * self.step).map(spread).collect()
    }

    /// Whether less than a hundredth of it has any load: then there is nothing to scale by.
    pub fn is_idle(&self) -> bool {
        percentile(&self.values, 0.99) <= 0.0
    }

    /// The demand whose 99th percentile minute fills `n99` shards.
    ///
    /// # Errors
    /// A trace without load in a hundredth of its minutes cannot be scaled.
    pub fn scaled(&self, n99: f64, seed: u64) -> Result<Demand, Mistake> {
        let minutes = self.minutes(seed);
        let level = percentile(&minutes, 0.99);
        if level <= 0.0 {
            return Err(Mistake::new(1, "the 99th percentile is 0, so there is nothing to scale by"));
        }
        let factor = n99 / level;
        let load = minutes.into_iter().map(|value| believable(value * factor)).collect::<Result<_, _>>();
        let load = load.map_err(|what| Mistake::new(1, format!("{what}; a value stands out too far")))?;
        Ok(Demand { start: self.start, load, bytes_per_record: 1024.0 })
    }
}

/// The level of a minute on the line between the centres of cells.
fn between(rates: &[f64], minute: usize, step: usize) -> f64 {
    let centre = |cell: usize| (cell as f64 + 0.5) * step as f64;
    let (at, last) = (minute as f64 + 0.5, rates.len() - 1);
    if at <= centre(0) || last == 0 {
        return rates[0];
    }
    if at >= centre(last) {
        return rates[last];
    }
    // Whole halves of a cell: minutes of its first half lie behind the centre of the cell before.
    let low = if at < centre(minute / step) { minute / step - 1 } else { minute / step };
    let slope = (rates[low + 1] - rates[low]) / (centre(low + 1) - centre(low));
    slope * (at - centre(low)) + rates[low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_trace_is_scaled_exactly() {
        let mut text = String::from("timestamp,value\n");
        for minute in 0..100 {
            text.push_str(&format!("1970-01-01T{:02}:{:02}:00Z,{minute}\n", minute / 60, minute % 60));
        }
        let demand = Trace::parse(&text).unwrap().scaled(4.0, 7).unwrap();
        assert_eq!((demand.start, demand.load.len()), (0, 100));
        assert_eq!(percentile(&demand.load, 0.99), 4.0);
    }

    #[test]
    fn coarse_grids_keep_their_sum_and_are_not_smooth() {
        let values: Vec<f64> = (0..200).map(|at| 100.0 + 50.0 * (f64::from(at) / 8.0).sin()).collect();
        for step in [5, 30] {
            let trace = Trace { start: 0, step, values: values.clone() };
            let minutes = trace.minutes(7);
            assert_eq!(minutes, trace.minutes(7));
            let (whole, all): (f64, f64) = (values.iter().sum(), minutes.iter().sum());
            assert!((all / whole - 1.0).abs() < 0.02, "{step}: {all} of {whole}");
            let jumps = minutes.windows(2).filter(|pair| (pair[1] / pair[0] - 1.0).abs() > 0.05).count();
            assert!(jumps > minutes.len() / 3);
        }
    }

    #[test]
    fn a_header_or_none_and_what_spreadsheets_write_first() {
        let rows = "1970-01-01T00:00:00Z,1\n1970-01-01T00:01:00Z,2\n";
        for text in [rows.to_owned(), format!("\u{feff}timestamp,value\n{rows}"), format!("when,what\n{rows}")] {
            assert_eq!(Trace::parse(&text).unwrap().values, [1.0, 2.0], "{text}");
        }
        let idle = Trace { start: 0, step: 1, values: vec![0.0; 1000] };
        assert!(idle.is_idle());
        let spike = Trace { values: [vec![1.0; 999], vec![1e9]].concat(), ..idle };
        assert!(!spike.is_idle() && spike.scaled(40.0, 7).unwrap_err().to_string().contains("no stream has more"));
    }

    #[test]
    fn mistakes_name_their_line() {
        let of = |rows: &str| Trace::parse(&format!("timestamp,value\n{rows}")).unwrap_err().to_string();
        assert!(of("").contains("no value"));
        assert!(of("1970-01-01T00:00:00Z 5").starts_with("line 2: a trace has two columns"));
        assert!(of("1970-01-01T00:00:00Z,1\n1970-01-01T00:05:00Z,1\n1970-01-01T00:11:00Z,1\n").contains("1 min off"));
        assert!(of("1970-01-01T00:00:00Z,1\n1970-01-03T00:00:00Z,1\n").contains("a grid of 2880 min"));
    }
}
