//! What was found out about a policy.

use std::collections::BTreeMap;

use crate::model::Path;

/// One fact, with the place in the policy's document that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// A stable slug, one of [`CODES`].
    pub code: &'static str,
    /// Where in the policy.
    pub path: Path,
    /// The key itself is meant, not its value.
    pub at_key: bool,
    /// What is so, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// What rules may want to look at: `action`, `resource`, `suggestion`, …
    pub details: BTreeMap<&'static str, String>,
    /// Other places that matter, each with a label.
    pub related: Vec<(Path, String)>,
}

impl Fact {
    pub fn new(code: &'static str, path: &Path, message: impl Into<String>) -> Self {
        debug_assert!(CODES.iter().any(|(known, _)| *known == code), "{code} is not in the list");
        Self {
            code,
            path: path.clone(),
            at_key: false,
            message: message.into(),
            help: String::new(),
            details: BTreeMap::new(),
            related: Vec::new(),
        }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.insert(name, value.into());
        self
    }

    #[must_use]
    pub fn related(mut self, path: &Path, label: impl Into<String>) -> Self {
        self.related.push((path.clone(), label.into()));
        self
    }
}

/// Every code, with what it means.
pub const CODES: &[(&str, &str)] = &[
    ("malformed-policy", "IAM would refuse the document"),
    ("policy-too-long", "the document is longer than AWS takes"),
    ("policy-version", "the version is missing, old or unknown"),
    ("empty-list", "a list without entries grants and matches nothing"),
    ("invalid-sid", "a statement's id has characters that IAM does not take"),
    ("duplicate-sid", "two statements have one id"),
    ("unknown-service", "no service of AWS has this prefix"),
    ("unknown-action", "the service has no such action"),
    ("malformed-arn", "a resource is no ARN"),
    ("dead-grant", "an action that cannot act on the resources given"),
    ("dead-resource", "a resource that no action of the statement acts on"),
    ("wildcard-action", "more actions than anybody named"),
    ("wildcard-resource", "every resource, where single ones could be named"),
    ("passrole-unscoped", "any role may be handed to any service"),
    ("privilege-escalation", "whoever holds this may give himself any right"),
    ("not-element", "everything but what is named"),
    ("redundant-action", "an action that another entry already covers"),
    ("redundant-resource", "a resource that another entry already covers"),
    ("redundant-statement", "a statement that another already covers"),
    ("unknown-condition-operator", "IAM has no such operator"),
    ("unknown-condition-key", "no service has such a key"),
    ("condition-not-for-action", "a key that the action never sends"),
    ("condition-type", "operator, key and value do not fit each other"),
    ("condition-wildcard", "a wildcard where the operator compares letter by letter"),
    ("condition-weak", "a condition that holds where it was not meant to"),
    ("invalid-principal", "somebody whom IAM does not know in this form"),
    ("public-principal", "anybody in the world"),
    ("trust-unscoped", "a service or provider may be used by strangers to take the role on"),
    ("trust-action", "an action by which this principal cannot take a role on"),
    ("stream-policy-wildcard", "Kinesis takes no wildcards in its resource policies"),
    ("endpoint-open", "an endpoint that lets everybody do everything"),
    ("missing-grant", "what the pipeline needs and the policy does not grant"),
    ("missing-kms-grant", "the half of a grant that an encrypted stream needs besides"),
    ("foreign-stream", "a policy beside a pipeline that names streams, and none of the pipeline's"),
    ("excess-grant", "what the policy grants and the pipeline does not need"),
];
