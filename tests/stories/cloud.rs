//! The clouds that stories are played on, and somebody who changes them by hand.
//!
//! Each run has an account of its own: the emulators take an access key id of twelve digits for the account, so that
//! stories share a server and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate::cloud::{Cloud as _, Fault, Target};
use tidegate::kinds::SCHEMAS;
use tidegate::local::{Local, Options};
use tidegate::model::units::Span;
use tidegate::model::{Attrs, Call, Effect, Value};

use crate::support::emulators;
use crate::support::hand::{Hand, readable};

/// The VPC that stories may use, by the variables that a spec reads. Where there is none, anything goes.
const NETWORK: [(&str, &str); 3] = [
    ("VPC", "vpc-0a1b2c3d4e5f67890"),
    ("SUBNET_A", "subnet-0a1b2c3d4e5f67891"),
    ("SUBNET_B", "subnet-0a1b2c3d4e5f67892"),
];

pub struct Cloud {
    pub name: &'static str,
    pub account: String,
    /// What is told as the ids of `NETWORK`, in their order.
    network: [String; 3],
    file: PathBuf,
    endpoints: BTreeMap<&'static str, String>,
    /// Lives as long as this cloud.
    _own: Option<emulators::KinesisLocal>,
}

impl Cloud {
    pub fn named(name: &str) -> Self {
        let all = |name: &'static str, endpoints: &[(&'static str, &str)]| Self {
            name,
            account: String::new(),
            network: NETWORK.map(|(_, id)| id.to_owned()),
            file: PathBuf::new(),
            endpoints: endpoints.iter().map(|(key, url)| (*key, (*url).to_owned())).collect(),
            _own: None,
        };
        let base = || ("AWS_ENDPOINT_URL", emulators::ministack().url.as_str());
        match name {
            "local" => all("local", &[]),
            "ministack" => all("ministack", &[base()]),
            "kinesis-local" => {
                all("kinesis-local", &[base(), ("AWS_ENDPOINT_URL_KINESIS", &emulators::kinesis_local().url)])
            }
            "moto-ec2" => all("moto-ec2", &[base(), ("AWS_ENDPOINT_URL_EC2", &emulators::moto().url)]),
            // Each service on the emulator that knows it best; the streams have theirs for themselves.
            "together" => {
                let streams = emulators::KinesisLocal::start();
                let (kinesis, ec2) =
                    (("AWS_ENDPOINT_URL_KINESIS", streams.url.as_str()), emulators::moto().url.as_str());
                let cloud = all("together", &[base(), kinesis, ("AWS_ENDPOINT_URL_EC2", ec2)]);
                Self { _own: Some(streams), ..cloud }
            }
            _ => panic!("`{name}` is no cloud; there are local, ministack, kinesis-local, moto-ec2 and together"),
        }
    }

    /// A new account, empty.
    pub fn begin(&mut self, folder: &Path) {
        static NEXT: AtomicU64 = AtomicU64::new(700_000_000_001);
        let is_local = self.endpoints.is_empty();
        self.account =
            if is_local { Options::default().account } else { NEXT.fetch_add(1, Ordering::Relaxed).to_string() };
        self.file = folder.join("cloud.json");
        if self.endpoints.contains_key("AWS_ENDPOINT_URL_EC2") {
            let network = Hand::new(&self.urls(), &self.account).network();
            self.network = network.expect("moto has a VPC");
        }
    }

    /// What the program said, with the ids of NETWORK in place of those of this cloud.
    pub fn plain(&self, said: &str) -> String {
        let ids = self.network.iter().zip(NETWORK);
        ids.fold(said.to_owned(), |said, (id, (_, plain))| said.replace(id.as_str(), plain))
    }

    /// The address of a service.
    fn urls(&self) -> impl Fn(&str) -> String {
        |service: &str| {
            let own = self.endpoints.get(format!("AWS_ENDPOINT_URL_{service}").as_str());
            own.or_else(|| self.endpoints.get("AWS_ENDPOINT_URL")).cloned().unwrap_or_default()
        }
    }

    /// The environment that makes the program talk to this cloud and to nothing else.
    pub fn env(&self) -> Vec<(String, String)> {
        let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut env: Vec<_> = NETWORK.iter().zip(&self.network).map(|((key, _), id)| own(key, id)).collect();
        if self.endpoints.is_empty() {
            env.push(own("TIDEGATE_CLOUD", "local:cloud.json"));
            return env;
        }
        env.extend(self.endpoints.iter().map(|(key, url)| own(key, url)));
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
    /// `stream NAME resize SHARDS`, `stream NAME tag KEY VALUE`, `stream NAME untag KEY`, `stream NAME consumer CONSUMER`,
    /// `stream NAME readable ACCOUNT`, `endpoint VPC SERVICE create`, `key ALIAS create`, `bucket NAME create`,
    /// `bucket NAME versioning enabled`, `role NAME create`, `role NAME description TEXT`, `role NAME delete`,
    /// The words of `NETWORK` stand for their ids. `log-group NAME retention 3d`, `alarm NAME delete`, `consumer STREAM/NAME create`, `consumer STREAM/NAME delete`.
    pub fn by_hand(&self, words: &[&str]) -> Result<(), String> {
        let own = |word: &&str| NETWORK.iter().position(|(key, _)| key == word);
        let words: Vec<&str> =
            words.iter().map(|word| own(word).map_or(*word, |at| self.network[at].as_str())).collect();
        let words = words.as_slice();
        if self.endpoints.is_empty() {
            return by_hand_locally(&self.local()?, words);
        }
        Hand::new(&self.urls(), &self.account).does(words)
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
        ["bucket", name, "create"] => {
            let owner = Value::text("BucketOwnerEnforced");
            let rules = Value::Map(BTreeMap::new());
            local.put("bucket", name, Attrs::from([("ownership".to_owned(), owner), ("lifecycle".to_owned(), rules)]))
        }
        ["consumer", consumer, "create"] => local.put("consumer", consumer, Attrs::new()),
        ["endpoint", vpc, service, "create"] => {
            let full = format!("com.amazonaws.{}.{service}", emulators::REGION);
            let texts = [("service", full.as_str()), ("vpc", *vpc), ("type", "Interface")];
            let mut attrs: Attrs = texts.map(|(field, text)| (field.to_owned(), Value::text(text))).into();
            attrs.insert("privateDns".into(), Value::Bool(true));
            attrs.extend(["subnets", "securityGroups"].map(|field| (field.to_owned(), Value::List(Vec::new()))));
            // What EC2 writes where nobody gives a policy.
            let all = [("Action", "*"), ("Effect", "Allow"), ("Principal", "*"), ("Resource", "*")];
            let all = Value::List(vec![Value::map(all.map(|(key, value)| (key, Value::text(value))))]);
            attrs.insert("policy".into(), Value::map([("Statement", all)]));
            local.put("endpoint", &format!("{vpc}/{service}"), attrs)
        }
        ["role", name, "create"] => local.put("role", name, Attrs::new()),
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
        // Not a count that appears from nowhere, but a call that AWS counts and logs.
        ["stream", name, "resize", count] => {
            let to: i64 = count.parse().map_err(|_| "to how many shards?")?;
            let call = Call::new(Effect::Set, "kinesis:UpdateShardCount").with("shards", Value::Int(to));
            done(local, "stream", name, &call)?
        }
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

fn target(local: &Local, kind: &str, name: &str) -> Result<Target, String> {
    let schema = SCHEMAS.iter().copied().find(|schema| schema.kind == kind).ok_or("no such kind")?;
    let address = tidegate::model::Address::new(kind, name);
    Ok(Target {
        address,
        schema,
        scope: local.options().scope(),
        physical: name.into(),
        outputs: BTreeMap::new(),
        listed: None,
    })
}

/// Makes a call and waits until it has had its effect.
fn done(local: &Local, kind: &str, name: &str, call: &Call) -> Result<Result<(), Fault>, String> {
    let target = target(local, kind, name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let made = runtime.block_on(local.perform(&target, call)).map(drop);
    local.advance(Duration::from_secs(600));
    Ok(made)
}

fn retag(
    local: &Local,
    kind: &str,
    name: &str,
    change: impl FnOnce(&mut BTreeMap<String, Value>),
) -> Result<Result<(), Fault>, String> {
    let target = target(local, kind, name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let seen = runtime.block_on(local.observe(&target));
    let live = seen.present().ok_or("it is not there")?;
    let mut tags = live.attrs.get("tags").and_then(Value::as_map).cloned().unwrap_or_default();
    change(&mut tags);
    Ok(local.tamper(kind, name, "tags", Value::Map(tags)))
}
