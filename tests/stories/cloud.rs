//! The clouds that stories are played on, and somebody who changes them by hand.
//!
//! Each run has an account of its own: the emulators take an access key id of twelve digits for the account, so that
//! stories share a server and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate::kinds::SCHEMAS;
use tidegate::local::{Local, Options};
use tidegate::model::units::Span;
use tidegate::model::{Attrs, Value};

use crate::support::emulators;
use crate::support::hand::{Hand, Service, readable};

pub struct Cloud {
    pub name: &'static str,
    pub account: String,
    file: PathBuf,
    endpoints: BTreeMap<&'static str, String>,
}

impl Cloud {
    pub fn named(name: &str) -> Self {
        let all = |name: &'static str, endpoints: &[(&'static str, &str)]| Self {
            name,
            account: String::new(),
            file: PathBuf::new(),
            endpoints: endpoints.iter().map(|(key, url)| (*key, (*url).to_owned())).collect(),
        };
        let base = || ("AWS_ENDPOINT_URL", emulators::ministack().url.as_str());
        match name {
            "local" => all("local", &[]),
            "ministack" => all("ministack", &[base()]),
            "kinesis-local" => {
                all("kinesis-local", &[base(), ("AWS_ENDPOINT_URL_KINESIS", &emulators::kinesis_local().url)])
            }
            "moto-ec2" => all("moto-ec2", &[base(), ("AWS_ENDPOINT_URL_EC2", &emulators::moto().url)]),
            _ => panic!("`{name}` is no cloud; there are local, ministack, kinesis-local and moto-ec2"),
        }
    }

    /// A new account, empty.
    pub fn begin(&mut self, folder: &Path) {
        static NEXT: AtomicU64 = AtomicU64::new(700_000_000_001);
        let is_local = self.endpoints.is_empty();
        self.account =
            if is_local { Options::default().account } else { NEXT.fetch_add(1, Ordering::Relaxed).to_string() };
        self.file = folder.join("cloud.json");
    }

    /// The environment that makes the program talk to this cloud and to nothing else.
    pub fn env(&self) -> Vec<(String, String)> {
        let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        if self.endpoints.is_empty() {
            return vec![own("TIDEGATE_CLOUD", "local:cloud.json")];
        }
        let mut env: Vec<_> = self.endpoints.iter().map(|(key, url)| own(key, url)).collect();
        env.push(own("AWS_REGION", emulators::REGION));
        env.push(own("AWS_ACCESS_KEY_ID", &self.account));
        env.push(own("AWS_SECRET_ACCESS_KEY", emulators::ACCESS_KEY));
        env.push(own("AWS_CONFIG_FILE", "/dev/null"));
        env.push(own("AWS_EC2_METADATA_DISABLED", "true"));
        env
    }

    fn local(&self) -> Result<Local, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let options = Options { region: emulators::REGION.into(), ..Options::default() };
        Local::open(&self.file, SCHEMAS, options, now as i64).map_err(|fault| fault.to_string())
    }

    /// `stream NAME create SHARDS|onDemand`, `stream NAME delete`, `stream NAME FIELD VALUE`,
    /// `stream NAME tag KEY VALUE`, `stream NAME untag KEY`, `stream NAME consumer CONSUMER`,
    /// `stream NAME readable ACCOUNT`, `key ALIAS create`.
    pub fn by_hand(&self, words: &[&str]) -> Result<(), String> {
        if self.endpoints.is_empty() {
            return by_hand_locally(&self.local()?, words);
        }
        let endpoint = |own: &str| self.endpoints.get(own).or_else(|| self.endpoints.get("AWS_ENDPOINT_URL")).cloned();
        let service = match words.first() {
            Some(&"key") => Service::Kms,
            _ => Service::Kinesis,
        };
        let url = match service {
            Service::Kms => endpoint("AWS_ENDPOINT_URL_KMS"),
            Service::Kinesis => endpoint("AWS_ENDPOINT_URL_KINESIS"),
        };
        Hand::new(&url.unwrap_or_default(), &self.account).does(words)
    }

    /// Lets time pass.
    pub fn later(&self, time: &str) -> Result<(), String> {
        if !self.endpoints.is_empty() {
            return Err("only the local cloud can make time pass".into());
        }
        let span: Span = time.parse()?;
        self.local()?.advance(Duration::from_secs(span.seconds()));
        Ok(())
    }
}

fn by_hand_locally(local: &Local, words: &[&str]) -> Result<(), String> {
    let done = match words {
        ["stream", name, "create", "onDemand"] => local.put("stream", name, Attrs::new()),
        ["stream", name, "create", shards] => {
            let shards: i64 = shards.parse().map_err(|_| "how many shards?")?;
            local.put("stream", name, Attrs::from([("shards".to_owned(), Value::Int(shards))]))
        }
        ["key", alias, "create"] => local.put("key", alias, Attrs::from([("alias".to_owned(), Value::text(*alias))])),
        ["stream", name, "consumer", consumer] => {
            let attrs = [("stream", *name), ("name", *consumer)];
            let attrs = attrs.into_iter().map(|(key, value)| (key.to_owned(), Value::text(value)));
            local.put("consumer", &format!("{name}/{consumer}"), attrs.collect())
        }
        ["stream", name, "readable", account] => {
            let arn = local.options().scope().fill("arn:{partition}:kinesis:{region}:{account}:stream/{name}", name);
            let policy = serde_json::from_str(&readable(&arn, account)).map_err(|error| error.to_string())?;
            let policy = Value::from_json(&policy).map_err(|error| format!("{error:?}"))?;
            local.put("stream-policy", name, Attrs::from([("policy".to_owned(), policy)]))
        }
        [kind, name, "delete"] => local.remove(kind, name),
        [kind, name, "tag", key, value] => retag(local, kind, name, |tags| {
            tags.insert((*key).to_owned(), Value::text(*value));
        })?,
        [kind, name, "untag", key] => retag(local, kind, name, |tags| {
            tags.remove(*key);
        })?,
        [kind, name, field, value] => {
            // As `observe` would tell it: 48h is 2d.
            let span = value.parse::<Span>().map_or_else(|_| (*value).to_owned(), |span| span.to_string());
            let value = value.parse().map_or_else(|_| Value::text(span), Value::Int);
            local.tamper(kind, name, field, value)
        }
        _ => return Err(format!("nobody can do this by hand: {}", words.join(" "))),
    };
    done.map_err(|fault| fault.to_string())
}

fn retag(
    local: &Local,
    kind: &str,
    name: &str,
    change: impl FnOnce(&mut BTreeMap<String, Value>),
) -> Result<Result<(), tidegate::cloud::Fault>, String> {
    use tidegate::cloud::{Cloud as _, Target};
    let schema = SCHEMAS.iter().copied().find(|schema| schema.kind == kind).ok_or("no such kind")?;
    let address = tidegate::model::Address::new(kind, name);
    let target =
        Target { address, schema, scope: local.options().scope(), physical: name.into(), outputs: BTreeMap::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let seen = runtime.block_on(local.observe(&target));
    let live = seen.present().ok_or("it is not there")?;
    let mut tags = live.attrs.get("tags").and_then(Value::as_map).cloned().unwrap_or_default();
    change(&mut tags);
    Ok(local.tamper(kind, name, "tags", Value::Map(tags)))
}
