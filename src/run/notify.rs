//! Tells people: an SNS topic or a webhook. A bounded queue stands between, so that nobody's slow server holds up a decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::aws::Aws;
use crate::aws::http::Post;
use crate::cloud::Fault;
use crate::control::news::News;

/// Messages that wait; more are dropped and counted.
const QUEUE: usize = 256;
/// Attempts for one message and target.
const ATTEMPTS: u32 = 4;
/// Doubles from attempt to attempt.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Who is told.
pub enum Recipient {
    /// The ARN of a topic, and the client of its region.
    Topic { arn: String, aws: Arc<Aws> },
    /// An address that takes a POST with JSON. It is a secret, and never told.
    Webhook(Post),
}

/// The sending end. Dropped, it lets what waits be sent.
pub struct Notifier {
    queue: mpsc::Sender<News>,
    dropped: Arc<AtomicU64>,
    sending: tokio::task::JoinHandle<()>,
}

impl Notifier {
    /// Starts to tell them.
    pub fn start(recipients: Vec<Recipient>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<News>(QUEUE);
        let sending = tokio::spawn(async move {
            while let Some(news) = waiting.recv().await {
                futures::future::join_all(recipients.iter().map(|recipient| recipient.tell(&news))).await;
            }
        });
        Self { queue, dropped: Arc::default(), sending }
    }

    /// Puts a message into the queue, or drops it where that is full.
    pub fn offer(&self, news: News) {
        if self.queue.try_send(news).is_err() {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(dropped, "a notification was dropped, since {QUEUE} are waiting");
        }
    }

    /// Lets what waits be sent, for so long at most.
    pub async fn end(self, at_most: Duration) {
        let Self { queue, sending, .. } = self;
        drop(queue);
        if tokio::time::timeout(at_most, sending).await.is_err() {
            tracing::warn!("notifications that were still waiting are not sent");
        }
    }
}

impl Recipient {
    async fn tell(&self, news: &News) {
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            match self.send(news).await {
                Ok(()) => return,
                Err(fault) if attempt == ATTEMPTS => {
                    tracing::warn!(%fault, event = news.event, "a notification could not be sent");
                }
                Err(fault) => {
                    tracing::debug!(%fault, attempt, "a notification is sent again");
                    tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    wait *= 2;
                }
            }
        }
    }

    async fn send(&self, news: &News) -> Result<(), Fault> {
        match self {
            Self::Topic { arn, aws } => aws.publish(arn, &news.subject, &news.text).await,
            // `text` alone is what Slack, Mattermost and Google Chat show.
            Self::Webhook(post) => post.send(&serde_json::to_vec(news).unwrap_or_default()).await,
        }
    }
}
