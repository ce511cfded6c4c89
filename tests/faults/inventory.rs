//! What stands in an account, as the AWS CLI lists it: our own looks have no part in it.

use regex::Regex;
use serde_json::Value;

use super::network;
use crate::emulators::awscli::Session;
use crate::support::emulators;

/// The words of the CLI, the list in its answer, the name of an entry, and what else of an entry is compared.
const LISTS: &[(&str, &str, &str, &[&str])] = &[
    ("kinesis list-streams", "StreamNames", "", &[]),
    (
        "kinesis list-stream-consumers --stream-arn arn:aws:kinesis:eu-west-1:{account}:stream/clicks",
        "Consumers",
        "ConsumerName",
        &[],
    ),
    ("kms list-aliases", "Aliases", "AliasName", &[]),
    ("iam list-roles", "Roles", "RoleName", &["AssumeRolePolicyDocument"]),
    ("cloudwatch describe-alarms", "MetricAlarms", "AlarmName", &["Threshold", "AlarmActions", "Dimensions"]),
    ("s3api list-buckets", "Buckets", "Name", &[]),
    ("firehose list-delivery-streams", "DeliveryStreamNames", "", &[]),
    ("logs describe-log-groups", "logGroups", "logGroupName", &["retentionInDays"]),
    ("sqs list-queues", "QueueUrls", "", &[]),
    ("events list-rules", "Rules", "Name", &["EventPattern", "State"]),
    ("ec2 describe-vpc-endpoints", "VpcEndpoints", "ServiceName", &[]),
    ("ec2 describe-security-groups", "SecurityGroups", "GroupName", &["IpPermissions"]),
];

/// What is asked of each entry of a list, and what of the answer is compared.
const DETAILS: &[(&str, &str, &str)] = &[
    ("StreamNames", "kinesis describe-stream-summary --stream-name {name}", "StreamDescriptionSummary"),
    ("StreamNames", "kinesis list-tags-for-stream --stream-name {name}", "Tags"),
    ("Roles", "iam get-role-policy --role-name {name} --policy-name tidegate", "PolicyDocument"),
    ("Roles", "iam list-role-tags --role-name {name}", "Tags"),
    ("Buckets", "s3api get-bucket-lifecycle-configuration --bucket {name}", "Rules"),
    ("Buckets", "s3api get-bucket-tagging --bucket {name}", "TagSet"),
    ("Buckets", "s3api get-bucket-versioning --bucket {name}", "Status"),
];

/// Everything that stands in an account, by its name, with what the CLI tells of roles, streams, alarms, buckets and groups.
pub fn inventory(account: &str) -> Vec<String> {
    let plain = Session::at(&emulators::ministack().url, account);
    let session = Session { ec2: network().to_owned(), ..plain };
    let commands: Vec<String> = LISTS.iter().map(|(words, ..)| words.replace("{account}", account)).collect();
    let (mut found, mut details) = (Vec::new(), Vec::new());
    for ((words, list, name, more), answer) in LISTS.iter().zip(session.aws_all(&commands)) {
        // Without the stream there is nobody whose consumers could be listed.
        let Ok(answer) = answer else {
            assert!(words.contains("list-stream-consumers"), "{words}: {answer:?}");
            continue;
        };
        for item in answer[*list].as_array().into_iter().flatten() {
            let own = if name.is_empty() { item } else { &item[*name] };
            let own = own.as_str().unwrap_or_else(|| panic!("{words}: {item}"));
            if ["deleted", "Deleted"].iter().any(|state| item["State"] == *state) {
                continue;
            }
            found.push(format!("{list} {own}"));
            found.extend(more.iter().map(|field| format!("{list} {own} {field} {}", stable(&item[*field]))));
            let asked = DETAILS.iter().filter(|(of, ..)| of == list);
            details.extend(asked.map(|(_, words, field)| (words.replace("{name}", own), *field)));
        }
    }
    let commands: Vec<String> = details.iter().map(|(words, _)| words.clone()).collect();
    for ((words, field), answer) in details.iter().zip(session.aws_all(&commands)) {
        // A bucket without a lifecycle is told by an error.
        let told = answer.map_or_else(|_| "none".to_owned(), |answer| stable(&answer[*field]));
        found.push(format!("{words}: {told}"));
    }
    let mut found: Vec<String> = found.iter().map(|line| without_ids(line, account)).collect();
    found.sort();
    found
}

/// A value without what differs from run to run though it means the same: moments, the ledger of limited calls, and how a thing came to us.
fn stable(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        for name in ["StreamCreationTimestamp", "StreamARN", "KeyId", "StreamId"] {
            map.remove(name);
        }
    }
    if let Some(list) = value.as_array_mut() {
        list.retain(|item| !["tidegate:ledger", "tidegate:adopted"].iter().any(|key| item["Key"] == *key));
        list.sort_by_key(Value::to_string);
    }
    value.to_string()
}

/// Ids that AWS assigns, and the account.
fn without_ids(line: &str, account: &str) -> String {
    const IDS: &str = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:vpce|vpc|sg|sgr|subnet)-[0-9a-f]+|consumer/[a-z]+:[0-9]+";
    let ids = Regex::new(IDS).expect("a pattern");
    ids.replace_all(line, "ID").replace(account, "ACCOUNT")
}
