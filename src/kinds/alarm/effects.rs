//! The AWS calls of an alarm, and the only ones.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricAlarm, Statistic, Tag};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::SCHEMA;
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Claim, Class, Fault, Outputs, Target};
use crate::kinds::Tagged;
use crate::model::units::Span;
use crate::model::{Attrs, Call, PIPELINE, RESOURCE, Resource, Scope, State, Value};

/// Names that one DescribeAlarms call takes (its API reference).
pub const AT_ONCE: usize = 100;
/// Calls in flight for the tags of one such look.
const TAGS_AT_ONCE: usize = 10;

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    observe_all(aws, std::slice::from_ref(target)).await.pop().unwrap_or(Ok(None))
}

pub async fn observe_all(aws: &Aws, targets: &[Target]) -> Vec<Result<Option<Resource>, Fault>> {
    let doing = match targets {
        [one] => format!("reading alarm {}", one.physical),
        all => format!("reading {} alarms", all.len()),
    };
    let names: Vec<String> = targets.iter().map(|target| target.physical.clone()).collect();
    let most = i32::try_from(AT_ONCE).ok();
    let answer = aws
        .call("cloudwatch:DescribeAlarms", &doing, || {
            aws.cloudwatch().describe_alarms().set_alarm_names(Some(names.clone())).set_max_records(most).send()
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => return targets.iter().map(|_| Err(fault.clone())).collect(),
    };
    let found: BTreeMap<&str, &MetricAlarm> =
        answer.metric_alarms().iter().filter_map(|alarm| Some((alarm.alarm_name()?, alarm))).collect();
    let mut seen: Vec<BoxFuture<'_, _>> = Vec::with_capacity(targets.len());
    for target in targets {
        seen.push(match found.get(target.physical.as_str()) {
            Some(alarm) => Box::pin(resource(aws, target, alarm)),
            None => Box::pin(async { Ok(None) }),
        });
    }
    stream::iter(seen).buffered(TAGS_AT_ONCE).collect().await
}

async fn resource(aws: &Aws, target: &Target, alarm: &MetricAlarm) -> Result<Option<Resource>, Fault> {
    let arn = alarm.alarm_arn().map_or_else(|| target.arn(), str::to_owned);
    let mut attrs = attrs(alarm);
    let tags = match &target.listed {
        Some(tags) => tags.clone(),
        None => tags(aws, &arn).await?,
    };
    attrs.insert("tags".into(), Value::map(tags));
    Ok(Some(Resource {
        physical: target.physical.clone(),
        outputs: BTreeMap::from([("arn".to_owned(), arn)]),
        attrs,
        facts: Attrs::new(),
        state: State::Ready,
    }))
}

fn attrs(alarm: &MetricAlarm) -> Attrs {
    let text = |text: Option<&str>| Value::text(text.unwrap_or_default());
    let dimensions = alarm.dimensions().iter();
    let dimensions = dimensions.filter_map(|one| Some((one.name()?.to_owned(), Value::text(one.value()?))));
    let period = u64::try_from(alarm.period().unwrap_or_default()).unwrap_or_default();
    // Some endpoints also name a plain statistic beside an extended one.
    let statistic = alarm.extended_statistic().or(alarm.statistic().map(Statistic::as_str));
    let periods = i64::from(alarm.evaluation_periods().unwrap_or_default());
    let threshold = alarm.threshold().unwrap_or_default();
    [
        ("description", text(alarm.alarm_description())),
        ("namespace", text(alarm.namespace())),
        ("metric", text(alarm.metric_name())),
        ("dimensions", Value::map(dimensions)),
        ("statistic", text(statistic)),
        ("period", Value::text(Span(period).to_string())),
        ("periods", Value::Int(periods)),
        // AWS leaves it out where all periods must breach.
        ("breaching", Value::Int(alarm.datapoints_to_alarm().map_or(periods, i64::from))),
        ("comparison", text(alarm.comparison_operator().map(ComparisonOperator::as_str))),
        // We only set whole thresholds; a fraction is somebody else's and has to differ.
        (
            "threshold",
            if threshold.fract() == 0.0 { Value::Int(threshold as i64) } else { Value::text(threshold.to_string()) },
        ),
        ("missingData", Value::text(alarm.treat_missing_data().unwrap_or("missing"))),
        ("notify", Value::list(alarm.alarm_actions().iter().map(String::as_str))),
        ("enabled", Value::Bool(alarm.actions_enabled().unwrap_or(true))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of {arn}");
    let answer = aws
        .call("cloudwatch:ListTagsForResource", &doing, || {
            aws.cloudwatch().list_tags_for_resource().resource_arn(arn).send()
        })
        .await?;
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
    Ok(answer.tags().iter().filter_map(pair).collect())
}

/// Emulators leave alarms out of the tagging API, so there those with the pipeline's name in front are asked.
pub async fn list(aws: &Aws, scope: &Scope, found: &[Tagged]) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint || found.iter().any(|tagged| tagged.claim.address.kind() == SCHEMA.kind) {
        return Ok(Vec::new());
    }
    let prefix = format!("{}-", scope.pipeline);
    let mut alarms: Vec<(String, String)> = Vec::new();
    let mut token: Option<String> = None;
    // 100 alarms a page.
    for _ in 0..50 {
        let page = aws
            .call("cloudwatch:DescribeAlarms", "listing alarms", || {
                aws.cloudwatch().describe_alarms().alarm_name_prefix(&prefix).set_next_token(token.clone()).send()
            })
            .await;
        let page = match page {
            // An endpoint without CloudWatch has no alarms.
            Err(fault) if fault.class == Class::Unsupported => return Ok(Vec::new()),
            page => page?,
        };
        let pair = |alarm: &MetricAlarm| Some((alarm.alarm_name()?.to_owned(), alarm.alarm_arn()?.to_owned()));
        alarms.extend(page.metric_alarms().iter().filter_map(pair));
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let mut ours = Vec::new();
    for (physical, arn) in alarms {
        let tags = match tags(aws, &arn).await {
            Err(fault) if fault.is_absent() => continue,
            tags => tags?,
        };
        if tags.get(PIPELINE) == Some(&scope.pipeline)
            && let Some(Ok(address)) = tags.get(RESOURCE).map(|text| text.parse())
        {
            ours.push(Tagged { claim: Claim { address, physical }, tags });
        }
    }
    Ok(ours)
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let cloudwatch = aws.cloudwatch();
    let doing = format!("changing alarm {}", target.physical);
    let arn = target.arn();
    match call.verb() {
        "PutMetricAlarm" => put(aws, target, call, &doing).await?,
        "TagResource" => {
            let tags = sdk_tags(call.set.get("tags"));
            aws.call("cloudwatch:TagResource", &doing, || {
                cloudwatch.tag_resource().resource_arn(&arn).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "UntagResource" => {
            aws.call("cloudwatch:UntagResource", &doing, || {
                cloudwatch.untag_resource().resource_arn(&arn).set_tag_keys(Some(call.drop_tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteAlarms" => {
            aws.call("cloudwatch:DeleteAlarms", &doing, || {
                cloudwatch.delete_alarms().alarm_names(&target.physical).send()
            })
            .await
            .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

async fn put(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let text = |name: &str| call.text(name).map(str::to_owned);
    let int = |name: &str| call.int(name).and_then(|number| i32::try_from(number).ok());
    let period: Option<Span> = call.text("period").and_then(|text| text.parse().ok());
    let period = period.and_then(|span| i32::try_from(span.seconds()).ok());
    let map = |name: &str| call.set.get(name).and_then(Value::as_map).into_iter().flatten();
    let dimensions: Vec<Dimension> = map("dimensions")
        .filter_map(|(name, value)| Some(Dimension::builder().name(name).value(value.as_text()?).build()))
        .collect();
    let notify = call.set.get("notify").and_then(Value::as_list).unwrap_or_default();
    let notify: Vec<String> = notify.iter().filter_map(|arn| arn.as_text().map(str::to_owned)).collect();
    // Only a new alarm takes tags with it.
    let tags = call.set.get("tags").map(|tags| sdk_tags(Some(tags)));
    aws.call("cloudwatch:PutMetricAlarm", doing, || {
        let request = aws.cloudwatch().put_metric_alarm().alarm_name(&target.physical);
        let request = request.set_alarm_description(text("description")).set_actions_enabled(call.flag("enabled"));
        let request = request.set_namespace(text("namespace")).set_metric_name(text("metric"));
        let request = request.set_dimensions(Some(dimensions.clone())).set_period(period);
        let request = request.set_statistic(call.text("statistic").map(Statistic::from));
        let request = request.set_evaluation_periods(int("periods")).set_datapoints_to_alarm(int("breaching"));
        let request = request.set_comparison_operator(call.text("comparison").map(ComparisonOperator::from));
        let request = request.set_threshold(call.int("threshold").map(|threshold| threshold as f64));
        let request = request.set_treat_missing_data(text("missingData"));
        request.set_alarm_actions(Some(notify.clone())).set_tags(tags.clone()).send()
    })
    .await
    .map(drop)
}

fn sdk_tags(value: Option<&Value>) -> Vec<Tag> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Some(Tag::builder().key(key).value(value.as_text()?).build())).collect()
}
