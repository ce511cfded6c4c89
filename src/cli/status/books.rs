//! What the controller wrote down, beside what one look finds: a look is not the controller.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::ledger::Place;
use super::super::{Common, Exit, Failure, Out, fleet};
use super::From;
use crate::cloud::Class;
use crate::control::report::FORMAT;
use crate::control::{Decision, Entry, Key, LEARNING, Record, Report, hand};
use crate::run::{MISSING, minute};

/// Seconds after which a ledger in which nothing was written makes one wonder: some ticks.
const SILENT: i64 = 300;

/// What matters of a ledger.
#[derive(Default)]
pub struct Books {
    /// The date of the newest entry, seconds since 1970.
    written_at: Option<i64>,
    decided: BTreeMap<Arc<Key>, Decision>,
    /// Why nothing is known of it.
    pub unread: Option<Unread>,
}

/// A ledger that could not be read.
pub struct Unread {
    /// There is none: a controller may keep its books elsewhere.
    is_missing: bool,
    why: String,
    help: Option<String>,
}

impl Unread {
    pub fn of(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => Self {
                is_missing: fault.code == MISSING || fault.class == Class::Absent,
                why: fault.to_string(),
                help: fault.help,
            },
            Failure::Refused { what, help } | Failure::Unusable { what, help } => {
                Self { is_missing: false, why: what, help: Some(help) }
            }
            Failure::Problems { .. } => Self { is_missing: false, why: "the spec has mistakes".into(), help: None },
            Failure::Other(error) => Self { is_missing: false, why: format!("{error:#}"), help: None },
        }
    }

    pub fn tell(&self, place: &Place, out: &Out) {
        out.error(&format!("warning: {}", self.warning(place)));
        self.help.iter().for_each(|help| out.error(&format!("help: {help}")));
    }

    /// What is told in place of the ledger's words: who acts is not known from here.
    fn warning(&self, place: &Place) -> String {
        let what = match self.is_missing {
            true => format!("there is no ledger {place} here ({})", self.why),
            false => format!("the ledger {place} cannot be read ({})", self.why),
        };
        format!("{what}: this is a look without it, and whether a controller runs is not known from here")
    }
}

impl Books {
    pub fn take(&mut self, entry: &Entry) {
        let at = match &entry.record {
            Record::Decided { decision } => decision.at,
            record => minute(record) * 60,
        };
        self.written_at = self.written_at.max(Some(at));
        if let Record::Decided { decision } = &entry.record
            // What is about a function is told with the function, and of metrics a look knows whether they are on.
            && decision.is_of_count()
        {
            self.decided.insert(Arc::clone(&entry.key), (**decision).clone());
        }
    }

    /// What the controller decided last for a stream.
    pub fn newest(&self, key: &Key) -> Option<&Decision> {
        self.decided.get(key)
    }

    /// How many of so many streams the controller holds until it has learned them, in a sentence, if there are any.
    pub fn learning(&self, streams: usize) -> Option<String> {
        let learning = self.decided.values().filter(|decision| decision.reason == LEARNING).count();
        let (word, their) = if streams == 1 { ("stream", "its") } else { ("streams", "their") };
        let held = format!("the controller holds {learning} of {streams} {word} until it has read {their} past");
        (learning > 0)
            .then(|| format!("{held}, some twenty a minute: until then they grow in an emergency and are not shrunk"))
    }

    /// Whose words these are, by the cloud's clock.
    pub fn head(&self, place: &Place, now: i64, out: &Out) {
        if let Some(unread) = &self.unread {
            return unread.tell(place, out);
        }
        let Some(at) = self.written_at else {
            let ledger = match place {
                Place::Nowhere => "without a ledger nobody knows what a controller did".to_owned(),
                _ => format!("no controller has written anything into {place} yet"),
            };
            return out.error(&format!("warning: {ledger}: this is a look"));
        };
        let ago = (now - at).max(0);
        let held = match place.is_held() {
            Some(true) => "; a controller runs with it",
            Some(false) => "; no controller runs with it on this machine",
            None => "",
        };
        out.line(&format!(
            "{place}: last written by the controller at {} ({} min ago){held}",
            hand::stamp(at),
            ago / 60
        ));
        if place.is_held() != Some(true) && ago > SILENT {
            out.error("warning: a controller writes with each minute of traffic: this one may not be running");
        }
    }

    /// A look as a program is told of it: without what only a controller knows of itself.
    pub fn look(&self, report: &Report, place: &Place) -> Value {
        // A report is plain data: it always has a JSON form.
        let mut value = serde_json::to_value(report).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            for own in ["dry_run", "tick_seconds", "ticks", "drift", "leases"] {
                fields.remove(own);
            }
        }
        let streams = value["streams"].as_array_mut().into_iter().flatten();
        for condition in streams.flat_map(|stream| stream["conditions"].as_array_mut().into_iter().flatten()) {
            condition["since"] = Value::Null;
        }
        value["ledger"] = self.told(place);
        value
    }

    fn told(&self, place: &Place) -> Value {
        let decided = |(key, decision): (&Arc<Key>, &Decision)| {
            // So is a decision.
            let mut value = serde_json::to_value(decision).unwrap_or_default();
            value["pipeline"] = key.pipeline.as_str().into();
            value["stream"] = key.stream.as_str().into();
            value
        };
        let decisions: Vec<Value> = self.decided.iter().map(decided).collect();
        json!({
            "place": place.to_string(),
            "written_at": self.written_at,
            "is_held": place.is_held(),
            "unread": self.unread.as_ref().map(|unread| unread.warning(place)),
            "decisions": decisions,
        })
    }

    /// What the ledger says where the look failed.
    pub async fn alone(common: &Common, from: &From, failure: Failure, out: &Out) -> Result<Exit, Failure> {
        let mut books = Self::default();
        let read = from.ledger.peek(common, &[], &mut |entry| books.take(&entry)).await;
        if read.is_err() || books.written_at.is_none() {
            return Err(failure);
        }
        failure.tell(out);
        if from.json {
            let told = json!({ "format_version": FORMAT, "ledger": books.told(&from.ledger), "streams": [] });
            out.line(&told.to_string());
            return Ok(Exit::Error);
        }
        let at = books.written_at.map(hand::stamp).unwrap_or_default();
        out.line(&format!("the streams could not be looked at; {}, last written at {at}, says:", from.ledger));
        books.decided.iter().for_each(|(key, decision)| out.line(&fleet::line(key, decision)));
        Ok(Exit::Error)
    }
}
