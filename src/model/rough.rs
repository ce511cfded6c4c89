/// An amount from 0 up in two bytes, or that none is known: the upper half of a number in single precision, exact within a percent. Days
/// and weeks of ten thousand streams fit into memory by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rough(u16);

impl Rough {
    /// Its bits are above those of every amount, and read as no number.
    pub const UNKNOWN: Self = Self(u16::MAX);

    /// Rounded up, within 0.8 %, so that what is read is never less than what was needed. What is no number is 0.
    pub fn above(value: f64) -> Self {
        Self::cut(value, 0xFFFF)
    }

    /// Rounded to the nearest, within 0.4 %. What is no number is not known, and no amount is above 1e30.
    pub fn near(value: f64) -> Self {
        if value.is_nan() { Self::UNKNOWN } else { Self::cut(value.min(1e30), 0x8000) }
    }

    fn cut(value: f64, carry: u32) -> Self {
        let value = if value > 0.0 { value as f32 } else { 0.0 };
        Self((value.to_bits().saturating_add(carry) >> 16) as u16)
    }

    /// What it was, or `None` where nothing was known.
    pub fn value(self) -> Option<f32> {
        let value = f32::from_bits(u32::from(self.0) << 16);
        (!value.is_nan()).then_some(value)
    }

    /// The larger of the two, or the one that is known.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        // The bits of amounts are in the order of the amounts.
        let is_known = self != Self::UNKNOWN && other != Self::UNKNOWN;
        Self(if is_known { self.0.max(other.0) } else { self.0.min(other.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_known_is_no_amount() {
        assert_eq!(
            [Rough::UNKNOWN, Rough::near(f64::NAN), Rough::above(f64::NAN)].map(Rough::value),
            [None, None, Some(0.0)]
        );
        assert_eq!([-1.0, -0.0, 0.0].map(Rough::near), [Rough(0); 3]);
        let one = Rough::near(1.0);
        assert_eq!([one.or_more(Rough::UNKNOWN), Rough::UNKNOWN.or_more(one), one.or_more(Rough(0))], [one; 3]);
        assert_eq!(Rough::UNKNOWN.or_more(Rough::UNKNOWN), Rough::UNKNOWN);
        assert!(
            [Rough::above(f64::INFINITY), Rough::near(f64::INFINITY)].iter().all(|much| much.value() >= Some(9e29))
        );
    }

    proptest! {
        #[test]
        fn amounts_are_nearly_what_they_were(amount in 1e-6f64..1e12, other in 1e-6f64..1e12) {
            let read = |rough: Rough| f64::from(rough.value().unwrap());
            // Single precision itself loses less than a millionth.
            prop_assert!((0.999_999..1.008).contains(&(read(Rough::above(amount)) / amount)));
            prop_assert!((0.996..1.004).contains(&(read(Rough::near(amount)) / amount)));
            prop_assert_eq!(Rough::near(amount).or_more(Rough::near(other)), Rough::near(amount.max(other)));
        }
    }
}
