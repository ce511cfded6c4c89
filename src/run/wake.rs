//! Wake-up by alarm: what the queue tells goes to the next decision at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::aws::Aws;
use crate::kinds::queue;

/// Names that wait for the next tick; more alarms than that are in DescribeAlarms anyway.
const MOST: usize = 10_000;
/// Doubles while the queue does not answer, up to…
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Alarms that the queue told of since the last tick.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl Heard {
    /// Notes alarms by their names in AWS.
    pub fn note(&self, names: impl IntoIterator<Item = String>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if held.len() < MOST {
                held.insert(name);
            }
        }
    }

    /// Takes all of them.
    pub fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listens to a queue for as long as it is polled. `wake` is told of each alarm.
pub async fn listen(aws: Arc<Aws>, name: String, heard: Heard, wake: Arc<Notify>) {
    let (mut wait, mut address) = (FIRST_WAIT, None);
    loop {
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
                if !names.is_empty() {
                    tracing::info!(?names, queue = name, "alarms went off");
                    heard.note(names);
                    wake.notify_one();
                }
            }
            Err(fault) => {
                tracing::warn!(%fault, "the wake-up queue cannot be read; alarms are still seen with each tick");
                tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
