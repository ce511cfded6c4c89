//! Who may assume a role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{NO_ACCOUNT, Path, Problem, Scope, Value};

/// Who may take the role on: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// An AWS service, such as `ecs-tasks.amazonaws.com`. Where AWS documents conditions that keep it from acting for
    /// another account (the confused deputy), they are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ecs-tasks.amazonaws.com")]
    pub service: Option<String>,
    /// The ARN of an IAM role that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"arn:aws:iam::123456789012:role/fraud")]
    pub role: Option<String>,
    /// An account, twelve digits in quotes: whoever that account allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"210987654321")]
    pub account: Option<String>,
}

/// Services whose documentation asks for conditions on `aws:SourceAccount` and, as a pattern, `aws:SourceArn`.
///
/// Others are left without: a service that sends no such key could not assume the role at all. Lambda and EC2 are
/// absent on purpose, because they act for their own account only and document no condition.
const DEPUTIES: &[(&str, &str)] = &[
    // docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    ("ecs-tasks", "arn:{partition}:ecs:{region}:{account}:*"),
    // docs.aws.amazon.com/iot/latest/developerguide/cross-service-confused-deputy-prevention.html
    ("iot", "arn:{partition}:iot:{region}:{account}:*"),
    // docs.aws.amazon.com/managed-flink/latest/java/iam-cross-service-confused-deputy-prevention.html
    ("kinesisanalytics", "arn:{partition}:kinesisanalytics:{region}:{account}:*"),
    // docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
    ("pipes", "arn:{partition}:pipes:{region}:{account}:pipe/*"),
    ("events", "arn:{partition}:events:{region}:{account}:rule/*"),
    // docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    ("states", "arn:{partition}:states:{region}:{account}:stateMachine:*"),
    // docs.aws.amazon.com/streams/latest/dev: service role of a channel
    ("kinesis", "arn:{partition}:kinesis:{region}:{account}:channel/*"),
];

impl Trust {
    pub fn check(&self, scope: &Scope, at: &Path, problems: &mut Vec<Problem>) {
        let mut wrong = |path: Path, message: String, help: &str| {
            problems.push(Problem::new("invalid-value", path, message).help(help));
        };
        let named = [self.service.is_some(), self.role.is_some(), self.account.is_some()];
        if named.into_iter().filter(|is| *is).count() != 1 {
            let help = "for example trust: { service: ecs-tasks.amazonaws.com }; several need several roles";
            wrong(at.clone(), "`trust` names exactly one of service, role and account".into(), help);
        }
        if let Some(service) = &self.service
            && !is_service(service)
        {
            let help = "write its principal, for example ecs-tasks.amazonaws.com or lambda.amazonaws.com";
            wrong(at.key("service"), format!("`{service}` is not an AWS service"), help);
        }
        if let Some(role) = &self.role {
            let help = "write its whole ARN, for example arn:aws:iam::123456789012:role/fraud";
            let partition = role.split(':').nth(1).unwrap_or_default();
            if !(role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/")) {
                wrong(at.key("role"), format!("`{role}` is not a role's ARN"), help);
            } else if role.contains(['*', '?']) {
                let message = format!("`{role}` stands for many roles, and IAM takes none of them as a principal");
                wrong(at.key("role"), message, "name one role, or trust its account: { account: \"210987654321\" }");
            } else if partition != scope.partition && scope.account != NO_ACCOUNT {
                let message =
                    format!("`{role}` is of the partition {partition}, and this pipeline of {}", scope.partition);
                wrong(at.key("role"), message, "IAM knows no roles of other partitions: name one of this partition");
            }
        }
        if let Some(account) = &self.account
            && !is_account(account)
        {
            wrong(at.key("account"), format!("`{account}` is not an account"), "write twelve digits in quotes");
        }
    }

    /// The trust document.
    pub fn document(&self, scope: &Scope) -> Value {
        match (&self.service, &self.role, &self.account) {
            (Some(service), _, _) => service_trust(service, deputy(scope, service)),
            (_, Some(role), _) => trust(("AWS", role.clone()), None),
            (_, _, account) => {
                let account = account.as_deref().unwrap_or_default();
                trust(("AWS", format!("arn:{}:iam::{account}:root", scope.partition)), None)
            }
        }
    }
}

/// `ecs-tasks.amazonaws.com`: words of small letters, digits and hyphens with dots between them.
fn is_service(service: &str) -> bool {
    let name = [".amazonaws.com", ".amazonaws.com.cn"].iter().find_map(|domain| service.strip_suffix(domain));
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.is_some_and(|name| name.split('.').all(is_word))
}

/// Twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A service may assume the role, under these conditions.
pub fn service_trust(service: &str, conditions: Option<Value>) -> Value {
    trust(("Service", service.to_owned()), conditions)
}

fn trust(principal: (&str, String), conditions: Option<Value>) -> Value {
    let mut statement = vec![
        ("Effect", Value::text("Allow")),
        ("Principal", Value::map([principal])),
        ("Action", Value::text("sts:AssumeRole")),
    ];
    statement.extend(conditions.map(|conditions| ("Condition", conditions)));
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(vec![Value::map(statement)]))])
}

/// The conditions that AWS documents for the service.
fn deputy(scope: &Scope, service: &str) -> Option<Value> {
    let (_, source) = DEPUTIES.iter().find(|(name, _)| service.split('.').next() == Some(*name))?;
    Some(Value::map([
        ("StringEquals", Value::map([("aws:SourceAccount", scope.account.clone())])),
        ("ArnLike", Value::map([("aws:SourceArn", scope.fill(source, ""))])),
    ]))
}
