//! Tells people: an SNS topic or a webhook. A bounded queue stands before each, so that nobody's slow server holds up a decision,
//! nor what others are told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::aws::Aws;
use crate::aws::http::Post;
use crate::cloud::Fault;
use crate::control::news::News;

/// Messages that wait for one recipient; more are dropped and counted.
const QUEUE: usize = 256;
/// Attempts for one message and target.
const ATTEMPTS: u32 = 4;
/// The first wait between two attempts; it doubles from attempt to attempt.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Who is told.
pub enum Recipient {
    /// The ARN of a topic, and the client of its region.
    Topic { arn: String, aws: Arc<Aws> },
    /// An address that takes a POST with JSON. It is a secret, and nothing but its host is told.
    Webhook(Post),
}

/// The sending end. Dropped, it lets what waits be sent.
pub struct Notifier {
    lanes: Mutex<Vec<Lane>>,
    tally: Arc<Tally>,
}

/// One recipient's queue.
struct Lane {
    who: Who,
    queue: mpsc::Sender<News>,
    sending: tokio::task::JoinHandle<()>,
}

/// What was not told.
#[derive(Debug, Default)]
struct Tally {
    failed: AtomicU64,
    dropped: AtomicU64,
    /// Offered, and neither taken nor given up.
    waiting: AtomicU64,
    /// Why the newest did not reach each of the recipients, where that was not asked for yet.
    newest: Mutex<BTreeMap<usize, String>>,
}

/// A recipient among the others.
#[derive(Clone, Copy)]
struct Who {
    at: usize,
    all: usize,
}

/// Messages that did not reach somebody since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// Given up after all attempts.
    pub failed: u64,
    /// Not even tried, since too many were waiting.
    pub dropped: u64,
    /// Why the newest did not, for each recipient that missed some since this was asked last.
    pub whys: Vec<String>,
}

impl std::fmt::Display for Who {
    /// Which one it is, where there are several: two of them may be of one host.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // In one word with its number: numbers alone make no other trouble.
        if self.all > 1 { write!(out, " (--notify no.{})", self.at + 1) } else { Ok(()) }
    }
}

impl Notifier {
    /// Starts to tell them.
    pub fn start(recipients: Vec<Recipient>) -> Self {
        Self::waiting(recipients, FIRST_WAIT)
    }

    /// The same with another first wait between two attempts.
    fn waiting(recipients: Vec<Recipient>, first_wait: Duration) -> Self {
        let tally: Arc<Tally> = Arc::default();
        let all = recipients.len();
        let lane = |(at, recipient): (usize, Recipient)| {
            let who = Who { at, all };
            let (queue, mut waiting) = mpsc::channel::<News>(QUEUE);
            let tally = Arc::clone(&tally);
            let sending = tokio::spawn(async move {
                while let Some(news) = waiting.recv().await {
                    if let Err(fault) = recipient.tell(&news, first_wait).await {
                        tracing::warn!(%fault, event = news.event, "a notification could not be sent");
                        tally.failed.fetch_add(1, Ordering::Relaxed);
                        tally.note(who, format!("a notification could not be sent{who}: {fault}"));
                    }
                    tally.waiting.fetch_sub(1, Ordering::Relaxed);
                }
            });
            Lane { who, queue, sending }
        };
        Self { lanes: Mutex::new(recipients.into_iter().enumerate().map(lane).collect()), tally }
    }

    /// Puts a message into each queue, or drops it where that is full.
    pub fn offer(&self, news: &News) {
        for lane in self.lanes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // Before it is there for the other end.
            self.tally.waiting.fetch_add(1, Ordering::Relaxed);
            if lane.queue.try_send(news.clone()).is_err() {
                self.tally.waiting.fetch_sub(1, Ordering::Relaxed);
                self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                let who = lane.who;
                let why = format!("a notification was dropped{who}, since {QUEUE} are waiting for their recipient");
                self.tally.note(who, why);
            }
        }
    }

    /// What did not reach somebody so far. Each reason is answered once.
    pub fn untold(&self) -> Untold {
        let tally = &self.tally;
        Untold {
            failed: tally.failed.load(Ordering::Relaxed),
            dropped: tally.dropped.load(Ordering::Relaxed),
            whys: std::mem::take(&mut *tally.newest.lock().unwrap_or_else(PoisonError::into_inner))
                .into_values()
                .collect(),
        }
    }

    /// Lets what waits be sent, for so long at most. Answers how many messages were not taken since: nobody will count them any more.
    pub async fn end(&self, at_most: Duration) -> u64 {
        let failed = || self.tally.failed.load(Ordering::Relaxed);
        let before = failed();
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        let sending = lanes.into_iter().map(|Lane { queue, sending, .. }| {
            drop(queue);
            sending
        });
        if tokio::time::timeout(at_most, futures::future::join_all(sending)).await.is_err() {
            tracing::warn!("notifications that were still waiting are not sent");
        }
        failed() - before + self.tally.waiting.load(Ordering::Relaxed)
    }
}

impl Tally {
    fn note(&self, who: Who, why: String) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).insert(who.at, why);
    }
}

impl Recipient {
    async fn tell(&self, news: &News, first_wait: Duration) -> Result<(), Fault> {
        let mut wait = first_wait;
        for attempt in 1..ATTEMPTS {
            let Err(fault) = self.send(news).await else { return Ok(()) };
            tracing::debug!(%fault, attempt, "a notification is sent again");
            tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            wait *= 2;
        }
        self.send(news).await
    }

    async fn send(&self, news: &News) -> Result<(), Fault> {
        match self {
            Self::Topic { arn, aws } => aws.publish(arn, &news.subject, &news.text).await,
            // `text` alone is what Slack, Mattermost and Google Chat show.
            Self::Webhook(post) => post.send(&serde_json::to_vec(news).unwrap_or_default()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::control::news::{FORMAT, Topic};

    /// A webhook that answers each message so, after it has been told to go on.
    fn hook(status: &'static str, go_on: impl Fn() + Send + 'static) -> Recipient {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        // The thread ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream): Result<TcpStream, _> = stream else { return };
                let mut seen = Vec::new();
                let mut piece = [0; 1024];
                // The body is the end of it.
                while !seen.ends_with(b"}") {
                    match stream.read(&mut piece) {
                        Ok(read) if read > 0 => seen.extend_from_slice(&piece[..read]),
                        _ => break,
                    }
                }
                go_on();
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Recipient::Webhook(Post::new(&format!("http://127.0.0.1:{port}/secret")).expect("an address"))
    }

    fn news() -> News {
        let (event, subject, text) = ("trouble".to_owned(), "a test".to_owned(), "a test".to_owned());
        News {
            format_version: FORMAT,
            topic: Topic::Problems,
            event,
            at: 0,
            pipeline: None,
            stream: None,
            subject,
            text,
        }
    }

    #[tokio::test]
    async fn who_does_not_take_a_message_is_counted() {
        let notifier =
            Notifier::waiting(vec![hook("503 Busy", || ()), hook("200 OK", || ())], Duration::from_millis(1));
        (0..3).for_each(|_| notifier.offer(&news()));
        let tally = Arc::clone(&notifier.tally);
        assert_eq!(notifier.end(Duration::from_secs(60)).await, 3);
        assert_eq!((tally.failed.load(Ordering::Relaxed), tally.dropped.load(Ordering::Relaxed)), (3, 0));
        let why: Vec<String> = tally.newest.lock().unwrap().values().cloned().collect();
        assert!(why.len() == 1 && why[0].contains("it answered 503") && !why[0].contains("secret"), "{why:?}");
        assert!(why[0].contains("(--notify no.1): telling the webhook at 127.0.0.1:"), "{why:?}");
    }

    #[tokio::test]
    async fn each_recipient_that_fails_is_told_of() {
        let failing = vec![hook("503 Busy", || ()), hook("404 Gone", || ())];
        let notifier = Notifier::waiting(failing, Duration::from_millis(1));
        notifier.offer(&news());
        notifier.end(Duration::from_secs(60)).await;
        let whys = notifier.untold().whys;
        // As the log tells them: what lasts is told once an hour, and these are two.
        let mut troubles = crate::control::Troubles::repeating();
        assert!(whys.len() == 2 && whys.iter().all(|why| troubles.is_news(why, 0)), "{whys:?}");
        assert!(whys[1].contains("(--notify no.2)") && whys[1].contains("it answered 404"), "{whys:?}");
        assert!(notifier.untold().whys.is_empty(), "each is told once");
        let alone = Notifier::waiting(vec![hook("503 Busy", || ())], Duration::from_millis(1));
        alone.offer(&news());
        alone.end(Duration::from_secs(60)).await;
        assert!(alone.untold().whys[0].starts_with("a notification could not be sent: telling the webhook at "));
    }

    #[tokio::test]
    async fn who_is_slow_delays_nobody_else() {
        let (heard, all) = std::sync::mpsc::channel();
        // The slow one takes its first message once the other has all of them.
        let slow = hook("200 OK", {
            let all = Mutex::new(Some(all));
            move || {
                if let Some(all) = all.lock().unwrap().take() {
                    (0..3).for_each(|_| all.recv().expect("the other one hears all"));
                }
            }
        });
        let quick = hook("200 OK", move || heard.send(()).unwrap_or_default());
        let notifier = Notifier::waiting(vec![slow, quick], Duration::from_millis(1));
        (0..3).for_each(|_| notifier.offer(&news()));
        let tally = Arc::clone(&notifier.tally);
        notifier.end(Duration::from_secs(60)).await;
        assert_eq!(tally.failed.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_has_no_room_is_dropped_and_counted() {
        let (_never, open) = std::sync::mpsc::channel::<()>();
        let open = Mutex::new(open);
        let notifier = Notifier::start(vec![hook("200 OK", move || open.lock().unwrap().recv().unwrap_or_default())]);
        // Nothing runs between: one thread, and no wait.
        (0..QUEUE + 5).for_each(|_| notifier.offer(&news()));
        let untold = notifier.untold();
        assert_eq!((untold.dropped, untold.failed), (5, 0));
        assert!(untold.whys.iter().any(|why| why.contains("dropped")));
        // The recipient takes none: what waits at the end is counted as well.
        assert_eq!(notifier.end(Duration::from_millis(50)).await, QUEUE as u64);
    }
}
