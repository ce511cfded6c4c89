//! The rules that come with Tidegate: one file each under `policies/`, with its cases beside it.

use super::engine::{Engine, RULE_LIMIT};
use super::policy::{PolicyFailure, PolicyFile};
use super::rule::Concern;
use crate::spec::Source;

/// A rule's two files.
pub struct BuiltIn {
    pub id: &'static str,
    pub concern: Concern,
    /// From the project's root.
    pub path: &'static str,
    pub rego: &'static str,
    pub cases: &'static str,
}

/// One word per rule; a test compares the list with the folder.
macro_rules! rules {
    ($( $concern:ident $folder:literal: $( $id:literal )* ; )*) => {
        pub static RULES: &[BuiltIn] = &[$($(
            BuiltIn {
                id: $id,
                concern: Concern::$concern,
                path: concat!("policies/", $folder, "/", $id, ".rego"),
                rego: include_str!(concat!("../../policies/", $folder, "/", $id, ".rego")),
                cases: include_str!(concat!("../../policies/", $folder, "/", $id, ".cases.yaml")),
            },
        )*)*];
    };
}

rules! {
    Security "security":
        "archive-foreign-bucket"
        "archive-managed-key"
        "archive-weaker-than-stream"
        "bucket-name-with-dots"
        "classified-stream-managed-key"
        "classified-stream-shared"
        "endpoint-open-to-all"
        "endpoint-public-network"
        "endpoint-wide-network"
        "endpoint-without-private-dns"
        "gov-endpoint-without-fips"
        "key-deletion-window-short"
        "key-external"
        "key-one-for-all"
        "key-other-region"
        "key-rotation-off"
        "key-rotation-slow"
        "secret-in-spec"
        "share-external-key"
        "share-read-write"
        "share-unencrypted"
        "stream-managed-key"
        "stream-unencrypted"
    ;
    Access "access":
        "iam-action-pattern"
        "iam-condition-type"
        "iam-condition-unknown"
        "iam-condition-unsent"
        "iam-condition-weak"
        "iam-dead-grant"
        "iam-dead-resource"
        "iam-endpoint-open"
        "iam-excess-grant"
        "iam-foreign-stream"
        "iam-malformed"
        "iam-malformed-arn"
        "iam-missing-grant"
        "iam-missing-kms"
        "iam-not-element"
        "iam-passrole-unscoped"
        "iam-privilege-escalation"
        "iam-public-principal"
        "iam-redundant"
        "iam-resource-pattern"
        "iam-stream-policy-wildcard"
        "iam-too-long"
        "iam-trust-unscoped"
        "iam-unknown-action"
        "iam-version"
        "iam-wildcard-action"
        "iam-wildcard-resource"
    ;
    Reliability "reliability":
        "alarm-late"
        "alarm-missing-age"
        "alarm-missing-consumer-lag"
        "alarm-missing-freshness"
        "alarm-missing-throttle"
        "alarm-twitchy"
        "alarm-without-action"
        "archive-errors-among-data"
        "archive-local-time"
        "archive-log-short"
        "archive-prefixes-overlap"
        "archive-twice"
        "endpoint-single-subnet"
        "endpoint-useless"
        "endpoint-without-metrics"
        "fan-out-nearly-full"
        "fan-out-shared"
        "freshness-below-buffer"
        "kcl-application-reused"
        "large-records-few-shards"
        "large-records-lambda"
        "notify-other-region"
        "retention-below-week"
        "retention-implicit"
        "retention-one-day"
        "shared-read-bandwidth"
        "shared-read-calls"
        "throttle-alarm-tolerant"
    ;
    Scaling "scaling":
        "budget-below-floor"
        "fixed-shards"
        "lambda-concurrency"
        "never-shrinks"
        "on-demand-over-quota"
        "pipeline-over-quota"
        "range-beyond-a-day"
        "range-narrow"
        "range-of-one"
        "range-on-demand"
        "range-slow"
        "range-uses-the-day"
        "range-without-throttle-alarm"
        "shards-over-quota"
        "single-shard"
    ;
    Cost "cost":
        "archive-never-expires"
        "archive-small-objects"
        "archive-uncompressed"
        "endpoint-many-subnets"
        "fan-out-unused"
        "fan-out-without-need"
        "key-unused"
        "log-kept-for-ever"
        "range-dear-at-max"
        "retention-beyond-archive"
        "retention-paid-not-used"
        "retention-unread"
        "shard-metrics-all"
        "shard-metrics-at-max"
        "shard-metrics-on-demand"
    ;
    Hygiene "hygiene":
        "alarm-setting-dead"
        "archive-not-versioned"
        "archive-unreadable-by-athena"
        "data-unprotected"
        "delete-on-removal"
        "grant-twice"
        "hard-coded-account"
        "hard-coded-region"
        "key-weaker-than-data"
        "key-without-description"
        "name-redundant"
        "protect-and-delete"
        "region-implicit"
        "role-without-rights"
        "share-twice"
        "stream-unread"
        "stream-unwritten"
        "tag-cost-centre"
        "tag-empty"
        "tag-twins"
        "untagged"
    ;
}

/// The policy files of all built-in rules.
pub fn files() -> Vec<PolicyFile> {
    let file = |rule: &BuiltIn| {
        let source = Source::new(rule.path, rule.rego).ok()?;
        Some(PolicyFile { source, concern: rule.concern, origin: None })
    };
    RULES.iter().filter_map(file).collect()
}

/// The built-in rules, compiled. None of them fails, so those that have nothing to say need not be asked.
pub fn engine() -> (Engine, Vec<PolicyFailure>) {
    let (engine, failures) = Engine::load(&files(), RULE_LIMIT);
    (engine.by_premises(), failures)
}

/// Whether a file is one of them, word for word.
pub fn holds(file: &PolicyFile) -> bool {
    RULES.iter().any(|rule| rule.id == file.id() && rule.rego == &*file.source.text)
}
