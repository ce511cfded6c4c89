//! Rights by which others can be had: roles handed on, policies rewritten, everything but something.

use crate::lint::iam::arn::Arn;
use crate::lint::iam::fact::Fact;
use crate::lint::iam::policy::{Kind, Policy, Statement};

use super::listed;

/// Actions that alone let somebody give himself any right, where they may act on anybody.
const RAISING: &[&str] = &[
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
];

/// Actions that run something with a role of the caller's choice, if it may be handed over.
const CARRIERS: &[&str] = &[
    "cloudformation:CreateStack",
    "codebuild:CreateProject",
    "datapipeline:CreatePipeline",
    "ec2:RunInstances",
    "ecs:RunTask",
    "events:PutTargets",
    "firehose:CreateDeliveryStream",
    "glue:CreateDevEndpoint",
    "glue:CreateJob",
    "iot:CreateTopicRule",
    "kinesisanalytics:CreateApplication",
    "lambda:CreateFunction",
    "pipes:CreatePipe",
    "sagemaker:CreateNotebookInstance",
    "scheduler:CreateSchedule",
    "ssm:StartAutomationExecution",
    "states:CreateStateMachine",
];

pub(super) fn check(kind: Kind, statement: &Statement, facts: &mut Vec<Fact>) {
    inverted(statement, facts);
    if kind != Kind::Identity || !statement.allows {
        return;
    }
    let Some(resources) = anybody(statement) else { return };
    if statement.names_action("iam:PassRole") && named(statement, "iam:PassRole") {
        let limited = statement.condition("iam:PassedToService").is_some()
            || statement.condition("iam:AssociatedResourceArn").is_some();
        if !limited {
            let message = "any role of the account may be handed to any service";
            let fact = Fact::new("passrole-unscoped", resources, message);
            facts.push(fact.help("name the roles, and add a condition on iam:PassedToService"));
        }
    }
    let held: Vec<String> =
        RAISING.iter().filter(|action| named(statement, action)).map(|action| (*action).to_owned()).collect();
    if !held.is_empty() {
        let message = format!("{} on anybody: whoever holds this may give himself any right", listed(&held));
        let fact = Fact::new("privilege-escalation", resources, message).with("actions", held.join(" "));
        facts.push(fact.help("name the users, roles or policies that it is for, or add a permissions boundary"));
    }
}

/// The statement says so itself; what `*` and `iam:*` hold is told as a wildcard already.
fn named(statement: &Statement, action: &str) -> bool {
    let items = &statement.actions.items;
    !statement.actions.not
        && items.iter().any(|item| item.text != "*" && item.text != "iam:*" && item.is_action(action))
}

/// The place of a resource that means every user, role or policy.
fn anybody(statement: &Statement) -> Option<&crate::model::Path> {
    let resources = statement.resources.as_ref().filter(|listed| !listed.not)?;
    let wide = |text: &str| match Arn::split(text) {
        Some(arn) => {
            arn.service == "iam"
                && arn.resource.split_once('/').map_or(arn.resource, |(_, name)| name).trim_matches('*').is_empty()
        }
        None => text.ends_with('*') && "arn:aws:iam::".starts_with(text.trim_end_matches('*')),
    };
    resources.items.iter().find(|item| wide(&item.text)).map(|item| &item.path)
}

/// PassRole here and something to pass it to there.
pub(super) fn combined(policy: &Policy, facts: &mut Vec<Fact>) {
    if policy.kind != Kind::Identity {
        return;
    }
    let allowing = || policy.statements.iter().filter(|statement| statement.allows);
    let Some(passing) =
        allowing().find(|one| named(one, "iam:PassRole") && anybody(one).is_some() && one.conditions.is_empty())
    else {
        return;
    };
    let held: Vec<String> = CARRIERS
        .iter()
        .filter(|action| allowing().any(|statement| named(statement, action)))
        .map(|action| (*action).to_owned())
        .collect();
    if held.is_empty() {
        return;
    }
    let message = format!("`iam:PassRole` on any role, and {}: whoever holds both may act as any role", listed(&held));
    let fact = Fact::new("privilege-escalation", &passing.path, message);
    facts.push(fact.with("actions", held.join(" ")).help("name the roles that may be handed over"));
}

fn inverted(statement: &Statement, facts: &mut Vec<Fact>) {
    let mut told = |path: &crate::model::Path, element: &str, message: &str, help: &str| {
        let fact = Fact::new("not-element", path, message).at_key().help(help).with("element", element);
        facts.push(fact.with("effect", if statement.allows { "Allow" } else { "Deny" }));
    };
    if statement.actions.not && statement.allows {
        let message = "every action of every service but these is allowed, those of tomorrow included";
        told(&statement.actions.path, "NotAction", message, "name the actions that are allowed");
    }
    if let Some(resources) = statement.resources.as_ref().filter(|listed| listed.not && statement.allows) {
        let message = "every resource but these is allowed, those of tomorrow included";
        told(&resources.path, "NotResource", message, "name the resources that are allowed");
    }
    if let Some(path) = &statement.not_principal {
        let (message, help) = if statement.allows {
            ("everybody in the world but these is allowed", "name who is allowed")
        } else {
            (
                "AWS advises against NotPrincipal: role sessions are named by it only in part",
                "use a condition on aws:PrincipalArn",
            )
        };
        told(path, "NotPrincipal", message, help);
    }
}
