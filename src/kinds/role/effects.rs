//! The AWS calls of a role, and the only ones.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Tag;
use futures::stream::{self, StreamExt};

use super::{REGION, SCHEMA, grants, path};
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Claim, Fault, Outputs, Target};
use crate::kinds::{Known, Tagged};
use crate::model::{Attrs, Call, PIPELINE, RESOURCE, Resource, Scope, State, Value};

/// Calls in flight for the tags of roles that were listed.
const TAGS_AT_ONCE: usize = 10;
/// The name of the inline policy.
const POLICY: &str = "tidegate";

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let name = &target.physical;
    let doing = format!("reading role {name}");
    let answer = aws.call("iam:GetRole", &doing, || aws.iam().get_role().role_name(name).send()).await?;
    let role = answer.role.ok_or_else(|| crate::kinds::absent(target))?;
    let policy = aws
        .call("iam:GetRolePolicy", &doing, || aws.iam().get_role_policy().role_name(name).policy_name(POLICY).send())
        .await;
    let policy = match policy {
        Ok(answer) => document(answer.policy_document()),
        Err(fault) if fault.is_absent() => grants::document(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let mut tags = values(role.tags());
    let made_for = tags.get(REGION).and_then(Value::as_text).map(str::to_owned);
    if let (Some(region), Some(Value::Text(resource))) = (made_for, tags.get_mut(RESOURCE))
        && region != target.scope.region
    {
        // The same pipeline in another region is another owner.
        resource.push_str(&format!(" in {region}"));
    }
    let attrs: Attrs = [
        ("path", Value::text(role.path())),
        ("trust", document(role.assume_role_policy_document().unwrap_or("{}"))),
        ("description", Value::text(role.description().unwrap_or_default())),
        ("policy", policy),
        ("tags", Value::Map(tags)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Ok(Some(Resource {
        physical: name.clone(),
        outputs: BTreeMap::from([("arn".to_owned(), role.arn().to_owned())]),
        attrs,
        facts: Attrs::new(),
        state: State::Ready,
    }))
}

/// IAM answers documents percent-encoded. What is no JSON stays text and so differs from every wish.
fn document(encoded: &str) -> Value {
    let text = decoded(encoded);
    serde_json::from_str(&text).ok().and_then(|json| Value::from_json(&json).ok()).unwrap_or(Value::Text(text))
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn values(tags: &[Tag]) -> BTreeMap<String, Value> {
    tags.iter().map(|tag| (tag.key().to_owned(), Value::text(tag.value()))).collect()
}

fn sdk_tags(value: Option<&Value>) -> Vec<Tag> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Tag::builder().key(key).value(value.as_text()?).build().ok()).collect()
}

/// The tagging API knows no roles, so they are listed by the pipeline's path; roles are global, so another region's
/// roles of the pipeline come too and are left out. Their tags take a call each, which is spared where the role itself is read anyhow.
pub async fn list(aws: &Aws, scope: &Scope, known: Known<'_>) -> Result<Vec<Tagged>, Fault> {
    let prefix = path(scope);
    let doing = format!("listing the roles under {prefix}");
    let of_kind = known.wanted.iter().filter(|(address, _)| address.kind() == SCHEMA.kind);
    let wanted: BTreeSet<&str> = of_kind.map(|(_, physical)| physical.as_str()).collect();
    let mut names: Vec<String> = Vec::new();
    let mut marker: Option<String> = None;
    // 100 roles a page, and an account has at most 5,000.
    for _ in 0..50 {
        let page = aws
            .call("iam:ListRoles", &doing, || {
                aws.iam().list_roles().path_prefix(&prefix).max_items(100).set_marker(marker.clone()).send()
            })
            .await?;
        let listed = page.roles().iter().map(|role| role.role_name());
        names.extend(listed.filter(|name| !wanted.contains(name)).map(str::to_owned));
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() || marker.is_none() {
            break;
        }
    }
    let tagged = names.into_iter().map(|name| async move {
        let doing = format!("reading the tags of role {name}");
        // At most 50 tags, which are one page.
        let answer = aws.call("iam:ListRoleTags", &doing, || aws.iam().list_role_tags().role_name(&name).send()).await;
        (name, answer)
    });
    let mut tagged = stream::iter(tagged).buffered(TAGS_AT_ONCE);
    let mut ours = Vec::new();
    while let Some((name, answer)) = tagged.next().await {
        let tags: BTreeMap<String, String> = match answer {
            Err(fault) if fault.is_absent() => continue,
            answer => answer?.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        };
        let here = tags.get(REGION).is_none_or(|region| *region == scope.region);
        if here
            && tags.get(PIPELINE) == Some(&scope.pipeline)
            && let Some(Ok(address)) = tags.get(RESOURCE).map(|text| text.parse())
        {
            ours.push(Tagged { claim: Claim { address, physical: name }, tags });
        }
    }
    Ok(ours)
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let iam = aws.iam();
    let name = &target.physical;
    let doing = format!("changing role {name}");
    match call.verb() {
        "CreateRole" => return create(aws, target, call).await,
        "UpdateAssumeRolePolicy" => {
            let text = json(call, "trust");
            aws.call("iam:UpdateAssumeRolePolicy", &doing, || {
                iam.update_assume_role_policy().role_name(name).policy_document(&text).send()
            })
            .await
            .map(drop)?;
        }
        "UpdateRole" => {
            let text = call.text("description").unwrap_or_default();
            aws.call("iam:UpdateRole", &doing, || iam.update_role().role_name(name).description(text).send())
                .await
                .map(drop)?;
        }
        "PutRolePolicy" => {
            let text = json(call, "policy");
            aws.call("iam:PutRolePolicy", &doing, || {
                iam.put_role_policy().role_name(name).policy_name(POLICY).policy_document(&text).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteRolePolicy" => {
            let gone = aws
                .call("iam:DeleteRolePolicy", &doing, || {
                    iam.delete_role_policy().role_name(name).policy_name(POLICY).send()
                })
                .await
                .map(drop);
            // An interrupted apply may have taken it already; the role itself still has to go.
            if gone.as_ref().is_err_and(|fault| !fault.is_absent()) {
                gone?;
            }
        }
        "TagRole" => {
            let tags = sdk_tags(call.set.get("tags"));
            aws.call("iam:TagRole", &doing, || iam.tag_role().role_name(name).set_tags(Some(tags.clone())).send())
                .await
                .map(drop)?;
        }
        "UntagRole" => {
            let keys = call.drop_tags.clone();
            aws.call("iam:UntagRole", &doing, || {
                iam.untag_role().role_name(name).set_tag_keys(Some(keys.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteRole" => {
            let gone = aws.call("iam:DeleteRole", &doing, || iam.delete_role().role_name(name).send()).await;
            if let Err(fault) = gone {
                return Err(if fault.code == "DeleteConflict" { conflict(aws, name, fault).await } else { fault });
            }
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

fn json(call: &Call, field: &str) -> String {
    call.set.get(field).map(|document| document.to_json().to_string()).unwrap_or_default()
}

async fn create(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let name = &target.physical;
    let doing = format!("creating role {name}");
    let (trust, tags) = (json(call, "trust"), sdk_tags(call.set.get("tags")));
    let answer = aws
        .call("iam:CreateRole", &doing, || {
            let request = aws.iam().create_role().role_name(name).assume_role_policy_document(&trust);
            let request = request.set_path(call.text("path").map(str::to_owned)).set_tags(Some(tags.clone()));
            request.set_description(call.text("description").map(str::to_owned)).send()
        })
        .await?;
    Ok(answer.role().map(|role| ("arn".to_owned(), role.arn().to_owned())).into_iter().collect())
}

/// IAM deletes no role that still has policies; says which, so that their owner can be asked.
async fn conflict(aws: &Aws, name: &str, fault: Fault) -> Fault {
    let doing = format!("looking for what hangs on role {name}");
    let attached = aws
        .call("iam:ListAttachedRolePolicies", &doing, || aws.iam().list_attached_role_policies().role_name(name).send())
        .await;
    let inline =
        aws.call("iam:ListRolePolicies", &doing, || aws.iam().list_role_policies().role_name(name).send()).await;
    let mut left: Vec<String> = Vec::new();
    if let Ok(answer) = attached {
        left.extend(answer.attached_policies().iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)));
    }
    if let Ok(answer) = inline {
        left.extend(answer.policy_names().iter().map(|name| format!("inline policy {name}")));
    }
    if left.is_empty() {
        return fault
            .help(format!("take {} out of its instance profiles, then run the same command again", SCHEMA.title));
    }
    fault.help(format!("somebody else attached {}; detach it, then run the same command again", left.join(", ")))
}
