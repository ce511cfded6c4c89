//! Who is named: forms that IAM knows, and nobody by accident.

use crate::lint::iam::arn::Arn;
use crate::lint::iam::fact::Fact;
use crate::lint::iam::policy::{Condition, Kind, Principal, Statement};

use super::values::Operator;

pub(super) fn check(kind: Kind, statement: &Statement, facts: &mut Vec<Fact>) {
    for principal in &statement.principals {
        if let Some((message, help)) = wrong(principal) {
            let fact = Fact::new("invalid-principal", &principal.name.path, message).help(help);
            facts.push(fact.with("principal", &principal.name.text));
        }
    }
    if kind == Kind::Endpoint {
        endpoint(statement, facts);
    } else {
        public(statement, facts);
    }
    if kind == Kind::Resource && is_stream_policy(statement) {
        stream(statement, facts);
    }
}

/// What IAM does not take, and what to write.
fn wrong(principal: &Principal) -> Option<(String, String)> {
    let text = principal.name.text.as_str();
    let told = |message: String, help: &str| Some((message, help.to_owned()));
    match principal.kind.as_str() {
        "AWS" if text == "*" || is_account(text) => None,
        "AWS" if ["AIDA", "AROA", "AGPA"].iter().any(|id| text.starts_with(id)) && !text.contains(':') => {
            let help = "it appears where the user or role behind an ARN was deleted: name the new one";
            told(format!("`{text}` is the id of somebody who no longer exists"), help)
        }
        "AWS" => match Arn::split(text) {
            Some(arn) if !matches!(arn.service, "iam" | "sts") => {
                told(format!("`{text}` is no account, role or user"), "name one, or a `Service`")
            }
            Some(arn) if arn.resource.starts_with("group/") => {
                told("a group cannot be a principal".into(), "name its users or, better, a role")
            }
            Some(arn) if arn.resource.contains(['*', '?']) || arn.account.contains('*') => {
                let help = "name the account and put the pattern into a condition on aws:PrincipalArn";
                told(format!("`{text}`: IAM takes no pattern in the ARN of a principal"), help)
            }
            Some(arn) if !is_account(arn.account) => {
                told(format!("`{}` is no account", arn.account), "an account has twelve digits")
            }
            Some(_) => None,
            None => told(
                format!("`{text}` is neither an account nor an ARN"),
                "for example arn:aws:iam::123456789012:role/web",
            ),
        },
        "Service" if text == "*" => told("a pattern names no service".into(), "for example firehose.amazonaws.com"),
        "Service"
            if !(text.ends_with(".amazonaws.com")
                || text.ends_with(".amazonaws.com.cn")
                || text.ends_with(".aws.internal")) =>
        {
            told(format!("`{text}` is no service of AWS"), "for example firehose.amazonaws.com")
        }
        "Service" if text.chars().any(|c| c.is_ascii_uppercase()) => {
            told(format!("`{text}` has capitals"), "services are written in small letters")
        }
        "Federated" if text == "*" => told("any provider is no principal".into(), "name the provider"),
        _ => None,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Keys that say who or where the caller is.
const LIMITS: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
];

/// Does a condition keep strangers out?
fn limits(condition: &Condition) -> bool {
    let key = condition.key.text.to_ascii_lowercase();
    let Ok(operator) = Operator::parse(&condition.operator.text) else { return false };
    let open = |value: &str| value.chars().all(|c| c == '*') || value == "0.0.0.0/0" || value == "::/0";
    let named = LIMITS.contains(&key.as_str()) || key.starts_with("aws:principaltag/");
    named
        && operator.needs_key()
        && !condition.values.is_empty()
        && !condition.values.iter().any(|value| open(&value.text))
}

fn public(statement: &Statement, facts: &mut Vec<Fact>) {
    if !statement.allows || statement.conditions.iter().any(limits) {
        return;
    }
    let anybody =
        statement.principals.iter().find(|one| one.name.text == "*" && matches!(one.kind.as_str(), "*" | "AWS"));
    if let Some(principal) = anybody {
        let fact = Fact::new("public-principal", &principal.name.path, "anybody in the world is allowed");
        let help = "name the accounts or roles, or add a condition on aws:PrincipalOrgID or aws:SourceAccount";
        facts.push(fact.help(help));
    }
}

/// Through an endpoint goes what the endpoint's policy lets through; everybody and everything is what AWS writes when
/// nobody wrote anything.
fn endpoint(statement: &Statement, facts: &mut Vec<Fact>) {
    let everybody = statement.principals.iter().any(|one| one.name.text == "*");
    let everything = !statement.actions.not
        && statement.actions.items.iter().any(|item| item.text == "*" || item.text.ends_with(":*"))
        && statement.on_everything();
    if statement.allows && everybody && everything && statement.conditions.is_empty() {
        let message = "the endpoint lets everybody in the VPC do everything, with the keys of any account";
        let help =
            "name the roles, actions and resources, or add a condition on aws:PrincipalOrgID and aws:ResourceOrgID";
        facts.push(Fact::new("endpoint-open", &statement.path, message).help(help));
    }
}

pub(super) fn is_stream_policy(statement: &Statement) -> bool {
    let of_kinesis = statement
        .resources
        .iter()
        .flat_map(|listed| &listed.items)
        .any(|item| Arn::split(&item.text).is_some_and(|arn| arn.service == "kinesis"));
    of_kinesis || statement.actions.items.iter().any(|item| item.text.to_ascii_lowercase().starts_with("kinesis:"))
}

/// "Wildcards are not supported in actions and principals" of Kinesis's resource policies
/// (docs.aws.amazon.com/streams/latest/dev/resource-based-policy-examples.html).
fn stream(statement: &Statement, facts: &mut Vec<Fact>) {
    let principals = statement.principals.iter().map(|principal| &principal.name);
    let wild = statement.actions.items.iter().chain(principals).filter(|text| text.text.contains('*'));
    for text in wild {
        let message = format!(
            "Kinesis refuses `{}`: its resource policies take no wildcards in actions and principals",
            text.text
        );
        facts.push(
            Fact::new("stream-policy-wildcard", &text.path, message).help("name each action and each account or role"),
        );
    }
}
