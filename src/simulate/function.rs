//! A Lambda function that reads a simulated stream, and its parallelization factor.

use crate::model::PARALLELIZATION;
use crate::scale::View;
use crate::scale::lambda::{CALM, Change, Factors, Reader};

/// Minutes of ages that a decision looks back on, and those that metrics are late.
const MINUTES: usize = CALM as usize + 30;
/// Minutes until a changed factor is in effect (a model: AWS publishes no figure).
const UPDATE: i64 = 1;

/// Records of one shard that a function gets done in a second for each step of its parallelization factor, where nobody says: too few
/// at factor 1 for a shard that is half full.
pub const LAMBDA_PACE: f64 = 400.0;

/// A Lambda function that reads, as the spec and the user describe it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lambda {
    /// Records of one shard that it gets done in a second for each step of its factor.
    pub pace: f64,
    pub factors: Factors,
}

impl Lambda {
    /// Whoever does not know of factors leaves it at the lowest.
    #[must_use]
    pub fn untuned(self) -> Self {
        Self { factors: Factors { max: self.factors.min, ..self.factors }, ..self }
    }
}

/// The function between two minutes.
#[derive(Debug)]
pub(super) struct Function {
    /// Records of one shard that it gets done in a second for each step of its factor.
    pace: f64,
    factors: Factors,
    factor: u32,
    /// The factor that comes, and when.
    next: Option<(i64, u32)>,
    changes: Vec<Change>,
    ages: Vec<(i64, f64)>,
}

impl Function {
    /// `pace`: records of one shard that it gets done in a second for each step of its factor. It begins at the lowest of `factors`,
    /// and without them stays at 1, AWS's default.
    pub fn new(pace: f64, factors: Option<Factors>) -> Self {
        let first = *PARALLELIZATION.start();
        let factors = factors.unwrap_or(Factors { min: first, max: first });
        Self { pace, factors, factor: factors.min, next: None, changes: Vec::new(), ages: Vec::new() }
    }

    /// Records of one shard that it gets done in a second of this minute.
    pub fn pace(&mut self, now: i64) -> f64 {
        if let Some((_, factor)) = self.next.take_if(|(at, _)| *at <= now) {
            self.factor = factor;
        }
        self.pace * f64::from(self.factor)
    }

    /// What was changed, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Takes in an iterator age (in minutes) that has become visible.
    pub fn saw(&mut self, minute: i64, age: Option<f64>) {
        self.ages.extend(age.map(|age| (minute, age)));
        self.ages.drain(..self.ages.len().saturating_sub(MINUTES));
    }

    /// Decides, and changes the factor. `refused`: the shards refused reads. Answers whether no shard is to be bought for lag.
    pub fn tune(&mut self, view: &View<'_>, refused: bool) -> bool {
        if self.next.is_some() {
            return true;
        }
        let Self { factor, factors, ages, changes, .. } = self;
        let tuning = Reader { factor: *factor, factors: *factors, ages, changes, refused }.tune(view);
        if tuning.factor != *factor {
            changes.push(Change { at: view.now, from: *factor, to: tuning.factor, load: tuning.numbers.load });
            self.next = Some((view.now + UPDATE, tuning.factor));
        }
        tuning.spares_shards
    }
}
