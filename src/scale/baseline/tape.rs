use crate::scale::{Sample, View};

/// Minutes between a minute and the first in which a program sees its metrics: it ends, and its datapoint arrives two
/// minutes later.
pub const HORIZON: i64 = 3;

/// Reads the window minute by minute, so that a policy takes each one once.
#[derive(Debug, Default)]
pub struct Tape {
    next: Option<i64>,
}

impl Tape {
    /// The minutes that have become visible since the last call, gaps included.
    pub fn take<'a>(&mut self, view: &'a View<'_>) -> impl Iterator<Item = Sample> + use<'a> {
        let newest = view.now - HORIZON;
        let first = self.next.or(view.window.oldest()).unwrap_or(newest + 1);
        if view.window.oldest().is_some() {
            self.next = Some(newest + 1);
        }
        (first..=newest).map(|minute| view.window.at(minute))
    }
}

/// The mean of the accepted load over the newest `minutes` visible minutes; `None` where no datapoint is among them.
pub fn mean(view: &View<'_>, minutes: i64) -> Option<f64> {
    let newest = view.now - HORIZON;
    let (mut sum, mut count) = (0.0, 0.0);
    for load in (newest - minutes + 1..=newest).filter_map(|minute| view.window.at(minute).accepted) {
        sum += load;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}
