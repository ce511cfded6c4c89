//! A small AWS over HTTP for figures of scale: streams, keys, roles and alarms in memory, with AWS's published rates for each operation if
//! wanted. It plays what reading, planning and creating need and nothing else: an operation that it does not know is an error.
//! Emulators take some hundred requests a second; this takes tens of thousands.

mod cloudwatch;
mod iam;
mod kinesis;
mod kms;
mod rates;
mod wire;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-west-1";

type Tags = BTreeMap<String, String>;
/// An answer, or an error's code and message.
type Answer = Result<Value, (&'static str, String)>;

/// How the double behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Published rates times this; `None` for no limits.
    pub rates: Option<u32>,
    /// How long a new stream is CREATING. Five at a time may be.
    pub creating: Duration,
}

#[derive(Default)]
struct World {
    streams: BTreeMap<String, kinesis::Stream>,
    keys: BTreeMap<String, kms::Key>,
    aliases: BTreeMap<String, String>,
    roles: BTreeMap<String, iam::Role>,
    alarms: BTreeMap<String, cloudwatch::Alarm>,
}

/// A running double.
pub struct Double {
    world: Mutex<World>,
    manners: Mutex<Manners>,
    buckets: Mutex<BTreeMap<String, DefaultDirectRateLimiter>>,
    /// Calls by operation, and how many of them were refused for their rate.
    calls: Mutex<BTreeMap<String, (u64, u64)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Double {
    pub fn new(manners: Manners) -> Arc<Self> {
        let (world, buckets, calls) = Default::default();
        Arc::new(Self { world, manners: Mutex::new(manners), buckets, calls })
    }

    /// Serves on a port of its own until the runtime ends; answers its address.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{address}"))
    }

    /// From now on. Full buckets, and counts from nothing.
    pub fn behave(&self, manners: Manners) {
        *locked(&self.manners) = manners;
        locked(&self.buckets).clear();
        locked(&self.calls).clear();
    }

    /// Calls since then by operation, and how many of them were refused for their rate.
    pub fn calls(&self) -> BTreeMap<String, (u64, u64)> {
        locked(&self.calls).clone()
    }

    /// Whether the operation's rate allows one more.
    fn admits(&self, operation: &str) -> bool {
        let Some(factor) = locked(&self.manners).rates else { return true };
        let mut buckets = locked(&self.buckets);
        let bucket = buckets.entry(operation.to_owned()).or_insert_with(|| {
            let rate = NonZeroU32::new(rates::of(operation) * factor).expect("a rate");
            RateLimiter::direct(Quota::per_second(rate))
        });
        bucket.check().is_ok()
    }

    fn play(&self, operation: &str, input: &Value) -> Answer {
        let creating = locked(&self.manners).creating;
        let mut world = locked(&self.world);
        match operation.split_once(':').unwrap_or_default() {
            ("kinesis", name) => kinesis::play(&mut world, name, input, creating),
            ("kms", name) => kms::play(&mut world, name, input),
            ("iam", name) => iam::play(&mut world, name, input),
            ("cloudwatch", name) => cloudwatch::play(&mut world, name, input),
            ("tag", "GetResources") => tagged(&world, input),
            ("sts", "GetCallerIdentity") => {
                Ok(json!({ "Account": ACCOUNT, "Arn": format!("arn:aws:iam::{ACCOUNT}:root"), "UserId": ACCOUNT }))
            }
            // Of everything else there is nothing.
            ("firehose", "ListDeliveryStreams") => {
                Ok(json!({ "DeliveryStreamNames": [], "HasMoreDeliveryStreams": false }))
            }
            ("ec2", "DescribeVpcEndpoints" | "DescribeSecurityGroups") => Ok(json!({})),
            ("sqs", "GetQueueUrl") => Err(("QueueDoesNotExist", "there is no queue".into())),
            ("events", _) => Err(("ResourceNotFoundException", "there is no rule".into())),
            ("logs", "DescribeLogGroups") => Ok(json!({ "logGroups": [] })),
            _ => unknown(operation),
        }
    }
}

async fn answer(State(double): State<Arc<Double>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    // For drivers in another process: `/double?rates=10&creating=2000` behaves so, `/double` tells the calls.
    if uri.path() == "/double" {
        if let Some(query) = uri.query() {
            let number = |name| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse().ok());
            let creating = Duration::from_millis(number("creating=").unwrap_or(0).into());
            double.behave(Manners { rates: number("rates="), creating });
        }
        return json!(double.calls()).to_string().into_response();
    }
    let Some(ask) = wire::read(uri.path(), &headers, &body) else {
        return (StatusCode::NOT_FOUND, "this double does not play that service").into_response();
    };
    let admitted = double.admits(&ask.operation);
    let mut calls = locked(&double.calls);
    let count = calls.entry(ask.operation.clone()).or_default();
    *count = (count.0 + 1, count.1 + u64::from(!admitted));
    drop(calls);
    if !admitted {
        return wire::write(&ask, Err(("ThrottlingException", "Rate exceeded".into())));
    }
    wire::write(&ask, double.play(&ask.operation, &ask.input))
}

fn unknown(operation: &str) -> Answer {
    Err(("UnknownOperationException", format!("the double does not play {operation}")))
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

/// `[{"Key": …, "Value": …}]`, with the names that the service uses.
fn tags_in(input: &Value, [key, value]: [&str; 2]) -> Tags {
    let list = input.as_array().into_iter().flatten();
    list.map(|tag| (text(tag, key).to_owned(), text(tag, value).to_owned())).collect()
}

fn tags_out(tags: &Tags, [key, value]: [&str; 2]) -> Value {
    tags.iter().map(|(name, text)| json!({ key: name, value: text })).collect()
}

fn arn(service: &str, what: &str) -> String {
    let region = if service == "iam" { "" } else { REGION };
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{what}")
}

/// Pages of 100, as AWS makes them. Roles are not among them.
fn tagged(world: &World, input: &Value) -> Answer {
    let filters: Vec<(&str, &str)> = input["TagFilters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|filter| (text(filter, "Key"), filter["Values"][0].as_str().unwrap_or_default()))
        .collect();
    let kinds = &input["ResourceTypeFilters"];
    let wants = |kind: &str| kinds.as_array().is_none_or(|kinds| kinds.iter().any(|wanted| *wanted == kind));
    let streams = world
        .streams
        .iter()
        .map(|(name, stream)| ("kinesis:stream", arn("kinesis", &format!("stream/{name}")), &stream.tags));
    let keys = world.keys.iter().map(|(id, key)| ("kms:key", arn("kms", &format!("key/{id}")), &key.tags));
    let alarms = world
        .alarms
        .iter()
        .map(|(name, alarm)| ("cloudwatch:alarm", arn("cloudwatch", &format!("alarm:{name}")), &alarm.tags));
    let fits = |tags: &Tags| filters.iter().all(|(key, value)| tags.get(*key).map(String::as_str) == Some(value));
    let all = streams.chain(keys).chain(alarms).filter(|(kind, _, tags)| wants(kind) && fits(tags));
    let from: usize = text(input, "PaginationToken").parse().unwrap_or(0);
    let page: Vec<Value> = all
        .skip(from)
        .take(101)
        .map(|(_, arn, tags)| json!({ "ResourceARN": arn, "Tags": tags_out(tags, ["Key", "Value"]) }))
        .collect();
    let token = if page.len() > 100 { (from + 100).to_string() } else { String::new() };
    Ok(json!({ "PaginationToken": token, "ResourceTagMappingList": &page[..page.len().min(100)] }))
}

/// Whether a moment has come.
fn past(at: Instant) -> bool {
    Instant::now() >= at
}
