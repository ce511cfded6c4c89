//! Who may take a role on, and for whom they act (the confused deputy).

use crate::lint::iam::catalog::Catalog;
use crate::lint::iam::fact::Fact;
use crate::lint::iam::policy::{Kind, Principal, Statement};

/// Keys by which a service says for whom it acts.
const SOURCES: &[&str] =
    &["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "sts:externalid"];

pub(super) fn check(kind: Kind, statement: &Statement, catalog: &Catalog, facts: &mut Vec<Fact>) {
    if kind != Kind::Trust || !statement.allows {
        return;
    }
    for principal in &statement.principals {
        let name = principal.name.text.as_str();
        match principal.kind.as_str() {
            "Service" => service(statement, principal, catalog, facts),
            "Federated" => federated(statement, principal, facts),
            _ => {}
        }
        if let Some(action) = action(&principal.kind, name).filter(|action| !statement.names_action(action)) {
            let message = format!("`{name}` takes a role on by `{action}`, which the statement does not name");
            let fact = Fact::new("trust-action", &statement.actions.path, message);
            facts.push(
                fact.help(format!("write \"Action\": \"{action}\"")).related(&principal.name.path, "this principal"),
            );
        }
    }
}

/// The action by which a principal takes a role on.
fn action(kind: &str, name: &str) -> Option<&'static str> {
    match kind {
        "Service" | "AWS" => Some("sts:AssumeRole"),
        "Federated" if name.contains(":saml-provider/") => Some("sts:AssumeRoleWithSAML"),
        "Federated" => Some("sts:AssumeRoleWithWebIdentity"),
        _ => None,
    }
}

fn service(statement: &Statement, principal: &Principal, catalog: &Catalog, facts: &mut Vec<Fact>) {
    let name = &principal.name.text;
    let Some(documented) = catalog.deputy(&name.replace(".amazonaws.com.cn", ".amazonaws.com")) else { return };
    let has = |key: &&str| {
        statement.condition(key).is_some_and(|condition| !condition.values.iter().all(|one| one.text == "*"))
    };
    if SOURCES.iter().any(has) {
        return;
    }
    let message = format!("`{name}` takes the role on for whoever in any account can name it");
    let fact =
        Fact::new("trust-unscoped", &principal.name.path, message).with("principal", name).with("source", documented);
    let help = if name.starts_with("firehose.") {
        "add \"Condition\": { \"StringEquals\": { \"sts:ExternalId\": \"ACCOUNT\" } }".to_owned()
    } else {
        format!("add a condition on aws:SourceAccount and aws:SourceArn ({documented})")
    };
    facts.push(fact.help(help));
}

fn federated(statement: &Statement, principal: &Principal, facts: &mut Vec<Fact>) {
    let name = principal.name.text.as_str();
    let host = name.split_once("oidc-provider/").map_or(name, |(_, host)| host);
    let named = |claim: &str| {
        let keys =
            statement.conditions.iter().filter(|one| one.key.text.eq_ignore_ascii_case(&format!("{host}:{claim}")));
        keys.into_iter().any(|one| !one.values.iter().all(|value| value.text.chars().all(|c| c == '*')))
    };
    let (claim, missing, whose) = if host == "token.actions.githubusercontent.com" {
        ("sub", !named("sub"), "any repository on GitHub")
    } else if host == "cognito-identity.amazonaws.com" {
        ("aud", !named("aud"), "any identity pool of any account")
    } else if name.contains(":saml-provider/") {
        return;
    } else {
        ("sub", !named("sub") && !named("aud"), "anybody whom the provider knows")
    };
    if missing {
        let message = format!("{whose} may take the role on");
        let fact = Fact::new("trust-unscoped", &principal.name.path, message).with("principal", name);
        facts.push(fact.help(format!("add a condition on `{host}:{claim}`")));
    }
}
