//! Which alarms a pipeline has.
//!
//! Metrics, units and dimensions: "Monitoring with CloudWatch" of Kinesis Data Streams and Firehose, November 2026.

use std::collections::BTreeMap;

use super::SCHEMA;
use super::spec::{AgeAlarm, ArchiveAlarms, CountAlarm, StreamAlarms};
use crate::kinds::wish::Fate;
use crate::kinds::{Name, Wish, consumer, delivery, stream};
use crate::model::units::Span;
use crate::model::{Address, Desired, NO_ACCOUNT, Path, Problem, Value};

/// What the spec says of one alarm, the threshold in the metric's own unit.
struct Setting<'a> {
    over: Option<i64>,
    off: Option<bool>,
    notify: Option<&'a [String]>,
    at: Path,
}

impl<'a> Setting<'a> {
    fn age(alarm: &'a AgeAlarm, per_second: u64, at: Path) -> Self {
        let over = alarm.over.map(|over| units(over, per_second));
        Self { over, off: alarm.off, notify: alarm.notify.as_deref(), at }
    }

    fn count(alarm: &'a CountAlarm, at: Path) -> Self {
        Self { over: alarm.over.map(i64::from), off: alarm.off, notify: alarm.notify.as_deref(), at }
    }
}

fn units(span: Span, per_second: u64) -> i64 {
    i64::try_from(span.seconds().saturating_mul(per_second)).unwrap_or(i64::MAX)
}

/// One alarm before it is told what the spec says of it.
struct Alarm<'a> {
    /// Within the kind: `clicks/iterator-age`.
    name: String,
    /// In AWS, without the pipeline's name in front.
    physical: String,
    namespace: &'static str,
    metric: &'static str,
    statistic: &'static str,
    dimensions: Vec<(&'static str, Value)>,
    after: Address,
    description: String,
    period: &'static str,
    periods: i64,
    breaching: i64,
    /// The threshold where the spec says none.
    usual: i64,
    /// Above this the alarm could never ring, and why.
    never: Option<(i64, String)>,
    /// Everything of the same scope is off.
    off: bool,
    own: Setting<'a>,
    general: Setting<'a>,
}

pub fn all(wish: &mut Wish) {
    let spec = wish.spec;
    let at = Path::of(["alarms"]);
    for name in spec.alarms.streams.keys() {
        wish.defined("streams", &spec.streams, name, &at.key("streams").key(name.as_str()));
    }
    let nothing = StreamAlarms::default();
    for (name, described) in &spec.streams {
        let own = spec.alarms.streams.get(name).unwrap_or(&nothing);
        for alarm in of_stream(wish, name, described, own) {
            add(wish, alarm);
        }
    }
    for name in spec.alarms.archives.keys() {
        wish.defined("archives", &spec.archives, name, &at.key("archives").key(name.as_str()));
    }
    let nothing = ArchiveAlarms::default();
    for (name, archive) in &spec.archives {
        let own = spec.alarms.archives.get(name).unwrap_or(&nothing);
        let alarm = of_archive(wish, name, archive, own);
        add(wish, alarm);
    }
}

/// Firehose measures in seconds, and delivers as late as its buffer says.
fn of_archive<'a>(
    wish: &Wish<'a>,
    name: &'a Name,
    archive: &'a delivery::ArchiveSpec,
    own: &'a ArchiveAlarms,
) -> Alarm<'a> {
    let general = &wish.spec.alarms;
    let address = delivery::address(name);
    Alarm {
        name: format!("{name}/data-freshness"),
        physical: format!("{name}-data-freshness"),
        namespace: "AWS/Firehose",
        metric: "DeliveryToS3.DataFreshness",
        statistic: "Maximum",
        dimensions: vec![("DeliveryStreamName", Value::reference(address.clone(), "name"))],
        after: address,
        description: format!("Archive {name} does not deliver; its log group says why."),
        period: "5m",
        periods: 3,
        breaching: 3,
        usual: units(archive.buffer.interval, 3).max(900),
        never: None,
        off: general.off.unwrap_or(false),
        own: Setting::age(&own.data_freshness, 1, Path::of(["alarms", "archives", name.as_str(), "dataFreshness"])),
        general: Setting::age(&general.data_freshness, 1, Path::of(["alarms", "dataFreshness"])),
    }
}

fn of_stream<'a>(
    wish: &Wish<'a>,
    name: &'a Name,
    described: &'a stream::StreamSpec,
    own: &'a StreamAlarms,
) -> Vec<Alarm<'a>> {
    let general = &wish.spec.alarms;
    let (all, one) = (Path::of(["alarms"]), Path::of(["alarms", "streams", name.as_str()]));
    let retention = described.retention;
    let (quarter, whole) = (units(retention, 250), units(retention, 1000));
    let lost = format!("records are lost once they are older than {retention}");
    let never = Some((whole, format!("stream {name} keeps records only {retention}")));
    let address = Address::new(stream::SCHEMA.kind, name.as_str());
    let off = own.off.or(general.off).unwrap_or(false);
    let count = |slug: &str, metric, said: &str, own, general| Alarm {
        name: format!("{name}/{slug}"),
        physical: format!("{name}-{slug}"),
        namespace: "AWS/Kinesis",
        metric,
        statistic: "Sum",
        dimensions: vec![("StreamName", Value::reference(address.clone(), "name"))],
        after: address.clone(),
        description: said.to_owned(),
        period: "1m",
        periods: 5,
        breaching: 3,
        usual: 0,
        never: None,
        off,
        own,
        general,
    };
    let age = |alarm: Alarm<'a>| Alarm { statistic: "Maximum", usual: quarter, never: never.clone(), ..alarm };
    let mut alarms = vec![
        age(count(
            "iterator-age",
            "GetRecords.IteratorAgeMilliseconds",
            &format!("Readers of stream {name} lag behind; {lost}."),
            Setting::age(&own.iterator_age, 1000, one.key("iteratorAge")),
            Setting::age(&general.iterator_age, 1000, all.key("iteratorAge")),
        )),
        count(
            "write-throttled",
            "WriteProvisionedThroughputExceeded",
            &format!("Stream {name} rejects records: it needs more shards, or partition keys that spread better."),
            Setting::count(&own.write_throttled, one.key("writeThrottled")),
            Setting::count(&general.write_throttled, all.key("writeThrottled")),
        ),
        count(
            "read-throttled",
            "ReadProvisionedThroughputExceeded",
            &format!("Stream {name} rejects reads: its readers share 2 MiB/s and 5 calls/s of each shard."),
            Setting::count(&own.read_throttled, one.key("readThrottled")),
            Setting::count(&general.read_throttled, all.key("readThrottled")),
        ),
    ];
    for fan_out in &described.fan_out {
        let lag = age(count(
            &format!("consumer-lag/{fan_out}"),
            "SubscribeToShardEvent.MillisBehindLatest",
            &format!("Consumer {fan_out} lags behind on stream {name}; {lost}."),
            Setting::age(&own.consumer_lag, 1000, one.key("consumerLag")),
            Setting::age(&general.consumer_lag, 1000, all.key("consumerLag")),
        ));
        let mut dimensions = lag.dimensions.clone();
        dimensions.push(("ConsumerName", Value::text(fan_out.as_str())));
        let (physical, after) = (format!("{name}-consumer-lag-{fan_out}"), consumer::address(name, fan_out));
        alarms.push(Alarm { dimensions, physical, after, ..lag });
    }
    alarms
}

/// CloudWatch's limits.
const MOST_ACTIONS: usize = 5;
const LONGEST_NAME: usize = 255;

fn add(wish: &mut Wish, alarm: Alarm) {
    if alarm.own.off.or(alarm.general.off).unwrap_or(alarm.off) {
        return;
    }
    let said = if alarm.own.over.is_some() { &alarm.own } else { &alarm.general };
    let threshold = said.over.unwrap_or(alarm.usual);
    if let Some((limit, why)) = &alarm.never
        && threshold >= *limit
    {
        let message = format!("the alarm could never ring: {why}");
        wish.problem(
            Problem::new("invalid-value", said.at.key("over"), message).help("take a fraction of the retention"),
        );
    }
    // Zero is a usual limit for numbers, and none for an age: every record is older.
    if said.over == Some(0) && alarm.usual > 0 {
        let message = "the alarm would always ring: every record is older than that";
        let problem = Problem::new("invalid-value", said.at.key("over"), message).help("for example 60s");
        if !wish.problems.contains(&problem) {
            wish.problem(problem);
        }
    }
    let chosen = if alarm.own.notify.is_some() { &alarm.own } else { &alarm.general };
    if let Some(notify) = chosen.notify {
        check_notify(notify, &chosen.at.key("notify"), wish);
    }
    let notify = chosen.notify.unwrap_or(&wish.spec.defaults.notify);
    let said_at = chosen.notify.map_or_else(|| Path::of(["defaults", "notify"]), |_| chosen.at.key("notify"));
    check_region(notify, &said_at, wish);
    let physical = format!("{}-{}", wish.scope.pipeline, alarm.physical);
    let at = alarm.own.at;
    if physical.len() > LONGEST_NAME {
        let message = format!("the alarm's name `{physical}` is longer than the 255 characters that CloudWatch takes");
        wish.problem(Problem::new("invalid-value", at.clone(), message).help("shorten the names that it is made of"));
    }
    let address = Address::new(SCHEMA.kind, alarm.name.as_str());
    let tags = wish.tags(&address, &BTreeMap::new(), Fate::REMADE, &at);
    let desired = Desired::new(&SCHEMA, alarm.name, physical, at)
        .after(&alarm.after)
        .with("description", alarm.description)
        .with("namespace", alarm.namespace)
        .with("metric", alarm.metric)
        .with("dimensions", Value::map(alarm.dimensions))
        .with("statistic", alarm.statistic)
        .with("period", alarm.period)
        .with("periods", alarm.periods)
        .with("breaching", alarm.breaching)
        .with("comparison", "GreaterThanThreshold")
        .with("threshold", threshold)
        // Without traffic there are no measurements, and that is no emergency.
        .with("missingData", "notBreaching")
        .with("notify", Value::list(notify.iter().map(String::as_str)))
        .with("enabled", true)
        .with("tags", tags);
    wish.add(desired);
}

/// An alarm acts in its own region only: CloudWatch refuses the topic of another.
fn check_region(notify: &[String], at: &Path, wish: &mut Wish) {
    let region = &wish.scope.region;
    // Where nobody was asked the region may stand for all; lint has a rule of its own for this.
    let is_known = wish.scope.account != NO_ACCOUNT;
    for (index, arn) in notify.iter().enumerate().filter(|_| is_known) {
        let theirs = arn.split(':').nth(3).unwrap_or_default();
        if theirs.is_empty() || theirs == region || !arn.starts_with("arn:") {
            continue;
        }
        let message = format!("`{arn}` is in {theirs}, and an alarm in {region} can only tell what is there");
        let problem = Problem::new("invalid-value", at.index(index), message)
            .help(format!("name a topic in {region}; one topic can be subscribed to by others elsewhere"));
        if !wish.problems.contains(&problem) {
            wish.problems.push(problem);
        }
    }
}

/// One mistake is told once, although it may stand for many alarms.
fn check_notify(notify: &[String], at: &Path, wish: &mut Wish) {
    let mut wrong = |path: Path, message: String, help: &str| {
        let problem = Problem::new("invalid-value", path, message).help(help);
        if !wish.problems.contains(&problem) {
            wish.problems.push(problem);
        }
    };
    for (index, arn) in notify.iter().enumerate().filter(|(_, arn)| !arn.starts_with("arn:")) {
        let help = "write the whole ARN, for example arn:aws:sns:eu-west-1:123456789012:oncall";
        wrong(at.index(index), format!("`{arn}` is not an ARN"), help);
    }
    if notify.len() > MOST_ACTIONS {
        wrong(
            at.clone(),
            "an alarm takes at most five actions".into(),
            "send to one SNS topic with several subscribers",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::{Pipeline, Wishes, wish};
    use crate::model::{Desired, Scope};

    fn derived(rest: &str) -> Wishes {
        let spec: Pipeline = serde_yaml::from_str(&format!(
            "{{ apiVersion: tidegate/v1, pipeline: shop, streams: {{ s: {{ name: acme, retention: 4d, fanOut: [f] }} }}, {rest} }}"
        ))
        .unwrap();
        let text = |text: &str| text.to_owned();
        let (region, account) = (text("eu-west-1"), text("123456789012"));
        wish(&spec, &Scope { pipeline: text("shop"), partition: text("aws"), region, account })
    }

    fn alarms(wishes: &Wishes) -> Vec<&Desired> {
        wishes.graph.iter().filter(|desired| desired.address.kind() == "alarm").collect()
    }

    #[test]
    fn every_stream_and_consumer_has_its_alarms() {
        let wishes = derived("defaults: { notify: ['arn:aws:sns:eu-west-1:123456789012:oncall'] }");
        let line = |alarm: &&Desired| {
            let of = |name: &str| alarm.attrs[name].to_json().to_string();
            let fields = ["metric", "dimensions", "statistic", "threshold", "notify"].map(of).join(" ");
            format!("{} {} {fields}", alarm.address, alarm.physical)
        };
        insta::assert_snapshot!(alarms(&wishes).iter().map(line).collect::<Vec<_>>().join("\n"), @r#"
        alarm/s/consumer-lag/f shop-s-consumer-lag-f "SubscribeToShardEvent.MillisBehindLatest" {"ConsumerName":"f","StreamName":{"$ref":"stream/s#name"}} "Maximum" 86400000 ["arn:aws:sns:eu-west-1:123456789012:oncall"]
        alarm/s/iterator-age shop-s-iterator-age "GetRecords.IteratorAgeMilliseconds" {"StreamName":{"$ref":"stream/s#name"}} "Maximum" 86400000 ["arn:aws:sns:eu-west-1:123456789012:oncall"]
        alarm/s/read-throttled shop-s-read-throttled "ReadProvisionedThroughputExceeded" {"StreamName":{"$ref":"stream/s#name"}} "Sum" 0 ["arn:aws:sns:eu-west-1:123456789012:oncall"]
        alarm/s/write-throttled shop-s-write-throttled "WriteProvisionedThroughputExceeded" {"StreamName":{"$ref":"stream/s#name"}} "Sum" 0 ["arn:aws:sns:eu-west-1:123456789012:oncall"]
        "#);
    }

    #[test]
    fn alarms_are_overridden_and_switched_off() {
        let names =
            |rest: &str| alarms(&derived(rest)).iter().map(|alarm| alarm.address.name().to_owned()).collect::<Vec<_>>();
        assert!(names("alarms: { off: true }").is_empty());
        assert_eq!(names("alarms: { off: true, iteratorAge: { off: false } }"), ["s/iterator-age"]);
        assert_eq!(names("alarms: { streams: { s: { off: true } } }"), [""; 0]);
        assert_eq!(names("alarms: { readThrottled: { off: true }, consumerLag: { off: true } }").len(), 2);
        let wishes = derived("alarms: { iteratorAge: { over: 60s }, streams: { s: { iteratorAge: { over: 5m } } } }");
        let alarm = wishes.graph.get(&"alarm/s/iterator-age".parse().unwrap()).unwrap();
        assert_eq!(alarm.attrs["threshold"].as_int(), Some(300_000));
    }

    #[test]
    fn mistakes_are_told_once() {
        let paths = |rest: &str| derived(rest).problems.iter().map(|one| one.path.to_string()).collect::<Vec<_>>();
        assert_eq!(paths("alarms: { iteratorAge: { over: 4d } }"), ["alarms.iteratorAge.over"]);
        assert_eq!(paths("alarms: { streams: { t: {} } }"), ["alarms.streams.t"]);
        assert_eq!(paths("alarms: { writeThrottled: { notify: [oncall] } }"), ["alarms.writeThrottled.notify[0]"]);
    }
}
