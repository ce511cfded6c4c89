//! Log groups of archives, each with the one log stream that Firehose writes its errors to.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::types::LogGroup;
use futures::future::BoxFuture;

use super::delivery::{self, LogRetention};
use super::stream::text_map;
use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Class, Fault, Outputs, Target};
use crate::model::units::Span;
use crate::model::{
    Address, Attrs, Call, Cost, Desired, Field, Path, Permit, Priced, Problem, Resource, Schema, Scope, Shift, State,
    Value, When,
};

/// The name that the Firehose console gives to the log stream of S3 deliveries.
pub const STREAM: &str = "S3Delivery";
/// Where the Firehose console puts its log groups.
const FOLDER: &str = "/aws/kinesisfirehose/";
/// The days that PutRetentionPolicy takes (its API reference).
const DAYS: &[u64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The address of an archive's log group.
pub fn address(archive: &Name) -> Address {
    Address::new(SCHEMA.kind, archive.as_str())
}

/// The log group's name in AWS.
pub fn physical(delivery: &str) -> String {
    format!("{FOLDER}{delivery}")
}

pub static SCHEMA: Schema = Schema {
    kind: "log-group",
    title: "CloudWatch log group",
    fields: &[
        Field::in_place("stream", "logs:CreateLogStream", "The log stream that Firehose writes to."),
        Field::in_place("retention", "logs:PutRetentionPolicy", "How long log events are kept.")
            .default(|| Value::text("never")),
        Field::tags("logs:TagResource", "logs:UntagResource").folded(),
    ],
    create: "logs:CreateLogGroup",
    delete: "logs:DeleteLogGroup",
    asynchronous: false,
    create_seconds: 1,
    arn: Some("arn:{partition}:logs:{region}:{account}:log-group:{name}"),
    assigned: &[],
    // Errors of deliveries that are themselves gone: nobody misses them.
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost,
    // Tags belong to the group itself, all else to what is below it; a creation with tags is checked on both.
    permits: &[
        Permit { when: When::Read, actions: &["logs:DescribeLogGroups"], on: "*" },
        Permit { when: When::Read, actions: &["logs:ListTagsForResource", "logs:DescribeLogStreams"], on: GROUP },
        Permit { when: When::Read, actions: &["logs:ListTagsForResource", "logs:DescribeLogStreams"], on: BELOW },
        Permit { when: When::Create, actions: CREATE, on: GROUP },
        Permit { when: When::Create, actions: CREATE, on: BELOW },
        Permit { when: When::Update, actions: UPDATE, on: GROUP },
        Permit { when: When::Update, actions: UPDATE, on: BELOW },
        Permit { when: When::Delete, actions: &["logs:DeleteLogGroup"], on: GROUP },
        Permit { when: When::Delete, actions: &["logs:DeleteLogGroup"], on: BELOW },
    ],
};

/// IAM matches log groups with and without `:*` behind the name, depending on the action.
const GROUP: &str = "arn:{partition}:logs:{region}:{account}:log-group:{name}";
const BELOW: &str = "arn:{partition}:logs:{region}:{account}:log-group:{name}:*";
const CREATE: &[&str] = &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutRetentionPolicy", "logs:TagResource"];
const UPDATE: &[&str] = &[
    "logs:CreateLogStream",
    "logs:PutRetentionPolicy",
    "logs:DeleteRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
];

fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Schema::plain_calls(schema, shift);
    for call in &mut calls {
        if call.operation == "logs:PutRetentionPolicy" && call.text("retention") == Some("never") {
            call.operation = "logs:DeleteRetentionPolicy".into();
        }
    }
    calls
}

fn cost(_: &Priced) -> Cost {
    Cost { monthly_micros: 0, usage: vec!["log GB of failed deliveries".into()] }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn physical(&self, arn: &str, _: &Address, _: &Scope) -> Option<String> {
        let (_, name) = arn.split_once(":log-group:")?;
        Some(name.trim_end_matches(":*").to_owned())
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (name, archive) in &spec.archives {
            let at = Path::of(["archives", name.as_str()]);
            check(archive.log_retention, &at, &mut wish.problems);
            let group = physical(delivery::physical(name, archive));
            let desired = Desired::new(&SCHEMA, name.as_str(), group, at.clone());
            let tags = wish.tags(&desired.address, &archive.tags, Fate::REMADE, &at);
            let retention = archive.log_retention.to_string();
            wish.add(desired.with("stream", STREAM).with("retention", retention).with("tags", tags));
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        _known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(list(aws, scope))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(observe(aws, target))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(perform(aws, target, call))
    }
}

fn check(retention: LogRetention, at: &Path, problems: &mut Vec<Problem>) {
    if let LogRetention::For(span) = retention {
        let seconds = span.seconds();
        if !seconds.is_multiple_of(86_400) || !DAYS.contains(&(seconds / 86_400)) {
            let days = DAYS.iter().map(|days| format!("{days}d")).collect::<Vec<_>>().join(", ");
            problems.push(
                Problem::new(
                    "invalid-value",
                    at.key("logRetention"),
                    format!("CloudWatch Logs cannot keep events for {span}"),
                )
                .help(format!("write one of {days}, or never")),
            );
        }
    }
}

async fn groups(aws: &Aws, prefix: &str) -> Result<Vec<LogGroup>, Fault> {
    let doing = format!("looking for log groups {prefix}");
    let mut groups = Vec::new();
    let mut token: Option<String> = None;
    // 50 a page; a thousand pages are more archives than an account may have.
    for _ in 0..1000 {
        let page = aws
            .call("logs:DescribeLogGroups", &doing, || {
                aws.logs().describe_log_groups().log_group_name_prefix(prefix).set_next_token(token.clone()).send()
            })
            .await?;
        groups.extend(page.log_groups.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    Ok(groups)
}

async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of {arn}");
    let answer = aws
        .call("logs:ListTagsForResource", &doing, || aws.logs().list_tags_for_resource().resource_arn(arn).send())
        .await?;
    Ok(answer.tags.unwrap_or_default().into_iter().collect())
}

/// Emulators leave log groups out of the tagging API.
async fn list(aws: &Aws, scope: &Scope) -> Result<Vec<Tagged>, Fault> {
    let mut found = Vec::new();
    if !aws.custom_endpoint {
        return Ok(found);
    }
    for group in groups(aws, FOLDER).await? {
        let physical = group.log_group_name().unwrap_or_default().to_owned();
        let tags = match tags(aws, &scope.fill(SCHEMA.arn.unwrap_or_default(), &physical)).await {
            // Somebody deleted it since the list was made.
            Err(fault) if fault.is_absent() => continue,
            tags => tags?,
        };
        found.extend(Tagged::of(SCHEMA.kind, scope, &physical, tags));
    }
    Ok(found)
}

async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let name = &target.physical;
    // AWS answers by prefix, so longer names come too.
    let all = groups(aws, name).await?;
    let Some(group) = all.iter().find(|group| group.log_group_name() == Some(name)) else { return Ok(None) };
    let retention = group.retention_in_days().and_then(|days| u64::try_from(days).ok());
    let retention = retention.map_or(LogRetention::Never, |days| LogRetention::For(Span::days(days)));
    let doing = format!("reading the streams of log group {name}");
    let streams = aws
        .call("logs:DescribeLogStreams", &doing, || {
            aws.logs().describe_log_streams().log_group_name(name).log_stream_name_prefix(STREAM).send()
        })
        .await?;
    let has_stream = streams.log_streams().iter().any(|stream| stream.log_stream_name() == Some(STREAM));
    let tags = tags(aws, &target.arn()).await?;
    let attrs = Attrs::from([
        ("stream".to_owned(), Value::text(if has_stream { STREAM } else { "" })),
        ("retention".to_owned(), Value::text(retention.to_string())),
        ("tags".to_owned(), Value::map(tags)),
    ]);
    let outputs = BTreeMap::from([("arn".to_owned(), target.arn()), ("name".to_owned(), name.clone())]);
    Ok(Some(Resource { physical: name.clone(), outputs, attrs, facts: Attrs::new(), state: State::Ready }))
}

async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let (logs, name, arn) = (aws.logs(), &target.physical, &target.arn());
    let doing = format!("changing log group {name}");
    match call.verb() {
        "CreateLogGroup" => {
            let tags = text_map(call.set.get("tags"));
            aws.call("logs:CreateLogGroup", &doing, || {
                logs.create_log_group().log_group_name(name).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "CreateLogStream" => {
            let stream = call.text("stream").unwrap_or(STREAM);
            let made = aws
                .call("logs:CreateLogStream", &doing, || {
                    logs.create_log_stream().log_group_name(name).log_stream_name(stream).send()
                })
                .await;
            // It may have been made by an earlier attempt whose answer was lost.
            if made.as_ref().is_err_and(|fault| fault.class != Class::Exists) {
                made?;
            }
        }
        "PutRetentionPolicy" => {
            let span: Option<Span> = call.text("retention").and_then(|text| text.parse().ok());
            let days = span.and_then(|span| i32::try_from(span.seconds() / 86_400).ok());
            aws.call("logs:PutRetentionPolicy", &doing, || {
                logs.put_retention_policy().log_group_name(name).set_retention_in_days(days).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteRetentionPolicy" => {
            aws.call("logs:DeleteRetentionPolicy", &doing, || {
                logs.delete_retention_policy().log_group_name(name).send()
            })
            .await
            .map(drop)?;
        }
        "TagResource" => {
            let tags = text_map(call.set.get("tags"));
            aws.call("logs:TagResource", &doing, || {
                logs.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "UntagResource" => {
            let keys = call.drop_tags.clone();
            aws.call("logs:UntagResource", &doing, || {
                logs.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteLogGroup" => {
            aws.call("logs:DeleteLogGroup", &doing, || logs.delete_log_group().log_group_name(name).send())
                .await
                .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}
