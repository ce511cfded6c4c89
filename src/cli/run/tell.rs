//! What a run tells: one line for each thing that happened, and messages to people who do not read the log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::{Common, Failure, Out, fleet};
use super::Args;
use super::leases::{Hands, Leases};
use crate::aws::http::Post;
use crate::control::news::{self, News, Watchman};
use crate::control::{Decision, DriftStatus, Fleet, Key, Troubles, Verb, hand};
use crate::run::{Notifier, Recipient, Told, locked};

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Topic {
    Resizes,
    Problems,
    Drift,
}

/// Tells what happens, one line each.
pub struct Teller<'a> {
    pub json: bool,
    pub quiet: bool,
    pub out: &'a Out,
    pub voice: Option<&'a Voice>,
    /// Troubles that were told.
    pub troubles: Mutex<Troubles>,
    /// Who holds each lease, as it was told.
    pub leases: Mutex<Leases>,
}

/// What goes to people who do not read the log.
pub struct Voice {
    pub notifier: Notifier,
    topics: Vec<news::Topic>,
    watchman: Mutex<Watchman>,
}

impl Voice {
    /// Nobody is told where nobody is named.
    pub async fn open(common: &Common, args: &Args) -> Result<Option<Self>, Failure> {
        let mut recipients = Vec::new();
        for target in args.notify.iter().filter(|target| !target.is_empty()) {
            recipients.push(match target.split(':').nth(3).filter(|_| target.starts_with("arn:")) {
                Some(region) => {
                    let aws = Arc::new(common.own_aws(Some(region.to_owned())).await?);
                    Recipient::Topic { arn: target.clone(), aws }
                }
                None => Recipient::Webhook(Post::new(target)?),
            });
        }
        let topic = |topic: &Topic| match topic {
            Topic::Resizes => news::Topic::Resizes,
            Topic::Problems => news::Topic::Problems,
            Topic::Drift => news::Topic::Drift,
        };
        let topics = args.notify_on.iter().map(topic).collect();
        let open = |recipients| Self { notifier: Notifier::start(recipients), topics, watchman: Mutex::default() };
        Ok((!recipients.is_empty()).then(|| open(recipients)))
    }

    fn tell(&self, news: impl IntoIterator<Item = News>) {
        news.into_iter().filter(|news| self.topics.contains(&news.topic)).for_each(|news| self.notifier.offer(&news));
    }

    /// Counts what did not reach somebody; where that is more than before, why: once for each recipient.
    fn untold(&self, fleet: &mut Fleet) -> Vec<String> {
        let now = self.notifier.untold();
        fleet.ticks.notifications_failed = now.failed;
        fleet.ticks.notifications_dropped = now.dropped;
        now.whys
    }
}

impl Teller<'_> {
    fn json(&self, event: &str, at: i64, mut value: serde_json::Value) {
        value["event"] = event.into();
        value["time"] = hand::stamp(at).into();
        self.out.line(&value.to_string());
    }

    pub fn started(&self, streams: usize, args: &Args, port: Option<std::net::SocketAddr>, now: i64) {
        if self.json {
            let ledger = args.ledger.to_string();
            let mut told = serde_json::json!({ "streams": streams, "dry_run": args.dry_run, "ledger": ledger });
            if let Some(port) = port {
                told["listen"] = port.to_string().into();
            }
            return self.json("started", now, told);
        }
        let dry = if args.dry_run { ", dry run: nothing is changed" } else { "" };
        self.out.note(&format!(
            "{}  watching {streams} {}{dry}",
            hand::stamp(now),
            if streams == 1 { "stream" } else { "streams" }
        ));
        if let Some(port) = port {
            self.out.note(&format!("{}  the page: http://{port}/", hand::stamp(now)));
        }
    }

    /// The specs were read again; what they ask for now starts next.
    pub fn reread(&self, now: i64) {
        if self.json {
            return self.json("reread", now, serde_json::json!({}));
        }
        self.out.note(&format!("{}  the specs were read again", hand::stamp(now)));
    }

    /// Messages that wait, or fail while there is no time left.
    pub fn undelivered(&self, count: u64, now: i64) {
        let what = if count == 1 { "notification was" } else { "notifications were" };
        if count > 0 {
            let why = "no recipient took them in time";
            self.trouble(&format!("{count} {what} not delivered before the end: {why}"), now);
        }
    }

    /// `unwritten`: pipelines whose last tick is not in the ledger.
    pub fn stopped(&self, asked: bool, unwritten: &BTreeSet<String>, now: i64) {
        if self.json {
            return self.json("stopped", now, serde_json::json!({ "asked": asked, "unwritten": unwritten }));
        }
        let names = || unwritten.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let books = match unwritten.len() {
            0 => "the ledger is written".to_owned(),
            _ => format!("the last tick of {} could not be written into the ledger, as told above", names()),
        };
        self.out.note(&format!("{}  stopped; {books}", hand::stamp(now)));
    }

    /// What a tick has left behind.
    pub fn look(&self, fleet: &Mutex<Fleet>) {
        self.over(fleet);
        self.leases(fleet);
        let Some(voice) = self.voice else { return };
        let mut watchman = voice.watchman.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fleet = locked(fleet);
        voice.tell(watchman.look(&fleet));
        let (untold, now) = (voice.untold(&mut fleet), fleet.now);
        drop(fleet);
        untold.iter().for_each(|why| self.trouble(why, now));
    }

    /// Tells which replica acts, where that is another than before.
    fn leases(&self, fleet: &Mutex<Fleet>) {
        let fleet = locked(fleet);
        let (leases, at) = (fleet.leases.clone(), fleet.now);
        drop(fleet);
        for Hands { is, holder, pipelines } in self.leases.lock().unwrap_or_else(PoisonError::into_inner).news(&leases)
        {
            if self.json {
                let told = serde_json::json!({ "is": is.slug(), "holder": holder, "pipelines": pipelines });
                self.json("lease", at, told);
            } else {
                self.out.line(&format!("{}  {}", hand::stamp(at), is.sentence(&holder, &pipelines)));
            }
        }
    }

    /// Tells of the troubles that a tick met no more.
    fn over(&self, fleet: &Mutex<Fleet>) {
        let fleet = locked(fleet);
        let (troubles, at) = (fleet.troubles.clone(), fleet.now);
        drop(fleet);
        for message in self.troubles.lock().unwrap_or_else(PoisonError::into_inner).over(&troubles, at) {
            if self.json {
                self.json("trouble-over", at, serde_json::json!({ "message": message }));
            } else {
                self.out.line(&format!("{}  trouble is over; it was: {message}", hand::stamp(at)));
            }
        }
    }

    pub fn tell(&self, told: &Told) {
        if let Some(voice) = self.voice {
            voice.tell(match told {
                Told::Decision { key, decision } => news::of_decision(key, decision),
                Told::Drift(drift) => news::of_drift(drift),
                // Told with what the tick has left behind.
                Told::Trouble { .. } => None,
            });
        }
        match told {
            Told::Decision { key, decision } => self.decision(key, decision),
            Told::Drift(drift) if self.json => {
                self.json("drift", drift.at, serde_json::to_value(drift).unwrap_or_default());
            }
            Told::Drift(drift) => self.drift(drift),
            Told::Trouble { at, message } => self.trouble(message, *at),
        }
    }

    fn trouble(&self, message: &str, at: i64) {
        if !self.troubles.lock().unwrap_or_else(PoisonError::into_inner).is_news(message, at) {
            return;
        }
        if self.json {
            return self.json("trouble", at, serde_json::json!({ "message": message }));
        }
        self.out.line(&format!("{}  trouble: {message}", hand::stamp(at)));
    }

    fn decision(&self, key: &Key, decision: &Decision) {
        if self.json {
            // A decision is plain data: it always has a JSON form.
            let mut value = serde_json::to_value(decision).unwrap_or_default();
            value["pipeline"] = key.pipeline.as_str().into();
            value["stream"] = key.stream.as_str().into();
            return self.json("decision", decision.at, value);
        }
        // That it is under way was told by the resize itself.
        let idle = decision.verb == Verb::Hold && (self.quiet || decision.reason == "resharding");
        if !idle {
            self.out.line(&fleet::line(key, decision));
        }
    }

    fn drift(&self, drift: &DriftStatus) {
        let mut words = vec![drift.what()];
        words.extend((drift.done > 0).then(|| format!("{} put right", drift.done)));
        words.extend((drift.failed > 0).then(|| format!("{} failed", drift.failed)));
        words.extend((drift.left > 0).then(|| left(drift)));
        words.extend(drift.trouble.clone());
        self.out.line(&format!("{}  {}  drift: {}", hand::stamp(drift.at), drift.pipeline, words.join(", ")));
    }
}

/// The names that are told of so many.
pub(super) fn and_more(told: &[String], all: usize) -> String {
    let names = told.join(", ");
    match all.saturating_sub(told.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// What is left of the differences, and what lets it be put right.
fn left(drift: &DriftStatus) -> String {
    let names = and_more(&drift.left_of, drift.left_resources);
    let paused = match drift.paused {
        0 => None,
        all if all == drift.left => Some("paused until `tidegate resume`".to_owned()),
        some => Some(format!("{some} paused until `tidegate resume`")),
    };
    let off = (drift.off > 0).then(|| "see --apply, --heal, --prune".to_owned());
    let why: Vec<String> = paused.into_iter().chain(off).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
    format!("{} left{why}: {names}", drift.left)
}
