use super::*;
use crate::kinds::wish;

fn scope(pipeline: &str) -> Scope {
    let text = |text: &str| text.to_owned();
    Scope { pipeline: text(pipeline), partition: text("aws"), region: text("eu-west-1"), account: text("123456789012") }
}

fn spec(pipeline: &str, rest: &str) -> Pipeline {
    let text = format!("apiVersion: tidegate/v1\npipeline: {pipeline}\nalarms: {{ off: true }}\n{rest}");
    serde_yaml::from_str(&text).unwrap()
}

fn graph(pipeline: &str, rest: &str) -> Graph {
    let wishes = wish(&spec(pipeline, rest), &scope(pipeline));
    assert_eq!(wishes.problems, []);
    wishes.graph
}

/// Where an action is allowed: resource and condition.
fn allowed(policy: &Value, action: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        if statement["Action"].as_array().unwrap().iter().any(|one| one == action) {
            let only = if statement["Condition"].is_null() { "" } else { " if " };
            // On resources of other services the action means nothing.
            let service = format!("arn:aws:{}:", action.split(':').next().unwrap());
            let on = statement["Resource"].as_array().unwrap().iter();
            for on in on.filter(|on| *on == "*" || on.as_str().unwrap().starts_with(&service)) {
                found.push(format!("{}{only}{}", on.as_str().unwrap(), statement["Condition"]).replace("null", ""));
            }
        }
    }
    found.sort();
    found
}

const STREAMS: &str = "streams: { clicks: {}, sized: { capacity: { mode: provisioned, shards: 2 } }, ranged: { capacity: { mode: provisioned, shards: { min: 1, max: 4 } } } }";

#[test]
fn everything_that_a_pipeline_may_own_can_be_looked_for() {
    let policy = deployer(&graph("shop", STREAMS), &scope("shop"), true).policy();
    for (action, on) in [
        ("iam:ListRoles", "*"),
        ("iam:GetRolePolicy", "arn:aws:iam::123456789012:role/tidegate/shop/*"),
        ("ec2:DescribeVpcEndpoints", "*"),
        ("ec2:DescribeSecurityGroups", "*"),
        ("logs:DescribeLogGroups", "*"),
        ("kinesis:DescribeStreamSummary", "arn:aws:kinesis:eu-west-1:123456789012:stream/*"),
        ("kinesis:DescribeStreamConsumer", "arn:aws:kinesis:eu-west-1:123456789012:stream/*/consumer/*:*"),
        ("s3:GetBucketTagging", "arn:aws:s3:::*"),
    ] {
        assert_eq!(allowed(&policy, action), [on], "{action}");
    }
    // A role that is not there has no path.
    let roles = ["shop-*", "tidegate/shop/*"].map(|name| format!("arn:aws:iam::123456789012:role/{name}"));
    assert_eq!(allowed(&policy, "iam:GetRole"), roles);
}

#[test]
fn what_has_left_the_spec_is_deleted_by_its_tag_or_its_own_folder() {
    let tagged = r#" if {"StringEquals":{"aws:ResourceTag/tidegate:pipeline":"shop"}}"#;
    let arn = |rest: &str| format!("arn:aws:kinesis:eu-west-1:123456789012:stream/{rest}");
    let graph = graph("shop", STREAMS);
    let policy = deployer(&graph, &scope("shop"), true).policy();
    assert_eq!(
        allowed(&policy, "kinesis:DeleteStream"),
        [format!("{}{tagged}", arn("*")), arn("clicks"), arn("ranged"), arn("sized")]
    );
    assert_eq!(allowed(&policy, "iam:DeleteRole"), ["arn:aws:iam::123456789012:role/tidegate/shop/*"]);
    assert_eq!(
        allowed(&policy, "cloudwatch:DeleteAlarms"),
        [format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-*{tagged}")]
    );
    assert_eq!(
        allowed(&policy, "kms:DeleteAlias"),
        [
            "arn:aws:kms:eu-west-1:123456789012:alias/tidegate/shop/*".to_owned(),
            format!("arn:aws:kms:eu-west-1:123456789012:key/*{tagged}"),
        ]
    );
    for action in ["s3:DeleteBucket", "s3:DeleteObject"] {
        assert_eq!(allowed(&policy, action), [""; 0], "no tag tells whose a bucket is");
    }
    let policy = deployer(&graph, &scope("shop"), false).policy();
    assert_eq!(allowed(&policy, "kinesis:DeleteStream"), [arn("clicks"), arn("ranged"), arn("sized")]);
    assert_eq!(allowed(&policy, "iam:DeleteRole"), [""; 0]);
    assert_eq!(allowed(&policy, "iam:ListRoles").len(), 1, "looking is always needed");
}

#[test]
fn archives_pass_their_role_to_firehose_only_and_touch_their_own_log_group() {
    let archive =
        "streams: { clicks: {} }\narchives: { clicks-raw: { from: clicks, s3: { bucket: acme, create: true } } }";
    let policy = deployer(&graph("shop", archive), &scope("shop"), true).policy();
    let only = r#" if {"StringEquals":{"iam:PassedToService":"firehose.amazonaws.com"}}"#;
    assert_eq!(allowed(&policy, "iam:PassRole"), [format!("arn:aws:iam::123456789012:role/tidegate/shop/*{only}")]);
    let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/kinesisfirehose/clicks-raw";
    assert_eq!(allowed(&policy, "logs:PutRetentionPolicy"), [group.to_owned(), format!("{group}:*")]);
    assert_eq!(allowed(&policy, "s3:DeleteBucket"), ["arn:aws:s3:::acme"]);
}

#[test]
fn the_controller_resizes_only_what_has_a_range() {
    let policy = controller(&spec("shop", STREAMS), &graph("shop", STREAMS), &scope("shop")).policy();
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/ranged";
    for action in ["kinesis:UpdateShardCount", "kinesis:AddTagsToStream"] {
        let tagged = r#" if {"StringEquals":{"aws:ResourceTag/tidegate:pipeline":"shop"}}"#;
        assert_eq!(allowed(&policy, action), [format!("{arn}{tagged}")], "{action}");
    }
    assert_eq!(allowed(&policy, "kinesis:DescribeStreamSummary").len(), 3);
    assert_eq!(allowed(&policy, "cloudtrail:LookupEvents"), ["*"], "whose resizes count");
    let fixed = "streams: { clicks: {}, sized: { capacity: { mode: provisioned, shards: 2 } } }";
    let of_fixed = controller(&spec("shop", fixed), &graph("shop", fixed), &scope("shop")).policy();
    assert_eq!(allowed(&of_fixed, "cloudtrail:LookupEvents"), [""; 0], "nothing is resized");
    assert_eq!(allowed(&policy, "kinesis:EnableEnhancedMonitoring"), [""; 0]);
}

#[test]
fn the_controller_may_split_only_where_some_stream_allows_it() {
    let ranged = |name: &str, scaling: &str| {
        format!("{name}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 4 }} }}{scaling} }}")
    };
    let streams = |last: &str| {
        let all = [ranged("plain", ""), ranged("told", ", scaling: { splitMerge: forbid }"), last.to_owned()];
        format!("streams: {{ {} }}", all.join(", "))
    };
    let policy = |rest: &str| controller(&spec("shop", rest), &graph("shop", rest), &scope("shop")).policy();
    let (without, with) = (
        policy(&streams(&ranged("free", ", scaling: { objective: strict }"))),
        policy(&streams(&ranged("free", ", scaling: { splitMerge: allow }"))),
    );
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/free";
    let tagged = r#" if {"StringEquals":{"aws:ResourceTag/tidegate:pipeline":"shop"}}"#;
    for (action, only) in [("ListShards", ""), ("SplitShard", tagged)] {
        let action = format!("kinesis:{action}");
        assert_eq!(allowed(&without, &action), [""; 0], "{action}");
        let on = allowed(&with, &action);
        assert!(on.contains(&format!("{arn}{only}")), "{action}: {on:?}");
        assert!(on.iter().all(|on| on.ends_with(only)), "{action}: {on:?}");
    }
    assert_eq!(allowed(&with, "kinesis:UpdateShardCount").len(), 3);
    assert_eq!(allowed(&with, "kinesis:MergeShards"), [""; 0], "which are cold is not known");
    // Which shard is hot the list of them tells, where each says how full it is.
    let metrics = |names: &str| policy(&streams(&ranged("free", &format!(", shardMetrics: [{names}]"))));
    let told = metrics("IncomingBytes, IncomingRecords");
    assert!(allowed(&told, "kinesis:ListShards").contains(&arn.to_owned()), "{told}");
    assert_eq!(allowed(&told, "kinesis:SplitShard"), [""; 0]);
    assert_eq!(allowed(&told, "kinesis:MergeShards"), [""; 0]);
    assert_eq!(allowed(&metrics("IncomingBytes"), "kinesis:ListShards"), [""; 0]);
    let both = ", scaling: { splitMerge: allow }, shardMetrics: [IncomingBytes, IncomingRecords]";
    let on = allowed(&policy(&streams(&ranged("free", both))), "kinesis:MergeShards");
    assert!(on.contains(&format!("{arn}{tagged}")), "{on:?}");
}

#[test]
fn the_controller_may_switch_shard_metrics_only_where_a_stream_leaves_it_to_it() {
    let stream = |shards: &str, scaling: &str| {
        format!(
            "streams: {{ plain: {{}}, clicks: {{ capacity: {{ mode: provisioned, shards: {shards} }}{scaling} }} }}"
        )
    };
    let policy = |rest: &str| controller(&spec("shop", rest), &graph("shop", rest), &scope("shop")).policy();
    let range = "{ min: 1, max: 4 }";
    let with = policy(&stream(range, ", scaling: { shardMetrics: auto }"));
    let declared = policy(&stream(range, ", shardMetrics: [IncomingBytes, IncomingRecords]"));
    let as_declared = policy(&stream(range, ", scaling: { shardMetrics: asDeclared }"));
    for action in ["kinesis:EnableEnhancedMonitoring", "kinesis:DisableEnhancedMonitoring"] {
        assert_eq!(allowed(&with, action), ["*"], "AWS knows nothing narrower");
        assert_eq!(allowed(&declared, action), [""; 0], "{action}");
        assert_eq!(allowed(&as_declared, action), [""; 0], "{action}");
    }
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
    assert_eq!(allowed(&with, "kinesis:ListShards"), [arn], "which of them is hot");
    let splitting = policy(&stream(range, ", scaling: { shardMetrics: auto, splitMerge: allow }"));
    assert_eq!(allowed(&splitting, "kinesis:MergeShards").len(), 1);
}

#[test]
fn the_controller_may_change_how_those_functions_read_that_a_spec_names() {
    let stream = |scaling: &str| {
        format!(
            "streams: {{ clicks: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 4 }} }}, scaling: {{ {scaling} }} }} }}"
        )
    };
    let policy = |rest: &str| controller(&spec("shop", rest), &graph("shop", rest), &scope("shop")).policy();
    let without = policy(&stream("objective: strict"));
    assert!(!without.to_string().contains("lambda"), "{without}");
    let live = "arn:aws:lambda:eu-west-1:123456789012:function:store:live";
    let with = policy(&stream(&format!(
        "lambda: [{{ function: enrich, parallelization: {{ max: 4 }} }}, {{ function: '{live}', parallelization: {{ max: 2 }} }}]"
    )));
    assert_eq!(allowed(&with, "lambda:ListEventSourceMappings"), ["*"]);
    let enrich = "arn:aws:lambda:eu-west-1:123456789012:function:enrich";
    let only = json!({ "ArnLike": { "lambda:FunctionArn": [enrich, format!("{enrich}:*"), live] } });
    for action in ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"] {
        let on = format!("arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:* if {only}");
        assert_eq!(allowed(&with, action), [on], "{action}");
    }
}

#[test]
fn several_pipelines_are_one_policy_and_a_long_one_is_divided_without_loss() {
    let streams = |of: &str| {
        let names: Vec<String> = (0..60).map(|n| format!("{of}-stream-with-a-long-name-{n}: {{}}")).collect();
        format!("streams: {{ {} }}", names.join(", "))
    };
    let both = || {
        let mut grants = deployer(&graph("one", &streams("one")), &scope("one"), true);
        grants.merge(deployer(&graph("two", &streams("two")), &scope("two"), true));
        grants
    };
    let whole = both().policy();
    assert_eq!(allowed(&whole, "kinesis:CreateStream").len(), 120);
    assert_eq!(allowed(&whole, "iam:GetRolePolicy").len(), 2);
    assert!(length(&whole) > LONGEST_POLICY);
    let divided = both().policies();
    let actions = |policies: &[Value]| {
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone());
        statements.map(|statement| statement.to_string()).collect::<BTreeSet<String>>()
    };
    assert!(divided.len() > 1);
    assert_eq!(actions(&divided), actions(&[whole]));
    for policy in &divided {
        let statements = policy["Statement"].as_array().unwrap().len();
        assert!(length(policy) <= LONGEST_POLICY || statements == 1);
    }
}
