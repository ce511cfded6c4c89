//! Reads long pasts beside the ticks, so that no decision waits for what fortnights take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::course::{Beat, Course, Patience};
use super::metrics::{self, Past};
use super::turns::Wanted;
use crate::cloud::Cloud;

/// The decisions of a tick wait so long for pasts that it began to read: short gaps, and clouds that answer at once, come within it.
const HELD: Duration = Duration::from_secs(5);

/// By cloud, the pasts of its streams, and what failed for other reasons than that time was up.
pub type Learned = Vec<(BTreeMap<String, Past>, Vec<String>)>;

/// A reading of pasts, which may outlast the tick that began it.
#[derive(Default)]
pub struct Learning {
    task: Option<JoinHandle<Learned>>,
    /// Whether a tick waits for all of it.
    is_whole: bool,
}

impl Learning {
    /// For somebody who waits for all.
    pub fn whole() -> Self {
        Self { task: None, is_whole: true }
    }

    /// Whether one has begun that has not been taken in: those of which it tells are not asked for again.
    pub fn is_under_way(&self) -> bool {
        self.task.is_some()
    }

    /// Begins to read what is wanted of each cloud, up to minute `to` of each; nothing where nothing is.
    pub fn begin(&mut self, clouds: &[Arc<dyn Cloud>], wanted: Vec<Wanted>, to: Vec<i64>, how: (Patience, &Beat)) {
        if self.is_under_way() || wanted.iter().all(Wanted::is_empty) {
            return;
        }
        let clouds = clouds.to_vec();
        let (patience, beat) = how;
        // It has the time until the next tick as well, where nobody waits for it.
        let all = if self.is_whole { patience.all } else { patience.all * 2 };
        let course = Course::new(Patience { all, ..patience }, beat);
        self.task = Some(tokio::spawn(async move {
            let (clouds, wanted, to, course) = (&clouds, &wanted, &to, &course);
            let all = (0..clouds.len()).map(|at| async move {
                let (pasts, failed) = metrics::pasts(&*clouds[at], &wanted[at], to[at], course).await;
                let told = failed.into_iter().filter(|_| !course.is_over());
                (pasts, told.map(|why| format!("{why}: the past of some streams is still to be read")).collect())
            });
            join_all(all).await
        }));
    }

    /// What was read, once all of it is there. `began`: when this tick did.
    pub async fn come(&mut self, began: Instant) -> Learned {
        let Some(task) = &mut self.task else { return Learned::new() };
        let done = if self.is_whole { Ok(task.await) } else { tokio::time::timeout_at(began + HELD, task).await };
        match done {
            // It goes on.
            Err(_) => Learned::new(),
            Ok(learned) => {
                self.task = None;
                // Of one that panicked everything is still to be read.
                learned.unwrap_or_default()
            }
        }
    }

    /// What is read is of streams that others have kept since.
    pub fn forget(&mut self) {
        self.task.take().iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        self.forget();
    }
}
