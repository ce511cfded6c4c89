//! The random numbers of the judge's numeric library, so that a coarse trace becomes the same demand here and there:
//! PCG64 (O'Neill 2014, XSL-RR 128/64) seeded by mixing, normals by a ziggurat of 256 layers (Marsaglia and Tsang 2000,
//! Doornik 2005), gammas by squeezing (Marsaglia and Tsang 2000). Equal to the last digits of a float.

/// The multiplier of the 128-bit congruential generator.
const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
/// Where the tail of the ziggurat begins, and the area of each layer.
const TAIL: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_974_655;
const LAYERS: usize = 256;
/// Fractions of a layer are told in 52 bits.
const FRACTIONS: f64 = 4_503_599_627_370_496.0;

/// A stream of random numbers.
pub struct Generator {
    state: u128,
    increment: u128,
    ziggurat: Box<Ziggurat>,
}

/// Layers from the bottom up: below `inside` a fraction is accepted at once.
struct Ziggurat {
    inside: [u64; LAYERS],
    width: [f64; LAYERS],
    height: [f64; LAYERS],
}

impl Ziggurat {
    fn new() -> Self {
        let mut layers = Self { inside: [0; LAYERS], width: [0.0; LAYERS], height: [0.0; LAYERS] };
        let density = |x: f64| (-0.5 * x * x).exp();
        let top = LAYERS - 1;
        // Fractions are below 2^52 and positive.
        let fraction = |part: f64| (part * FRACTIONS) as u64;
        let mut edge = TAIL;
        (layers.width[top], layers.height[top]) = (edge / FRACTIONS, density(edge));
        layers.inside[0] = fraction(edge * layers.height[top] / AREA);
        (layers.width[0], layers.height[0]) = (AREA / layers.height[top] / FRACTIONS, 1.0);
        for layer in (1..top).rev() {
            let x = (-2.0 * (AREA / edge + layers.height[layer + 1]).ln()).sqrt();
            layers.inside[layer + 1] = fraction(x / edge);
            (layers.width[layer], layers.height[layer]) = (x / FRACTIONS, density(x));
            edge = x;
        }
        layers
    }
}

/// 256 bits from a seed: a pool of four words, each mixed into each other one.
fn spread(seed: u64) -> [u64; 4] {
    let mut constant = 0x43B0_D7E5u32;
    let mut hash = move |value: u32| {
        let mut value = value ^ constant;
        constant = constant.wrapping_mul(0x931E_8875);
        value = value.wrapping_mul(constant);
        value ^ (value >> 16)
    };
    // The seed's low word, its high word, and nothing.
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hash);
    for from in 0..4 {
        for to in (0..4).filter(|to| *to != from) {
            let hashed = hash(pool[from]);
            let mixed = 0xCA01_F9DDu32.wrapping_mul(pool[to]).wrapping_sub(0x4973_F715u32.wrapping_mul(hashed));
            pool[to] = mixed ^ (mixed >> 16);
        }
    }
    let mut constant = 0x8B51_F9DDu32;
    let mut word = |at: usize| {
        let mut value = pool[at % 4] ^ constant;
        constant = constant.wrapping_mul(0x58F3_8DED);
        value = value.wrapping_mul(constant);
        u64::from(value ^ (value >> 16))
    };
    [0, 2, 4, 6].map(|at| word(at) | word(at + 1) << 32)
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        let [a, b, c, d] = spread(seed).map(u128::from);
        let increment = (c << 64 | d) << 1 | 1;
        let mut new = Self { state: 0, increment, ziggurat: Box::new(Ziggurat::new()) };
        new.step();
        new.state = new.state.wrapping_add(a << 64 | b);
        new.step();
        new
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    fn bits(&mut self) -> u64 {
        self.step();
        // The halves folded, turned by the top six bits.
        ((self.state >> 64) as u64 ^ self.state as u64).rotate_right((self.state >> 122) as u32)
    }

    /// 0 to 1, exclusive.
    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Mean 0, variance 1.
    fn normal(&mut self) -> f64 {
        loop {
            let bits = self.bits();
            let layer = (bits & 0xFF) as usize;
            let (negative, fraction) = (bits >> 8 & 1 == 1, bits >> 9 & 0x000F_FFFF_FFFF_FFFF);
            let sign = if negative { -1.0 } else { 1.0 };
            let x = sign * (fraction as f64 * self.ziggurat.width[layer]);
            if fraction < self.ziggurat.inside[layer] {
                return x;
            }
            if layer == 0 {
                return self.tail(fraction >> 8 & 1 == 1);
            }
            let (low, high) = (self.ziggurat.height[layer], self.ziggurat.height[layer - 1]);
            if (high - low) * self.uniform() + low < (-0.5 * x * x).exp() {
                return x;
            }
        }
    }

    fn tail(&mut self, negative: bool) -> f64 {
        loop {
            let x = -(-self.uniform()).ln_1p() / TAIL;
            let y = -(-self.uniform()).ln_1p();
            if y + y > x * x {
                return if negative { -(TAIL + x) } else { TAIL + x };
            }
        }
    }

    /// Gamma of this shape (above 1) and scale 1.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let b = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * b).sqrt();
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let (v, u) = (v * v * v, self.uniform());
            if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + b * (1.0 - v + v.ln()) {
                return b * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // From numpy 2: `default_rng(7)`, its raw bits, and `gamma(100, 0.01)`.
    const BITS: [u64; 3] = [11_530_976_094_092_348_043, 16_550_673_365_885_938_325, 14_308_875_409_591_826_786];
    const GAMMAS: [f64; 5] =
        [0.9967894818500425, 0.9695483498159557, 0.9519610279403968, 1.0026830602062344, 0.9483312513503552];

    #[test]
    fn numbers_are_those_of_the_library() {
        let mut generator = Generator::new(7);
        let bits: Vec<u64> = (0..3).map(|_| generator.bits()).collect();
        assert_eq!(bits, BITS);
        let mut generator = Generator::new(7);
        for wanted in GAMMAS {
            let found = generator.gamma(1.0 / 0.1f64.powi(2)) * 0.1f64.powi(2);
            assert!((found / wanted - 1.0).abs() < 1e-14, "{found} {wanted}");
        }
    }

    #[test]
    fn moments_are_right_far_into_the_tail() {
        let mut generator = Generator::new(3);
        let values: Vec<f64> = (0..400_000).map(|_| generator.normal()).collect();
        let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / values.len() as f64;
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0).abs() < 0.01 && (moment(4) - 3.0).abs() < 0.05);
        // 0.026 % of normals lie in the tail.
        let tail = values.iter().filter(|value| value.abs() > TAIL).count();
        assert!((60..160).contains(&tail), "{tail}");
    }
}
