//! The kinds of AWS resources. One file each: what the YAML says, the table of fields, the pure half (which resources
//! a section becomes) and the effect half (the only AWS calls of the kind).

pub mod defaults;
pub mod permissions;
mod pipeline;
mod wish;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use crate::aws::Aws;
use crate::cloud::{Claim, Fault, Outputs, Target};
use crate::model::{Address, Call, PIPELINE, Quotas, RESOURCE, Resource, Schema, Scope, State};

pub use pipeline::{Defaults, Version, check};
pub use wish::{Name, Wish, Wishes, mistakes, wish};

/// A kind of AWS resource.
pub trait ResourceKind: Send + Sync {
    fn schema(&self) -> &'static Schema;

    /// Adds what this kind's section of the spec asks for. Pure.
    fn desire(&self, _wish: &mut Wish) {}

    /// The form in which the kind names the resource of this ARN; `None` if the ARN is of something else.
    fn physical(&self, arn: &str, _address: &Address, _scope: &Scope) -> Option<String> {
        arn.rsplit(['/', ':']).next().map(str::to_owned)
    }

    /// Whether `physical` can answer: an ARN may hold an id that says nothing of the name. Then only `list` counts.
    fn arn_tells_name(&self) -> bool {
        true
    }

    /// A pattern that matches the names of everything of this kind that the pipeline may own, for IAM policies.
    fn names(&self, _scope: &Scope) -> String {
        "*".into()
    }

    /// Resources with our tags that the tagging API is known to omit.
    fn list<'a>(
        &'a self,
        _aws: &'a Aws,
        _scope: &'a Scope,
        _known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Reads the resource; `None` or a fault of class `Absent` if it is not there.
    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>>;

    /// How many resources one call of [`ResourceKind::observe_all`] reads.
    fn looks_at_once(&self) -> usize {
        1
    }

    /// Reads several; the answers stand in their order.
    fn observe_all<'a>(
        &'a self,
        aws: &'a Aws,
        targets: &'a [Target],
    ) -> BoxFuture<'a, Vec<Result<Option<Resource>, Fault>>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(targets.len());
            for target in targets {
                answers.push(self.observe(aws, target).await);
            }
            answers
        })
    }

    /// The cheapest read that tells whether it has settled.
    fn state<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        Box::pin(async move {
            match self.observe(aws, target).await? {
                Some(resource) => Ok(resource.state),
                None => Err(absent(target)),
            }
        })
    }

    /// What reads the resource, ours or not.
    fn readers<'a>(&'a self, _aws: &'a Aws, _target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The account's quotas that its resources count against; one call for all of them.
    fn quotas<'a>(&'a self, _aws: &'a Aws) -> BoxFuture<'a, Result<Quotas, Fault>> {
        Box::pin(async { Ok(Quotas::new()) })
    }

    /// Makes one call of a plan.
    fn perform<'a>(&'a self, aws: &'a Aws, target: &'a Target, call: &'a Call)
    -> BoxFuture<'a, Result<Outputs, Fault>>;
}

/// What is known before a kind lists its own.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// What the tagging API and the kinds before have found.
    pub tagged: &'a [Tagged],
    /// Names that will be observed whatever the list says, by address: no call is due to learn whose they are.
    pub wanted: &'a BTreeMap<Address, String>,
}

/// A claim with the tags that made it.
#[derive(Clone, Debug)]
pub struct Tagged {
    pub claim: Claim,
    pub tags: BTreeMap<String, String>,
}

impl Tagged {
    /// The claim that tags make, if they are this pipeline's and of this kind.
    pub fn of(kind: &str, scope: &Scope, physical: &str, tags: BTreeMap<String, String>) -> Option<Self> {
        let address: Address = tags.get(RESOURCE)?.parse().ok()?;
        let ours = address.kind() == kind && tags.get(PIPELINE) == Some(&scope.pipeline);
        ours.then(|| Self { claim: Claim { address, physical: physical.to_owned() }, tags })
    }
}

/// The fault of looking for something that is not there.
pub fn absent(target: &Target) -> Fault {
    Fault::new(crate::cloud::Class::Absent, format!("reading {}", target.address), "NotFound", "it does not exist")
}

/// Registers the kinds: one word each, and for a kind with a section of the spec its name and type.
/// Dispatch, the specification's type, its JSON Schema, the documentation and the conformance tests follow from it.
/// The order is the order of creation where no reference demands another; deletion goes backwards.
macro_rules! kinds {
    ($( $module:ident $( => $(#[$meta:meta])* $section:ident : $type:ty )? ; )*) => {
        $( pub mod $module; )*

        /// A pipeline as the user describes it.
        #[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct Pipeline {
            /// The version of this format.
            pub api_version: Version,
            /// The pipeline's name. With it the resources are tagged, so changing it makes another pipeline.
            #[schemars(example = &"clickstream")]
            pub pipeline: Name,
            /// The AWS region; otherwise AWS_REGION or the profile decides.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(example = &"eu-west-1")]
            pub region: Option<String>,
            /// Tags on every resource.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            #[schemars(example = serde_json::json!({ "team": "web", "cost-centre": "4711" }))]
            pub tags: BTreeMap<String, String>,
            /// What holds where a block does not say otherwise.
            #[serde(default, skip_serializing_if = "Defaults::is_empty")]
            #[schemars(example = serde_json::json!({ "key": "clicks", "onRemoval": "retain" }))]
            pub defaults: Defaults,
            /// IAM policies that are kept as JSON files beside or below this file: `tidegate lint` judges them by what the
            /// pipeline needs. Nothing else reads them.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            #[schemars(example = ["iam/web-producer.json"])]
            pub iam_policies: Vec<String>,
            $($(
                $(#[$meta])*
                #[serde(default, skip_serializing_if = "wish::is_default")]
                pub $section: $type,
            )?)*
        }

        /// Every kind, in the order of creation.
        pub static KINDS: &[&dyn ResourceKind] = &[$( &$module::Kind ),*];

        /// The tables of all kinds, in the order of creation.
        pub static SCHEMAS: &[&Schema] = &[$( &$module::SCHEMA ),*];
    };
}

kinds! {
    security_group;
    key =>
        /// Customer keys (KMS) that streams and archives are encrypted with.
        #[schemars(example = serde_json::json!({ "clicks": { "rotation": "365d" } }))]
        keys: BTreeMap<Name, key::KeySpec>;
    stream =>
        /// Kinesis data streams.
        #[schemars(example = serde_json::json!({ "clicks": { "retention": "7d" } }))]
        streams: BTreeMap<Name, stream::StreamSpec>;
    consumer;
    stream_policy;
    log_group;
    bucket;
    role =>
        /// Who may do what with the pipeline: IAM roles.
        #[schemars(example = serde_json::json!({ "web-producer": { "trust": { "service": "ecs-tasks.amazonaws.com" }, "can": [{ "write": "clicks" }] } }))]
        access: BTreeMap<Name, role::AccessSpec>;
    delivery =>
        /// Archives: Firehose delivery streams from a stream to S3, with their buckets, roles and logs.
        #[schemars(example = serde_json::json!({ "clicks-raw": { "from": "clicks", "s3": { "bucket": "acme-clicks-archive", "create": true } } }))]
        archives: BTreeMap<Name, delivery::ArchiveSpec>;
    endpoint =>
        /// VPC interface endpoints, open to the roles that are named.
        #[schemars(example = serde_json::json!({ "kinesis": { "vpc": "vpc-0a1b2c3d", "subnets": ["subnet-1a2b3c4d"], "services": ["kinesis-streams"], "allow": ["web-producer"] } }))]
        endpoints: BTreeMap<Name, endpoint::EndpointSpec>;
    queue =>
        /// What the pipeline makes for its controller, `tidegate run`.
        #[schemars(example = serde_json::json!({ "wakeUp": {} }))]
        controller: queue::Controller;
    rule;
    alarm =>
        /// Alarms are derived from what is above; this overrides them or switches them off.
        #[schemars(example = serde_json::json!({ "iteratorAge": { "over": "60s" } }))]
        alarms: alarm::Alarms;
}

/// The kind of this name.
pub fn named(name: &str) -> Option<&'static dyn ResourceKind> {
    KINDS.iter().copied().find(|kind| kind.schema().kind == name)
}

/// The kind of this table.
pub fn of(schema: &'static Schema) -> &'static dyn ResourceKind {
    named(schema.kind).unwrap_or(KINDS[0])
}
