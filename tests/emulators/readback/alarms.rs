//! Alarms: how many there are, and the whole of each.

use serde_json::{Value, json};

use super::{ACCOUNT, exactly, own, tags};
use crate::emulators::awscli::Session;
use crate::support::emulators::REGION;

/// What an alarm watches: its name, the resource it belongs to, the metric, its statistic and threshold, and whose metric it is.
struct Watch {
    name: &'static str,
    resource: &'static str,
    metric: &'static str,
    statistic: &'static str,
    threshold: f64,
    dimensions: Value,
}

/// Eight, no more: three of each stream, one of the consumer and one of the archive. Thresholds: three minutes of the spec; a quarter of four days of
/// retention; 15 minutes, since three buffer intervals are less; no rejected call at all.
fn watches() -> Vec<Watch> {
    let stream = |name: &str| json!([{ "Name": "StreamName", "Value": name }]);
    let watch = |name, resource, metric, statistic, threshold, dimensions| Watch {
        name,
        resource,
        metric,
        statistic,
        threshold,
        dimensions,
    };
    let (age, read, write) = (
        "GetRecords.IteratorAgeMilliseconds",
        "ReadProvisionedThroughputExceeded",
        "WriteProvisionedThroughputExceeded",
    );
    let (taps, audit) = (stream("readback-taps"), stream("readback-audit"));
    let consumer =
        json!([{ "Name": "ConsumerName", "Value": "fraud" }, { "Name": "StreamName", "Value": "readback-taps" }]);
    let archive = json!([{ "Name": "DeliveryStreamName", "Value": "taps-raw" }]);
    let (lag, fresh) = ("SubscribeToShardEvent.MillisBehindLatest", "DeliveryToS3.DataFreshness");
    vec![
        watch("audit-iterator-age", "audit/iterator-age", age, "Maximum", 180_000.0, audit.clone()),
        watch("audit-read-throttled", "audit/read-throttled", read, "Sum", 0.0, audit.clone()),
        watch("audit-write-throttled", "audit/write-throttled", write, "Sum", 0.0, audit),
        watch("taps-consumer-lag-fraud", "taps/consumer-lag/fraud", lag, "Maximum", 86_400_000.0, consumer),
        watch("taps-iterator-age", "taps/iterator-age", age, "Maximum", 180_000.0, taps.clone()),
        watch("taps-raw-data-freshness", "taps-raw/data-freshness", fresh, "Maximum", 900.0, archive),
        watch("taps-read-throttled", "taps/read-throttled", read, "Sum", 0.0, taps.clone()),
        watch("taps-write-throttled", "taps/write-throttled", write, "Sum", 0.0, taps),
    ]
}

pub fn compared(cli: &Session) {
    let watches = watches();
    let seen = cli.read("cloudwatch describe-alarms --alarm-name-prefix readback-");
    let all = seen["MetricAlarms"].as_array().expect("alarms");
    let names: Vec<&Value> = all.iter().map(|alarm| &alarm["AlarmName"]).collect();
    assert_eq!(names.len(), watches.len(), "{names:?}");
    let arn = |watch: &Watch| format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:readback-{}", watch.name);
    let commands: Vec<String> = watches
        .iter()
        .map(|watch| format!("cloudwatch list-tags-for-resource --resource-arn {}", arn(watch)))
        .collect();
    let assigned = [
        "AlarmDescription",
        "AlarmConfigurationUpdatedTimestamp",
        "StateValue",
        "StateReason",
        "StateUpdatedTimestamp",
    ];
    for (watch, its_tags) in watches.iter().zip(cli.aws_all(&commands)) {
        let archive = watch.metric.starts_with("Delivery");
        // Three of five minutes; of an archive three periods of five minutes.
        let (namespace, period, periods) = if archive { ("AWS/Firehose", 300, 3) } else { ("AWS/Kinesis", 60, 5) };
        let wanted = json!({ "AlarmName": format!("readback-{}", watch.name), "AlarmArn": arn(watch), "ActionsEnabled": true,
            "AlarmActions": [format!("arn:aws:sns:{REGION}:{ACCOUNT}:oncall")], "OKActions": [], "InsufficientDataActions": [],
            "MetricName": watch.metric, "Namespace": namespace, "Statistic": watch.statistic, "Dimensions": watch.dimensions,
            "Period": period, "EvaluationPeriods": periods, "DatapointsToAlarm": 3, "Threshold": watch.threshold,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching" });
        let alarm = all.iter().find(|alarm| alarm["AlarmName"] == wanted["AlarmName"]);
        let alarm = alarm.unwrap_or_else(|| panic!("no {} in {names:?}", watch.name));
        exactly(watch.name, alarm, &assigned, &wanted);
        // What a person reads who is woken: which stream, consumer or archive.
        let subject = watch.resource.split('/').next().expect("a name");
        assert!(alarm["AlarmDescription"].as_str().is_some_and(|text| text.contains(subject)), "{alarm}");
        let its_tags = its_tags.unwrap_or_else(|why| panic!("{why}"));
        let wanted = own(&format!("alarm/{}", watch.resource), &[]);
        exactly(&format!("tags of {}", watch.name), &tags(&its_tags["Tags"]), &[], &wanted);
    }
}
