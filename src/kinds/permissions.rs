//! Least-privilege policies for those who apply and who run a spec, from the tables of the kinds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{Graph, Schema, Scope, When};

/// AWS's limit on the characters of a managed policy, without white space.
pub const LONGEST_POLICY: usize = 6144;

/// Everything that planning, applying and destroying the graph needs, up to `most`.
pub fn deployer(graph: &Graph, scope: &Scope, schemas: &[&'static Schema], most: When) -> Value {
    let mut grants: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    let mut by_action: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    by_action.entry("sts:GetCallerIdentity".into()).or_default().insert("*".into());
    by_action.entry("tag:GetResources".into()).or_default().insert("*".into());
    for schema in schemas {
        for desired in graph.of_kind(schema.kind) {
            let permits = schema.permits.iter().filter(|permit| permit.when <= most);
            for permit in permits.filter(|permit| !desired.existing || permit.when == When::Read) {
                for action in permit.actions {
                    let on = scope.fill(permit.on, &desired.physical);
                    by_action.entry((*action).to_owned()).or_default().insert(on);
                }
            }
        }
    }
    for (action, mut on) in by_action {
        if on.contains("*") {
            on = BTreeSet::from(["*".to_owned()]);
        }
        grants.entry(on).or_default().insert(action);
    }
    document(grants)
}

/// What the controller needs: to see, to resize, and to keep its books on the stream.
pub fn controller(graph: &Graph, scope: &Scope) -> Value {
    let streams: BTreeSet<String> =
        graph.of_kind("stream").filter_map(|stream| stream.known_output("arn", scope)).collect();
    let everywhere = [
        "kinesis:DescribeLimits",
        "kinesis:ListStreams",
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarms",
        "tag:GetResources",
        "sts:GetCallerIdentity",
        "kinesis:EnableEnhancedMonitoring",
        "kinesis:DisableEnhancedMonitoring",
    ];
    let on_streams = [
        "kinesis:DescribeStreamSummary",
        "kinesis:ListShards",
        "kinesis:ListTagsForStream",
        "kinesis:UpdateShardCount",
        "kinesis:SplitShard",
        "kinesis:MergeShards",
        "kinesis:AddTagsToStream",
        "kinesis:RemoveTagsFromStream",
    ];
    let mut grants = BTreeMap::from([(BTreeSet::from(["*".to_owned()]), everywhere.map(str::to_owned).into())]);
    if !streams.is_empty() {
        grants.insert(streams, on_streams.map(str::to_owned).into());
    }
    document(grants)
}

/// One statement for each set of resources.
fn document(grants: BTreeMap<BTreeSet<String>, BTreeSet<String>>) -> Value {
    let statements: Vec<Value> = grants
        .into_iter()
        .map(|(on, actions)| json!({ "Effect": "Allow", "Action": actions, "Resource": on }))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}
