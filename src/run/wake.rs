//! Wake-up by alarm: what the queue tells goes to the next decision at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Fence;
use crate::aws::Aws;
use crate::kinds::queue;

/// Names that wait for the next tick; more alarms than that are in DescribeAlarms anyway.
const MOST: usize = 10_000;
/// Doubles while the queue does not answer, up to…
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the queues told since the last tick.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<Ears>>);

#[derive(Debug, Default)]
struct Ears {
    alarms: BTreeSet<String>,
    /// Why a queue cannot be read, by its name.
    deaf: BTreeMap<String, String>,
}

impl Heard {
    /// Notes alarms by their names in AWS.
    pub fn note(&self, names: impl IntoIterator<Item = String>) {
        let mut ears = self.ears();
        for name in names {
            if ears.alarms.len() < MOST {
                ears.alarms.insert(name);
            }
        }
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all of them.
    pub fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.ears().alarms)
    }

    /// Why queues cannot be read now, in sentences.
    pub fn deaf(&self) -> Vec<String> {
        self.ears().deaf.values().cloned().collect()
    }
}

/// Listens to a queue for as long as it is polled. `wake` is told of each alarm. A message is one replica's: only the one that acts, by
/// its `fence`, takes it.
pub async fn listen(aws: Arc<Aws>, name: String, heard: Heard, wake: Arc<Notify>, fence: Fence) {
    let (mut wait, mut address) = (FIRST_WAIT, None);
    loop {
        if !fence() {
            heard.ears().deaf.remove(&name);
            tokio::time::sleep(FIRST_WAIT).await;
            continue;
        }
        let answer = match &address {
            None => queue::url(&aws, &name).await.map(|url| {
                address = Some(url);
                Vec::new()
            }),
            Some(url) => aws.alarms_heard(url).await,
        };
        match answer {
            Ok(names) => {
                wait = FIRST_WAIT;
                heard.ears().deaf.remove(&name);
                if !names.is_empty() {
                    tracing::info!(?names, queue = name, "alarms went off");
                    heard.note(names);
                    wake.notify_one();
                }
            }
            Err(fault) => {
                let why = format!("{fault}: alarms are seen with each tick, and not at once");
                heard.ears().deaf.insert(name.clone(), why);
                tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
