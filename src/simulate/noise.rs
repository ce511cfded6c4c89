use super::plant::unit;
use crate::local::traffic::mix;

/// Seeded random numbers: the same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Noise {
    seed: u64,
    drawn: u64,
}

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// 0 to 1, exclusive.
    pub fn uniform(&mut self) -> f64 {
        self.drawn += 1;
        unit(mix(self.seed, self.drawn))
    }

    /// Mean 0, variance 1 (polar method).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Mean 1 and never negative, with this coefficient of variation (at most 1; Marsaglia and Tsang, 2000).
    pub fn gamma(&mut self, variation: f64) -> f64 {
        let shape = 1.0 / (variation * variation);
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = self.uniform();
            if v > 0.0 && u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
                return d * v / shape;
            }
        }
    }

    /// Exponential with this mean.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right() {
        let mut noise = Noise::new(3);
        let moments = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            (mean, variance.sqrt())
        };
        let near =
            |(mean, spread): (f64, f64), (m, s): (f64, f64)| (mean - m).abs() < 0.01 && (spread - s).abs() < 0.01;
        assert!(near(moments((0..100_000).map(|_| noise.normal()).collect()), (0.0, 1.0)));
        assert!(near(moments((0..100_000).map(|_| noise.gamma(0.1)).collect()), (1.0, 0.1)));
        assert!(near(moments((0..100_000).map(|_| noise.wait(0.5)).collect()), (0.5, 0.5)));
    }
}
