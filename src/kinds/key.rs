//! Customer keys (KMS) with their alias. The alias is the name by which the pipeline finds the key again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeyState, Tag};
use futures::future::BoxFuture;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Name, ResourceKind, Wish};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Class, Fault, Outputs, Target};
use crate::model::units::Span;
use crate::model::{
    Address, Attrs, Call, Compare, Cost, Desired, Effect, Field, OnRemoval, Path, Permit, Priced, Problem, Resource,
    Schema, Scope, Shift, State, Value, When,
};

/// A customer key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySpec {
    /// What the key is for; shown in the KMS console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Clicks of the web shop")]
    pub description: Option<String>,
    /// How often AWS makes new key material: 90d to 2560d, or `none`. AWS's default is no rotation, ours a year.
    #[serde(default = "Rotation::yearly")]
    pub rotation: Rotation,
    /// How long a deleted key can be brought back: 7d to 30d.
    #[serde(default = "thirty_days")]
    pub deletion_window: Span,
    /// Tags besides the pipeline's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
    /// Never delete it, even after this block has left the spec. Kept as a tag on the key.
    #[serde(default, skip_serializing_if = "super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub protect: bool,
    /// What happens when this block leaves the spec: `retain` (the default) or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<OnRemoval>,
}

fn thirty_days() -> Span {
    Span::days(30)
}

/// The period of automatic key rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    None,
    Every(Span),
}

impl Rotation {
    fn yearly() -> Self {
        Self::Every(Span::days(365))
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Every(span) => span.fmt(f),
        }
    }
}

impl Serialize for Rotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rotation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self::None);
        }
        text.parse().map(Self::Every).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Rotation {
    fn schema_name() -> Cow<'static, str> {
        "Rotation".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "pattern": "^(none|[0-9]+d)$", "examples": ["365d", "none"] })
    }
}

/// Which key to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// A key of this pipeline.
    Named(Name),
    /// A key outside, by alias: looked up, never changed.
    Alias(String),
    Arn(String),
    /// The AWS-managed key of the service.
    Aws,
    None,
}

impl KeyUse {
    /// The attribute that stands for this key: `aws`, `none`, an ARN, or a reference.
    pub fn value(&self, wish: &mut Wish, at: &Path) -> Option<Value> {
        match self {
            Self::Aws => Some("aws".into()),
            Self::None => Some("none".into()),
            Self::Arn(arn) => Some(arn.as_str().into()),
            Self::Alias(alias) => {
                let looked_up = Desired::new(&SCHEMA, alias.as_str(), alias.as_str(), at.clone()).existing();
                let value = looked_up.output("arn");
                wish.add(looked_up);
                Some(value)
            }
            Self::Named(name) => {
                let keys = &wish.spec.keys;
                wish.defined("keys", keys, name, at).then(|| Value::reference(address(name), "arn"))
            }
        }
    }
}

impl std::str::FromStr for KeyUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "aws" => Self::Aws,
            "none" => Self::None,
            _ if text.starts_with("arn:") && text.contains(":key/") => Self::Arn(text.into()),
            _ if text.starts_with("arn:") => {
                return Err(format!(
                    "`{text}` is not a key's ARN; write arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME"
                ));
            }
            _ if text.starts_with("alias/aws/") => Self::Aws,
            _ if text.starts_with("alias/") => Self::Alias(text.into()),
            _ => Self::Named(text.parse()?),
        })
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name.fmt(f),
            Self::Alias(text) | Self::Arn(text) => f.write_str(text),
            Self::Aws => f.write_str("aws"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Serialize for KeyUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for KeyUse {
    fn schema_name() -> Cow<'static, str> {
        "KeyUse".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "examples": ["clicks", "alias/shared", "aws", "none"] })
    }
}

/// The address of a key of this pipeline.
pub fn address(name: &Name) -> Address {
    Address::new(SCHEMA.kind, name.as_str())
}

pub static SCHEMA: Schema = Schema {
    kind: "key",
    title: "KMS key",
    fields: &[
        // First, since a key that is disabled or about to go takes hardly any other change.
        Field::in_place("state", "kms:EnableKey", "Whether it can be used: enabled, disabled, or to be deleted on a day.")
            .default(|| Value::text(ENABLED)),
        Field::in_place("description", "kms:UpdateKeyDescription", "What the key is for.").folded(),
        Field::in_place("rotation", "kms:EnableKeyRotation", "How often AWS makes new key material.")
            .default(|| Value::text("none")),
        Field::in_place("policy", "kms:PutKeyPolicy", "Who may use and manage the key.")
            .folded()
            .compare(Compare::Document),
        Field::in_place("alias", "kms:CreateAlias", "The name by which the pipeline finds the key again."),
        Field::delegated("deletionWindow", "How long the key can be brought back after its deletion."),
        Field::tags("kms:TagResource", "kms:UntagResource").folded(),
    ],
    create: "kms:CreateKey",
    delete: "kms:ScheduleKeyDeletion",
    create_seconds: 2,
    arn: None,
    assigned: &["arn", "id"],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: Some("everything encrypted with the key (once its deletion window has passed)"),
    asynchronous: false,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost,
    permits: &[
        Permit {
            when: When::Read,
            actions: &["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"],
            on: "arn:{partition}:kms:{region}:{account}:key/*",
        },
        // Nobody can name a key before it exists.
        Permit { when: When::Create, actions: &["kms:CreateKey"], on: "*" },
        Permit {
            when: When::Create,
            actions: &["kms:CreateAlias", "kms:TagResource", "kms:EnableKeyRotation"],
            on: "arn:{partition}:kms:{region}:{account}:key/*",
        },
        Permit {
            when: When::Create,
            actions: &["kms:CreateAlias"],
            on: "arn:{partition}:kms:{region}:{account}:{name}",
        },
        Permit {
            when: When::Update,
            actions: &[
                "kms:CancelKeyDeletion",
                "kms:EnableKey",
                "kms:UpdateKeyDescription",
                "kms:PutKeyPolicy",
                "kms:DisableKeyRotation",
                "kms:UntagResource",
            ],
            on: "arn:{partition}:kms:{region}:{account}:key/*",
        },
        Permit {
            when: When::Delete,
            actions: &["kms:ScheduleKeyDeletion", "kms:DeleteAlias"],
            on: "arn:{partition}:kms:{region}:{account}:key/*",
        },
        Permit {
            when: When::Delete,
            actions: &["kms:DeleteAlias"],
            on: "arn:{partition}:kms:{region}:{account}:{name}",
        },
    ],
};

fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Schema::plain_calls(schema, shift);
    for call in &mut calls {
        if call.operation == "kms:EnableKeyRotation" && call.text("rotation") == Some("none") {
            call.operation = "kms:DisableKeyRotation".into();
        }
    }
    if calls.iter().any(|call| call.operation == "kms:EnableKey") && shift.before.is_some_and(is_going) {
        // What was encrypted with it can be read with no other key. One whose deletion is called off is disabled.
        calls.insert(0, Call::new(Effect::Set, "kms:CancelKeyDeletion"));
    }
    if shift.wanted.is_none() {
        // The window was kept as a tag, since the block that named it may be gone.
        let window = shift.before.and_then(|key| key.attrs.get("deletionWindow"));
        calls.insert(0, Call::new(Effect::Set, "kms:DeleteAlias"));
        if let (Some(delete), Some(window)) = (calls.last_mut(), window) {
            delete.set.insert("deletionWindow".into(), window.clone());
        }
    }
    calls
}

/// Its deletion is scheduled.
fn is_going(key: &Resource) -> bool {
    key.attrs.get("state").and_then(Value::as_text).is_some_and(|state| state.starts_with(GOING))
}

fn cost(of: &Priced) -> Cost {
    Cost { monthly_micros: of.prices.micros("kms.keyMonth", 1.0), usage: vec!["requests".into()] }
}

/// The state of a key that can be used.
const ENABLED: &str = "enabled";
/// How the state of a key begins whose deletion is scheduled.
const GOING: &str = "to be deleted";
/// The tag that keeps the deletion window.
const WINDOW: &str = "tidegate:deletion-window";

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn physical(&self, _arn: &str, address: &Address, scope: &Scope) -> Option<String> {
        Some(alias(scope, address.name()))
    }

    fn names(&self, scope: &Scope) -> String {
        alias(scope, "*")
    }

    fn desire(&self, wish: &mut Wish) {
        for (name, key) in &wish.spec.keys {
            let at = Path::of(["keys", name.as_str()]);
            check(key, &at, &mut wish.problems);
            let alias = alias(wish.scope, name.as_str());
            let desired = Desired::new(&SCHEMA, name.as_str(), alias.as_str(), at.clone());
            let fate = wish.fate(key.protect, key.on_removal);
            let mut tags = wish.tags(&desired.address, &key.tags, fate, &at);
            if let Value::Map(tags) = &mut tags {
                tags.insert(WINDOW.into(), Value::text(key.deletion_window.to_string()));
            }
            let fallback = || format!("{} of pipeline {}", name, wish.scope.pipeline);
            let desired = desired
                .with("description", key.description.clone().unwrap_or_else(fallback))
                .with("state", ENABLED)
                .with("rotation", key.rotation.to_string())
                .with("policy", policy(wish.scope))
                .with("alias", alias)
                .with("deletionWindow", key.deletion_window.to_string())
                .with("tags", tags);
            wish.add(desired);
        }
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(effects::observe(aws, target))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(effects::perform(aws, target, call))
    }
}

fn alias(scope: &Scope, name: &str) -> String {
    // Aliases take no dots.
    format!("alias/tidegate/{}/{}", scope.pipeline, name).replace('.', "_")
}

/// The key's policy leaves access to IAM: the account may delegate, and the derived roles get exactly their grants.
fn policy(scope: &Scope) -> Value {
    let root = scope.fill("arn:{partition}:iam::{account}:root", "");
    Value::map([
        ("Version", Value::text("2012-10-17")),
        (
            "Statement",
            Value::List(vec![Value::map([
                ("Sid", Value::text("AccountDelegatesByIam")),
                ("Effect", Value::text("Allow")),
                ("Principal", Value::map([("AWS", root)])),
                ("Action", Value::text("kms:*")),
                ("Resource", Value::text("*")),
            ])]),
        ),
    ])
}

fn check(key: &KeySpec, at: &Path, problems: &mut Vec<Problem>) {
    let whole = |span: Span, from: u64, to: u64| {
        span.seconds().is_multiple_of(86_400) && (from..=to).contains(&(span.seconds() / 86_400))
    };
    if let Rotation::Every(span) = key.rotation
        && !whole(span, 90, 2560)
    {
        let message = format!("rotation {span} is not within 90d to 2560d in whole days");
        problems.push(Problem::new("invalid-value", at.key("rotation"), message).help("write 365d, or `none`"));
    }
    if !whole(key.deletion_window, 7, 30) {
        let message = format!("deletionWindow {} is not within 7d to 30d in whole days", key.deletion_window);
        problems.push(Problem::new("invalid-value", at.key("deletionWindow"), message).help("AWS waits 7 to 30 days"));
    }
}

pub use effects::{canonical, id_for};

mod effects;
