//! A policy of ours as ministack can judge it. What a statement does not allow it still does not allow there.

use serde_json::{Value, json};

/// ministack finds no resource in these calls and judges them as if they were about everything.
const WITHOUT_RESOURCE: &[&str] = &[
    "kinesis:DeregisterStreamConsumer",
    "kinesis:DescribeStreamConsumer",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:ModifyVpcEndpoint",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVpcEndpoints",
];

/// AWS asks for the right to these on an alias and on its key, which are two statements; ministack asks once. It is the alias's that counts.
const OF_AN_ALIAS: &[&str] = &["kms:DeleteAlias"];

/// What conditions ask for and ministack does not know where it judges calls of these services: the tags of a resource (moto keeps those
/// of EC2), and whose an event source mapping is.
const WITHOUT_KEY: &[(&str, &[&str])] =
    &[("aws:ResourceTag/", &["kinesis:", "firehose:", "ec2:"]), ("lambda:FunctionArn", &["lambda:"])];

/// One or several.
pub fn texts(statement: &Value, field: &str) -> Vec<String> {
    match &statement[field] {
        Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        one => vec![one.as_str().unwrap_or_default().to_owned()],
    }
}

/// The policy for ministack, where it does not judge like AWS: it knows roles by their names without the path, a key
/// that is called by its alias by the alias, where AWS looks the key up, and rules below the name of their bus.
pub fn for_ministack(policy: &Value) -> Value {
    let statements = policy["Statement"].as_array().expect("statements").iter().flat_map(judged);
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

fn judged(statement: &Value) -> Vec<Value> {
    let (actions, mut resources) = (texts(statement, "Action"), texts(statement, "Resource"));
    for resource in resources.clone() {
        if let Some((start, path)) = resource.split_once(":role/tidegate/") {
            let name = path.split_once('/').expect("a pipeline's path").1;
            resources.push(format!("{start}:role/{name}"));
        }
        resources.extend(resource.split_once(":rule/").map(|(start, name)| format!("{start}:rule/default/{name}")));
        resources.extend(resource.strip_suffix(":key/*").map(|start| format!("{start}:alias/tidegate/*")));
    }
    let mut own = statement.clone();
    own["Resource"] = resources.clone().into();
    let condition = statement["Condition"].to_string();
    let starts = |action: &&String, list: &[&str]| list.iter().any(|start| action.starts_with(start));
    let unknown = |action: &&String| WITHOUT_KEY.iter().any(|(key, of)| condition.contains(key) && starts(action, of));
    let unconditional: Vec<_> = actions.iter().filter(unknown).collect();
    let blurred = actions.iter().filter(|action| starts(action, WITHOUT_RESOURCE));
    let blurred: Vec<_> =
        blurred.filter(|action| statement["Condition"].is_null() || !starts(action, OF_AN_ALIAS)).collect();
    let mut all = vec![own];
    for (actions, on) in [(unconditional, resources), (blurred, vec!["*".to_owned()])] {
        if !actions.is_empty() {
            all.push(json!({ "Effect": "Allow", "Action": actions, "Resource": on }));
        }
    }
    all
}
