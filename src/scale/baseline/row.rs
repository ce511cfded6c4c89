use crate::scale::{Bounds, Proposal, View};

/// How a peer is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Row {
    /// With its own defaults and bounds.
    Shipped,
    /// With its own rule, within the bounds of the spec.
    #[default]
    Spec,
    /// Within the bounds of the spec, thresholds and windows moved.
    Tuned(Tuning),
}

/// What tuning may move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Added to the threshold of growing, as a fraction of a shard's limit.
    pub high: f64,
    /// Added to the threshold of shrinking.
    pub low: f64,
    /// Factor on the lengths of windows.
    pub windows: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { high: 0.0, low: 0.0, windows: 1.0 }
    }
}

impl Tuning {
    /// The small grid: thresholds ten points up and down, windows half and twice as long.
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for windows in [0.5, 1.0, 2.0] {
            for high in [-0.1, 0.0, 0.1] {
                grid.extend([-0.1, 0.0, 0.1].map(|low| Self { high, low, windows }));
            }
        }
        grid
    }

    /// A window's length in periods or minutes, at least one.
    pub fn window(&self, length: usize) -> usize {
        // Windows are at most some thousands of minutes.
        ((length as f64 * self.windows).round() as usize).max(1)
    }
}

impl Row {
    pub fn tuning(self) -> Tuning {
        match self {
            Self::Tuned(tuning) => tuning,
            Self::Shipped | Self::Spec => Tuning::default(),
        }
    }

    /// The bounds that hold: the peer's own as shipped, otherwise those of the spec. Peers clamp a decision; none raises
    /// a stream that sits below its minimum.
    pub fn bounds(self, shipped: Bounds, view: &View<'_>) -> Bounds {
        if self == Self::Shipped { shipped } else { view.bounds }
    }
}

/// No bound at all.
pub const NO_BOUNDS: Bounds = Bounds { min: 1, max: 10_000 };

pub fn clamp(shards: u32, bounds: Bounds) -> u32 {
    shards.clamp(bounds.min, bounds.max.max(bounds.min))
}

/// `n` times a factor, rounded down or up. The small excess keeps `1.1 * 10` at 11.
pub fn times(shards: u32, factor: f64, up: bool) -> u32 {
    let product = f64::from(shards) * factor;
    // Counts are far below 2^32; a float above saturates.
    if up { (product - 1e-9).ceil() as u32 } else { (product + 1e-9).floor() as u32 }
}

pub fn hold(view: &View<'_>, because: &str) -> Proposal {
    Proposal::new(view.shards, because)
}
