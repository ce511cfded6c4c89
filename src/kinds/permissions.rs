//! Least-privilege policies for those who apply and who run a spec, from the tables of the kinds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::stream::{Scaling, SplitMerge};
use super::{KINDS, Pipeline, ResourceKind};
use crate::model::{Graph, PIPELINE, Scope, Value as Attr, When};

/// AWS's limit on the characters of a managed policy, without white space (IAM and STS quotas).
pub const LONGEST_POLICY: usize = 6144;

/// Actions that are allowed on resources under a condition: the parts of a policy before they are put into statements.
#[derive(Default)]
pub struct Grants {
    /// The resources of each condition (as JSON, so that it has an order; empty for none) and action.
    on: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Everything that planning, applying and destroying the graph needs.
///
/// Planning looks for everything that a pipeline may own, also for what has left the spec, so each kind may be read by
/// the pattern of its names. `removals`: what has left the spec may be deleted, where IAM can tell by a name or a tag
/// that it belongs to the pipeline.
pub fn deployer(graph: &Graph, scope: &Scope, removals: bool) -> Grants {
    let mut grants = Grants::default();
    grants.allow("sts:GetCallerIdentity", "*".into(), None);
    grants.allow("tag:GetResources", "*".into(), None);
    if graph.of_kind("stream").next().is_some() {
        // How many of a day's resizes others have spent; without it a plan says that it does not know.
        grants.allow("cloudtrail:LookupEvents", "*".into(), None);
    }
    for kind in KINDS {
        let schema = kind.schema();
        for permit in schema.permits {
            let all = all(*kind, permit.on, scope);
            for action in permit.actions {
                if permit.when == When::Read || (permit.when == When::Delete && removals && looks(action)) {
                    grants.allow(action, all.clone(), None);
                } else if permit.when == When::Delete && removals {
                    let by_name = is_own(*kind, permit.on, scope);
                    match by_tag(action, scope) {
                        _ if by_name => grants.allow(action, all.clone(), None),
                        Some(tagged) => grants.allow(action, all.clone(), Some(tagged)),
                        // Neither a name nor a tag tells whose it is: this needs the spec that still names it.
                        None => {}
                    }
                }
            }
            let mine = graph.of_kind(schema.kind).filter(|desired| !desired.existing || permit.when == When::Read);
            for desired in mine {
                let on = scope.fill(permit.on, &desired.physical);
                for action in permit.actions {
                    // Where AWS assigns the id, the pattern means everybody's, and the tag tells which are ours.
                    let deletes =
                        permit.when == When::Delete && on == all && on != "*" && on.contains('*') && !looks(action);
                    let only = if deletes { by_tag(action, scope) } else { passed_to(action, schema.create) };
                    grants.allow(action, on.clone(), only);
                }
            }
        }
    }
    grants
}

/// What the controller needs: to see, to resize what has a range of shards, and to keep its books on the stream. The
/// right to split and merge single shards is there only where some stream's spec allows it, that to list them also where their own metrics are on or may
/// be turned on, and that to change how a Lambda function reads only where one names it.
///
/// Shard-level metrics belong to the spec, and switching them knows no resource-level permissions, so that the right to it is one on every
/// stream of the account: it is there only where some stream's spec leaves it to the controller.
pub fn controller(spec: &Pipeline, graph: &Graph, scope: &Scope) -> Grants {
    let everywhere = [
        "kinesis:DescribeLimits",
        "kinesis:ListStreams",
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarms",
        "tag:GetResources",
        "sts:GetCallerIdentity",
    ];
    let looks = ["kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"];
    let changes = ["kinesis:UpdateShardCount", "kinesis:AddTagsToStream", "kinesis:RemoveTagsFromStream"];
    let mut grants = Grants::default();
    for action in everywhere {
        grants.allow(action, "*".into(), None);
    }
    for stream in graph.of_kind("stream").filter(|stream| !stream.existing) {
        let Some(arn) = stream.known_output("arn", scope) else { continue };
        for action in looks {
            grants.allow(action, arn.clone(), None);
        }
        if !matches!(stream.attrs.get("shards"), Some(Attr::Map(_))) {
            continue;
        }
        // Whether others' changes of its count were some of the day's resizes, or splits and merges. It knows no resource-level permissions.
        grants.allow("cloudtrail:LookupEvents", "*".into(), None);
        for action in changes {
            grants.allow(action, arn.clone(), by_tag(action, scope));
        }
        let functions = functions(spec, stream.address.name(), scope);
        if !functions.is_empty() {
            // Lists know no resource-level permissions; a mapping is known by its id alone, and the condition tells whose it is.
            grants.allow("lambda:ListEventSourceMappings", "*".into(), None);
            let only = json!({ "ArnLike": { "lambda:FunctionArn": functions } });
            let mappings = scope.fill("arn:{partition}:lambda:{region}:{account}:event-source-mapping:*", "");
            for action in ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"] {
                grants.allow(action, mappings.clone(), Some(only.clone()));
            }
        }
        let name = stream.address.name();
        let (switches, tells_loads) = (switches(spec, name), tells_loads(spec, name));
        if switches {
            // These two know no resource-level permissions, nor conditions on tags.
            for action in ["kinesis:EnableEnhancedMonitoring", "kinesis:DisableEnhancedMonitoring"] {
                grants.allow(action, "*".into(), None);
            }
        }
        if splits(spec, name) || tells_loads || switches {
            grants.allow("kinesis:ListShards", arn.clone(), None);
        }
        if splits(spec, name) {
            grants.allow("kinesis:SplitShard", arn.clone(), by_tag("kinesis:SplitShard", scope));
            // Whether two are cold only their own metrics tell.
            if tells_loads || switches {
                grants.allow("kinesis:MergeShards", arn.clone(), by_tag("kinesis:MergeShards", scope));
            }
        }
    }
    for queue in graph.of_kind("queue").filter_map(|queue| queue.known_output("arn", scope)) {
        for action in ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage"] {
            grants.allow(action, queue.clone(), None);
        }
    }
    grants
}

fn scaling<'a>(spec: &'a Pipeline, name: &str) -> Option<&'a Scaling> {
    spec.streams.iter().find(|(key, _)| key.as_str() == name)?.1.scaling.as_ref()
}

/// Whether the stream's spec lets each shard say how full it is.
fn tells_loads(spec: &Pipeline, name: &str) -> bool {
    spec.streams.iter().any(|(key, stream)| key.as_str() == name && stream.tells_loads())
}

/// Whether the stream's spec leaves it to the controller to turn metrics of single shards on and off.
fn switches(spec: &Pipeline, name: &str) -> bool {
    spec.streams.iter().any(|(key, stream)| key.as_str() == name && !stream.switched_metrics().is_empty())
}

/// Whether the stream's spec allows single splits.
fn splits(spec: &Pipeline, name: &str) -> bool {
    scaling(spec, name).is_some_and(|scaling| scaling.split_merge == SplitMerge::Allow)
}

/// The ARNs of the functions whose parallelization factor the stream's spec gives a range, with those of their versions and aliases.
fn functions(spec: &Pipeline, name: &str, scope: &Scope) -> Vec<String> {
    let arns = |function: &str| match function.split(':').count() {
        1 => {
            let arn = scope.fill("arn:{partition}:lambda:{region}:{account}:function:{name}", function);
            vec![arn.clone(), format!("{arn}:*")]
        }
        // With an alias it is the one.
        8 => vec![function.to_owned()],
        _ => vec![function.to_owned(), format!("{function}:*")],
    };
    scaling(spec, name)
        .into_iter()
        .flat_map(|scaling| &scaling.lambda)
        .flat_map(|of| arns(of.function.as_str()))
        .collect()
}

/// What a controller needs for a ledger in a table.
pub fn table(grants: &mut Grants, table: &str, scope: &Scope) {
    let arn = scope.fill("arn:{partition}:dynamodb:{region}:{account}:table/{name}", table);
    // ConditionCheckItem is what the check of the lease in a transaction needs.
    for verb in ["GetItem", "PutItem", "UpdateItem", "ConditionCheckItem", "Query", "Scan"] {
        grants.allow(&format!("dynamodb:{verb}"), arn.clone(), None);
    }
}

/// The ARN pattern of all resources of a kind that the pipeline may have.
fn all(kind: &dyn ResourceKind, on: &str, scope: &Scope) -> String {
    let names = if on.contains("{part}") {
        "*/*".to_owned()
    } else if on.contains("{parent}") {
        "*".to_owned()
    } else {
        kind.names(scope)
    };
    scope.fill(on, &names)
}

/// Whether such a pattern matches nothing but the pipeline's own: a folder of its own, or one exact name.
fn is_own(kind: &dyn ResourceKind, on: &str, scope: &Scope) -> bool {
    let names = kind.names(scope);
    on.contains("/{pipeline}/") || (on.contains("{name}") && (names.ends_with("/*") || !names.contains('*')))
}

/// The action changes nothing.
fn looks(action: &str) -> bool {
    let verb = action.split(':').nth(1).unwrap_or_default();
    ["List", "Get", "Describe"].iter().any(|word| verb.starts_with(word))
}

/// The condition that the resource carries the pipeline's tag. Actions on buckets do not know it unless the bucket
/// has been set up for it (S3 User Guide, "Using tags for attribute-based access control").
fn by_tag(action: &str, scope: &Scope) -> Option<Value> {
    let key = format!("aws:ResourceTag/{PIPELINE}");
    (!action.starts_with("s3:")).then(|| json!({ "StringEquals": { key: scope.pipeline } }))
}

/// A role is passed only to the service whose resource is created with it.
fn passed_to(action: &str, create: &str) -> Option<Value> {
    let service = create.split(':').next().unwrap_or_default();
    let only = || json!({ "StringEquals": { "iam:PassedToService": format!("{service}.amazonaws.com") } });
    (action == "iam:PassRole").then(only)
}

impl Grants {
    fn allow(&mut self, action: &str, on: String, only: Option<Value>) {
        let only = only.map(|only| only.to_string()).unwrap_or_default();
        self.on.entry((only, action.to_owned())).or_default().insert(on);
    }

    /// Adds those of another pipeline.
    pub fn merge(&mut self, other: Self) {
        for (of, on) in other.on {
            self.on.entry(of).or_default().extend(on);
        }
    }

    /// One policy document with everything.
    pub fn policy(self) -> Value {
        document(self.statements())
    }

    /// As few documents as keep within the limit of a managed policy each, a statement being the smallest part.
    pub fn policies(self) -> Vec<Value> {
        let mut documents: Vec<Vec<Value>> = Vec::new();
        for statement in self.statements() {
            let fits = |rest: &&mut Vec<Value>| {
                let with = rest.iter().chain([&statement]).cloned().collect();
                length(&document(with)) <= LONGEST_POLICY
            };
            match documents.iter_mut().find(fits) {
                Some(rest) => rest.push(statement),
                None => documents.push(vec![statement]),
            }
        }
        documents.into_iter().map(document).collect()
    }

    /// One statement for each condition and set of resources.
    fn statements(self) -> Vec<Value> {
        let mut by_resources: BTreeMap<(String, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
        for ((only, action), on) in &self.on {
            let unconditional = (!only.is_empty()).then(|| self.on.get(&(String::new(), action.clone()))).flatten();
            let left: BTreeSet<String> = widest(on)
                .iter()
                .filter(|one| !unconditional.is_some_and(|free| free.iter().any(|other| covers(other, one))))
                .cloned()
                .collect();
            if !left.is_empty() {
                by_resources.entry((only.clone(), left)).or_default().insert(action.clone());
            }
        }
        // The same actions on different resources are one statement too. Under a condition all are one, since it is the
        // condition that says whose they are, and an action has a meaning only on resources of its own kind.
        let mut by_actions: BTreeMap<(String, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
        let mut by_condition: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for ((only, on), actions) in by_resources {
            if only.is_empty() {
                by_actions.entry((only, actions)).or_default().extend(on);
            } else {
                let (all_actions, all_on) = by_condition.entry(only).or_default();
                all_actions.extend(actions);
                all_on.extend(on);
            }
        }
        for (only, (actions, on)) in by_condition {
            by_actions.insert((only, actions), widest(&on));
        }
        let statement = |((only, actions), on): ((String, BTreeSet<String>), BTreeSet<String>)| {
            let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": on });
            if let Ok(only) = serde_json::from_str::<Value>(&only) {
                statement["Condition"] = only;
            }
            statement
        };
        by_actions.into_iter().map(statement).collect()
    }
}

/// Those that no other one covers.
fn widest(on: &BTreeSet<String>) -> BTreeSet<String> {
    on.iter().filter(|one| !on.iter().any(|other| other != *one && covers(other, one))).cloned().collect()
}

/// Whether a pattern whose only star is its last letter matches all that the other matches.
fn covers(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) if !start.contains('*') => other.starts_with(start),
        _ => pattern == other,
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The characters of a policy as IAM counts them: the names of streams and roles hold no white space.
pub fn length(policy: &Value) -> usize {
    policy.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests;
