//! IAM roles with least-privilege policies that follow from what the access may do.

mod effects;
pub mod grants;
mod trust;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wish::Fate;
use super::{Known, Name, ResourceKind, Tagged, Wish};
use crate::aws::Aws;
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Call, Compare, Desired, Effect, Field, OnRemoval, Path, Permit, Problem, Resource, Schema, Scope, Shift,
    Value, When,
};

pub use trust::{Trust, is_account, service_trust};

/// What somebody may do with the pipeline: an IAM role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessSpec {
    /// The role's name in AWS, if it is not to be PIPELINE-NAME-REGION. At most 64 characters, once in an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme-web-producer")]
    pub name: Option<Name>,
    /// Who may take the role on.
    #[schemars(example = serde_json::json!({ "service": "ecs-tasks.amazonaws.com" }))]
    pub trust: Trust,
    /// What the role may do; exact actions on exact ARNs are derived from it. A role of Lambda, Managed Flink or
    /// Pipes also gets what AWS documents for them: to look at the stream, and to write its logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "write": "clicks" }]))]
    pub can: Vec<Grant>,
    /// What the role is for; shown in the IAM console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Writes clicks from the web shop")]
    pub description: Option<String>,
    /// Tags besides the pipeline's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
    /// Never delete it, even after this block has left the spec. Kept as a tag on the role.
    #[serde(default, skip_serializing_if = "super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub protect: bool,
    /// What happens when this block leaves the spec: `retain` (the default) or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<OnRemoval>,
}

/// One thing that a role may do: `write` or `read` a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// Put records into this stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"clicks")]
    pub write: Option<Name>,
    /// Read records from this stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"clicks")]
    pub read: Option<Name>,
    /// With `read`: only through this fan-out consumer of the stream (`fanOut`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"fraud")]
    pub via: Option<Name>,
    /// With `read`: the name of a Kinesis Client Library application, whose three DynamoDB tables and metrics it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"fraud-detector")]
    pub kcl: Option<Name>,
    /// With `write`: by the Kinesis Producer Library, which also lists shards and publishes metrics.
    #[serde(default, skip_serializing_if = "super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub kpl: bool,
}

/// The address of a role.
pub fn address(name: &str) -> Address {
    Address::new(SCHEMA.kind, name)
}

pub static SCHEMA: Schema = Schema {
    kind: "role",
    title: "IAM role",
    fields: &[
        Field::replace("path", "IAM cannot move a role", "The path that marks the roles of a pipeline."),
        Field::in_place("trust", "iam:UpdateAssumeRolePolicy", "Who may assume the role.")
            .folded()
            .compare(Compare::Document),
        Field::in_place("description", "iam:UpdateRole", "What the role is for.").folded(),
        Field::in_place("policy", "iam:PutRolePolicy", "What the role may do: its inline policy `tidegate`.")
            .default(|| grants::document(Vec::new()))
            .compare(Compare::Document),
        Field::tags("iam:TagRole", "iam:UntagRole").folded(),
    ],
    create: "iam:CreateRole",
    delete: "iam:DeleteRole",
    asynchronous: false,
    create_seconds: 2,
    arn: Some("arn:{partition}:iam::{account}:role/tidegate/{pipeline}/{name}"),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: None,
    creating_limit: None,
    calls,
    risks: Schema::no_risks,
    needs: Schema::no_needs,
    cost: Schema::free,
    permits: &[
        // Listing knows no resource-level permissions, also where it asks for one path.
        Permit { when: When::Read, actions: &["iam:ListRoles"], on: "*" },
        Permit {
            when: When::Read,
            actions: &["iam:GetRole", "iam:GetRolePolicy", "iam:ListRoleTags"],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/*",
        },
        // A role that is not there has no path: without this IAM says "denied" in place of "absent".
        Permit { when: When::Read, actions: &["iam:GetRole"], on: "arn:{partition}:iam::{account}:role/{pipeline}-*" },
        Permit {
            when: When::Create,
            actions: &["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/{name}",
        },
        Permit {
            when: When::Update,
            actions: &[
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:PutRolePolicy",
                "iam:DeleteRolePolicy",
                "iam:TagRole",
                "iam:UntagRole",
            ],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/{name}",
        },
        Permit {
            when: When::Delete,
            actions: &[
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
                "iam:ListRolePolicies",
                "iam:ListAttachedRolePolicies",
            ],
            on: "arn:{partition}:iam::{account}:role/tidegate/{pipeline}/{name}",
        },
    ],
};

fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Schema::plain_calls(schema, shift);
    for call in &mut calls {
        let empty = call.set.get("policy").is_some_and(is_empty);
        if call.operation == "iam:PutRolePolicy" && empty {
            // IAM takes no policy without statements.
            call.operation = "iam:DeleteRolePolicy".into();
        }
    }
    let policy = shift.before.and_then(|role| role.attrs.get("policy"));
    if shift.wanted.is_none() && policy.is_some_and(|policy| !is_empty(policy)) {
        let gone = Call::new(Effect::Set, "iam:DeleteRolePolicy").was("policy", policy);
        calls.insert(0, gone.with("policy", grants::document(Vec::new())));
    }
    calls
}

fn is_empty(policy: &Value) -> bool {
    policy.as_map().is_some_and(BTreeMap::is_empty)
}

/// The tag with the region that the role was made for: roles are global, pipelines are not.
const REGION: &str = "tidegate:region";

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (name, access) in &spec.access {
            let at = Path::of(["access", name.as_str()]);
            access.trust.check(wish.scope, &at.key("trust"), &mut wish.problems);
            let mut statements = Vec::new();
            let host = access.trust.service.as_deref().and_then(grants::Host::of);
            for (index, grant) in access.can.iter().enumerate() {
                statements.extend(derive(wish, grant, host, &at.key("can").index(index)));
            }
            if let Some(host) = host.filter(|_| !access.can.is_empty()) {
                let reads = access.can.iter().any(|grant| grant.read.is_some());
                statements.extend(host.needs(wish.scope, reads));
            }
            let fallback = || format!("{} of pipeline {}", name, wish.scope.pipeline);
            let role = Role {
                name: name.as_str(),
                physical: access.name.as_ref().map(|name| name.as_str().to_owned()),
                trust: access.trust.document(wish.scope),
                description: access.description.clone().unwrap_or_else(fallback),
                statements,
                own: &access.tags,
                fate: wish.fate(access.protect, access.on_removal),
                at: &at,
            };
            add(wish, role);
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(effects::list(aws, scope, known))
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

/// Adds the role by which a service acts for a part of the pipeline, such as `ARCHIVE-delivery`, and answers its
/// address. `conditions` are those of its trust; the role is deleted with the part that asked for it.
pub fn service_role(
    wish: &mut Wish,
    name: &str,
    service: &str,
    conditions: Option<Value>,
    statements: Vec<Value>,
    purpose: &str,
    at: &Path,
) -> Address {
    let trust = service_trust(service, conditions);
    let (description, own) = (purpose.to_owned(), BTreeMap::new());
    add(wish, Role { name, physical: None, trust, description, statements, own: &own, fate: Fate::REMADE, at })
}

struct Role<'a> {
    name: &'a str,
    physical: Option<String>,
    trust: Value,
    description: String,
    statements: Vec<Value>,
    own: &'a BTreeMap<String, String>,
    fate: Fate,
    at: &'a Path,
}

/// IAM allows 10,240 characters of inline policies; references are filled in later.
const LONGEST_POLICY: usize = 10_240;

fn add(wish: &mut Wish, role: Role) -> Address {
    let at = role.at;
    let physical =
        role.physical.unwrap_or_else(|| format!("{}-{}-{}", wish.scope.pipeline, role.name, wish.scope.region));
    if physical.len() > 64 {
        let message = format!("the role's name `{physical}` has {} characters, IAM takes 64", physical.len());
        let help = "shorten the name of the block or of the pipeline; under `access`, `name:` sets another";
        wish.problem(Problem::new("invalid-value", at.clone(), message).help(help));
    }
    let policy = grants::document(role.statements);
    // Plain data: nothing in it can fail to be written.
    if serde_json::to_string(&policy).map_or(0, |text| text.len()) > LONGEST_POLICY {
        let message = "the derived policy is longer than the 10,240 characters that IAM takes".to_owned();
        wish.problem(Problem::new("invalid-value", at.clone(), message).help("divide it between several roles"));
    }
    if role.description.chars().count() > 1000 {
        wish.problem(Problem::new(
            "invalid-value",
            at.key("description"),
            "a description has at most 1,000 characters",
        ));
    }
    let mut tags = wish.tags(&address(role.name), role.own, role.fate, at);
    if let Value::Map(tags) = &mut tags {
        tags.insert(REGION.into(), Value::text(wish.scope.region.clone()));
    }
    let desired = Desired::new(&SCHEMA, role.name, physical, at.clone())
        .with("path", path(wish.scope))
        .with("trust", role.trust)
        .with("description", role.description)
        .with("policy", policy)
        .with("tags", tags);
    wish.add(desired)
}

fn path(scope: &Scope) -> String {
    scope.fill("/tidegate/{pipeline}/", "")
}

/// The statements of one grant; none where it is mistaken.
fn derive(wish: &mut Wish, grant: &Grant, host: Option<grants::Host>, at: &Path) -> Vec<Value> {
    let spec = wish.spec;
    let mut wrong = |path: Path, message: &str, help: &str| {
        wish.problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    match (&grant.write, &grant.read) {
        (Some(stream), None) => {
            if grant.via.is_some() || grant.kcl.is_some() {
                let word = if grant.via.is_some() { "via" } else { "kcl" };
                wrong(
                    at.key(word),
                    &format!("`{word}` is for reading"),
                    "remove it, or write `read:` in place of `write:`",
                );
            }
            if !wish.defined("streams", &spec.streams, stream, &at.key("write")) {
                return Vec::new();
            }
            grants::write_stream(wish, stream, grant.kpl)
        }
        (None, Some(stream)) => {
            if grant.kpl {
                wrong(at.key("kpl"), "`kpl` is for writing", "for the Kinesis Client Library write `kcl: APPLICATION`");
            }
            if grant.kcl.as_ref().is_some_and(|kcl| kcl.as_str().len() < 3) {
                wrong(
                    at.key("kcl"),
                    "a KCL application names its lease table, which has at least 3 characters",
                    "use a longer name",
                );
            }
            if !wish.defined("streams", &spec.streams, stream, &at.key("read")) {
                return Vec::new();
            }
            if let Some(via) = &grant.via {
                let fan_out = spec.streams.get(stream).map(|spec| spec.fan_out.clone()).unwrap_or_default();
                let members: BTreeMap<Name, ()> = fan_out.into_iter().map(|name| (name, ())).collect();
                if !wish.defined(&format!("streams.{stream}.fanOut"), &members, via, &at.key("via")) {
                    return Vec::new();
                }
            }
            grants::read_stream(wish, stream, grant.via.as_ref(), grant.kcl.as_ref(), host)
        }
        _ => {
            wrong(
                at.clone(),
                "a grant is either `write` or `read`",
                "for example `{ write: clicks }`; both need two entries",
            );
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
