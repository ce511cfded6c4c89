//! The frame of a document: version, ids, length.

use std::collections::BTreeMap;

use crate::lint::iam::fact::Fact;
use crate::lint::iam::policy::{Kind, Policy};
use crate::model::Path;

/// IAM's limits, in characters without white space
/// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; those of resources in their own guides).
pub(in crate::lint::iam) fn longest(kind: Kind) -> (usize, &'static str) {
    match kind {
        Kind::Identity => {
            (10_240, "the inline policies of a role have 10,240 characters together, a managed policy 6,144")
        }
        Kind::Trust => (8_192, "a trust policy has 2,048 characters, by a raised quota at most 8,192"),
        Kind::Resource => (32_768, "a key policy has at most 32,768 characters, other resource policies 20,480"),
        Kind::Endpoint => (20_480, "an endpoint policy has at most 20,480 characters"),
    }
}

pub(super) fn check(policy: &Policy) -> Vec<Fact> {
    let mut facts = Vec::new();
    let (most, limit) = longest(policy.kind);
    if policy.length > most {
        let message = format!("the document has {} characters without white space; {limit}", policy.length);
        let help = "divide it, or shorten it by patterns that mean the same";
        facts.push(Fact::new("policy-too-long", &Path::root(), message).help(help));
    }
    version(policy, &mut facts);
    sids(policy, &mut facts);
    facts
}

fn version(policy: &Policy, facts: &mut Vec<Fact>) {
    let help = "write \"Version\": \"2012-10-17\"";
    let fact = match &policy.version {
        None => {
            let message = "without `Version` IAM reads the language of 2008, in which variables such as ${aws:username} are plain text";
            Fact::new("policy-version", &Path::root(), message).with("version", "")
        }
        Some(version) => match version.text.as_str() {
            "2012-10-17" => return,
            old @ "2008-10-17" => {
                let message = "the language of 2008 takes variables such as ${aws:username} for plain text";
                Fact::new("policy-version", &version.path, message).with("version", old)
            }
            other => {
                let message = format!("`{other}` is no version of the policy language");
                Fact::new("policy-version", &version.path, message).with("version", other)
            }
        },
    };
    facts.push(fact.help(help));
}

fn sids(policy: &Policy, facts: &mut Vec<Fact>) {
    let mut seen: BTreeMap<&str, &Path> = BTreeMap::new();
    for sid in policy.statements.iter().filter_map(|statement| statement.sid.as_ref()) {
        let spaced = policy.kind == Kind::Resource;
        let fits = |c: char| c.is_ascii_alphanumeric() || (spaced && matches!(c, ' ' | '-' | '_' | '.'));
        if !sid.text.chars().all(fits) {
            let message = format!("the id `{}` has characters other than letters and digits", sid.text);
            let help = "IAM takes A-Z, a-z and 0-9 in a `Sid`";
            facts.push(Fact::new("invalid-sid", &sid.path, message).help(help).with("sid", &sid.text));
        }
        if sid.text.is_empty() {
            continue;
        }
        match seen.get(sid.text.as_str()) {
            Some(first) => {
                let message = format!("the id `{}` stands at another statement too", sid.text);
                let fact = Fact::new("duplicate-sid", &sid.path, message).with("sid", &sid.text);
                facts.push(
                    fact.help("IAM refuses it: give each statement its own, or none").related(first, "first used here"),
                );
            }
            None => {
                seen.insert(&sid.text, &sid.path);
            }
        }
    }
}
