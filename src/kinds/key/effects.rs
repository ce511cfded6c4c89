//! The AWS calls of a key, and the only ones.

use std::sync::{MutexGuard, PoisonError};

use super::*;

/// The shortest time that KMS lets pass before it deletes a key, in days.
const SHORTEST_WINDOW: i32 = 7;

/// What a service takes as key id for an attribute.
pub fn id_for(key: &str) -> &str {
    if key == "aws" { "alias/aws/kinesis" } else { key }
}

async fn describe(aws: &Aws, id: &str) -> Result<KeyMetadata, Fault> {
    let doing = format!("reading key {id}");
    let answer = aws.call("kms:DescribeKey", &doing, || aws.kms().describe_key().key_id(id).send()).await?;
    answer.key_metadata.ok_or_else(|| Fault::new(Class::Absent, doing, "NotFound", "it does not exist"))
}

/// The attribute for a key id that a service reports: alias, id and ARN of one key are one key.
pub async fn canonical(aws: &Aws, id: &str) -> Result<String, Fault> {
    if id.ends_with("alias/aws/kinesis") || id.ends_with("alias/aws/s3") {
        return Ok("aws".into());
    }
    if let Some(known) = keys(aws).get(id) {
        return Ok(known.clone());
    }
    match describe(aws, id).await {
        Ok(key) => Ok(remember(aws, &key).unwrap_or_else(|| id.to_owned())),
        // A key of another account may be used and yet not be read: its id is compared as it stands.
        Err(fault) if matches!(fault.class, Class::Denied { .. } | Class::Absent) => Ok(id.to_owned()),
        Err(fault) => Err(fault),
    }
}

fn keys(aws: &Aws) -> MutexGuard<'_, BTreeMap<String, String>> {
    aws.keys.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what a key's id and ARN stand for; aliases can be moved to another key.
fn remember(aws: &Aws, key: &KeyMetadata) -> Option<String> {
    let arn = key.arn()?;
    let stands_for = if key.key_manager() == Some(&KeyManagerType::Aws) { "aws" } else { arn };
    let names = [arn, key.key_id()].map(|name| (name.to_owned(), stands_for.to_owned()));
    keys(aws).extend(names);
    Some(stands_for.to_owned())
}

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let (key, alias) = match describe(aws, &target.physical).await {
        Err(fault) if fault.is_absent() => match by_tag(aws, target).await? {
            Some(key) => (key, ""),
            None => return Ok(None),
        },
        key => (key?, target.physical.as_str()),
    };
    // Our alias stands until the key has gone, so it is this key that is ours still. Of others' keys, and of one without its alias, nothing
    // more is to be had.
    if is_going(&key) && alias != super::alias(&target.scope, target.address.name()) {
        return Ok(None);
    }
    remember(aws, &key);
    let (id, arn) = (key.key_id().to_owned(), key.arn().unwrap_or_default().to_owned());
    let mut attrs = Attrs::new();
    let mut put = |name: &str, value: Value| attrs.insert(name.into(), value);
    put("description", Value::text(key.description().unwrap_or_default()));
    put("alias", Value::text(alias));
    if let Some(usable) = usable(&key) {
        put("state", usable);
    }
    let state = match key.key_state() {
        Some(KeyState::Creating | KeyState::Updating) => State::Busy("Creating".into()),
        _ => State::Ready,
    };
    if key.key_manager() != Some(&KeyManagerType::Aws) {
        // AWS rotates no key that is about to go, and says so.
        put("rotation", if is_going(&key) { "none".into() } else { rotation(aws, &id).await? });
        put("policy", policy(aws, &id).await?);
        let tags = match target.listed_values() {
            Some(tags) => tags,
            None => tags(aws, &id).await?,
        };
        if let Some(window) = tags.get(WINDOW) {
            put("deletionWindow", window.clone());
        }
        put("tags", Value::Map(tags));
    }
    let outputs = BTreeMap::from([("arn".to_owned(), arn), ("id".to_owned(), id)]);
    Ok(Some(Resource { physical: target.physical.clone(), outputs, attrs, facts: Attrs::new(), state }))
}

/// Its deletion is scheduled.
fn is_going(key: &KeyMetadata) -> bool {
    matches!(key.key_state(), Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion))
}

/// Whether it can be used, in the words of the field; of other states, such as a key without its material, nothing is said.
fn usable(key: &KeyMetadata) -> Option<Value> {
    if is_going(key) {
        let date = key.deletion_date().and_then(|date| jiff::Timestamp::from_second(date.secs()).ok());
        let on = date.map(|date| date.strftime(" on %Y-%m-%d").to_string()).unwrap_or_default();
        return Some(Value::text(format!("{GOING}{on}")));
    }
    match key.key_state() {
        Some(KeyState::Enabled) => Some(Value::text(ENABLED)),
        Some(KeyState::Disabled) => Some(Value::text("disabled")),
        _ => None,
    }
}

/// A key whose alias was never made, because an apply was interrupted between the two calls.
async fn by_tag(aws: &Aws, target: &Target) -> Result<Option<KeyMetadata>, Fault> {
    use aws_sdk_resourcegroupstagging::types::TagFilter;
    let filter = |key: &str, value: String| TagFilter::builder().key(key).values(value).build();
    let filters = vec![
        filter(crate::model::PIPELINE, target.scope.pipeline.clone()),
        filter(crate::model::RESOURCE, target.address.to_string()),
    ];
    let doing = format!("looking for {}", target.address);
    let page = aws
        .call("tag:GetResources", &doing, || {
            let request = aws.tagging().get_resources().set_tag_filters(Some(filters.clone()));
            request.resource_type_filters("kms:key").send()
        })
        .await?;
    for mapping in page.resource_tag_mapping_list() {
        let Some(arn) = mapping.resource_arn() else { continue };
        match describe(aws, arn).await {
            Ok(key) if key.key_state() == Some(&KeyState::Enabled) => return Ok(Some(key)),
            Ok(_) => {}
            Err(fault) if fault.is_absent() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

async fn rotation(aws: &Aws, id: &str) -> Result<Value, Fault> {
    let doing = format!("reading the rotation of key {id}");
    let status =
        aws.call("kms:GetKeyRotationStatus", &doing, || aws.kms().get_key_rotation_status().key_id(id).send()).await?;
    if !status.key_rotation_enabled() {
        return Ok("none".into());
    }
    // AWS leaves the period out where it is its default of a year.
    let days = status.rotation_period_in_days().unwrap_or(365);
    Ok(Value::text(Span::days(u64::try_from(days).unwrap_or(365)).to_string()))
}

async fn policy(aws: &Aws, id: &str) -> Result<Value, Fault> {
    let doing = format!("reading the policy of key {id}");
    let answer = aws
        .call("kms:GetKeyPolicy", &doing, || aws.kms().get_key_policy().key_id(id).policy_name("default").send())
        .await?;
    let text = answer.policy().unwrap_or("{}");
    Ok(serde_json::from_str(text).ok().and_then(|json| Value::from_json(&json).ok()).unwrap_or_else(|| text.into()))
}

async fn tags(aws: &Aws, id: &str) -> Result<BTreeMap<String, Value>, Fault> {
    let doing = format!("reading the tags of key {id}");
    let answer =
        aws.call("kms:ListResourceTags", &doing, || aws.kms().list_resource_tags().key_id(id).limit(50).send()).await?;
    Ok(answer.tags().iter().map(|tag| (tag.tag_key().to_owned(), Value::text(tag.tag_value()))).collect())
}

fn sdk_tags(value: Option<&Value>) -> Vec<Tag> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Tag::builder().tag_key(key).tag_value(value.as_text()?).build().ok()).collect()
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let kms = aws.kms();
    let doing = format!("changing key {}", target.address.name());
    // KMS does not take an alias for most operations.
    let id = target.outputs.get("id").map_or(target.physical.as_str(), String::as_str);
    match call.verb() {
        "CreateKey" => return create(aws, target, call).await,
        "CreateAlias" => name(aws, target, id, &doing).await?,
        "CancelKeyDeletion" => keep(aws, id, &doing).await?,
        "EnableKey" => aws.call("kms:EnableKey", &doing, || kms.enable_key().key_id(id).send()).await.map(drop)?,
        "UpdateKeyDescription" => {
            let text = call.text("description").unwrap_or_default();
            aws.call("kms:UpdateKeyDescription", &doing, || {
                kms.update_key_description().key_id(id).description(text).send()
            })
            .await
            .map(drop)?;
        }
        "EnableKeyRotation" => {
            let span: Option<Span> = call.text("rotation").and_then(|text| text.parse().ok());
            let days = span.and_then(|span| i32::try_from(span.seconds() / 86_400).ok());
            aws.call("kms:EnableKeyRotation", &doing, || {
                kms.enable_key_rotation().key_id(id).set_rotation_period_in_days(days).send()
            })
            .await
            .map(drop)?;
        }
        "DisableKeyRotation" => {
            aws.call("kms:DisableKeyRotation", &doing, || kms.disable_key_rotation().key_id(id).send())
                .await
                .map(drop)?;
        }
        "PutKeyPolicy" => {
            let text = call.set.get("policy").map(|policy| policy.to_json().to_string()).unwrap_or_default();
            aws.call("kms:PutKeyPolicy", &doing, || {
                kms.put_key_policy().key_id(id).policy_name("default").policy(&text).send()
            })
            .await
            .map(drop)?;
        }
        "TagResource" | "UntagResource" => tag(aws, id, call, &doing).await?,
        "DeleteAlias" | "ScheduleKeyDeletion" => delete(aws, target, id, call, &doing).await?,
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

/// Gives the key its alias. Where somebody else has given it to another key in between, ours has come too late: nobody would ever find it
/// again, so it goes, and the other is left to the next run.
async fn name(aws: &Aws, target: &Target, id: &str, doing: &str) -> Result<(), Fault> {
    let kms = aws.kms();
    let named =
        aws.call("kms:CreateAlias", doing, || kms.create_alias().alias_name(&target.physical).target_key_id(id).send());
    let Err(fault) = named.await else { return Ok(()) };
    if fault.class != Class::Exists {
        return Err(fault);
    }
    let holder = describe(aws, &target.physical).await?;
    if holder.key_id() == id {
        // An answer that was lost.
        return Ok(());
    }
    aws.call("kms:ScheduleKeyDeletion", doing, || {
        kms.schedule_key_deletion().key_id(id).pending_window_in_days(SHORTEST_WINDOW).send()
    })
    .await?;
    let what = format!(
        "another run made this key at the same moment and gave {} to it; the one of this run is deleted",
        target.physical
    );
    Err(Fault::new(Class::Refused, doing, "MadeTwice", what)
        .help("run the same command again: it goes on with the other's key"))
}

/// Calls the key's deletion off.
async fn keep(aws: &Aws, id: &str, doing: &str) -> Result<(), Fault> {
    let kept = aws.call("kms:CancelKeyDeletion", doing, || aws.kms().cancel_key_deletion().key_id(id).send()).await;
    match kept {
        // An answer that was lost: it has been called off.
        Err(fault) if fault.class == Class::Refused && !is_going(&describe(aws, id).await?) => Ok(()),
        kept => kept.map(drop),
    }
}

async fn tag(aws: &Aws, id: &str, call: &Call, doing: &str) -> Result<(), Fault> {
    let kms = aws.kms();
    match call.verb() {
        "TagResource" => {
            let tags = sdk_tags(call.set.get("tags"));
            aws.call("kms:TagResource", doing, || kms.tag_resource().key_id(id).set_tags(Some(tags.clone())).send())
                .await
                .map(drop)?;
        }
        _ => {
            let keys = call.drop_tags.clone();
            aws.call("kms:UntagResource", doing, || {
                kms.untag_resource().key_id(id).set_tag_keys(Some(keys.clone())).send()
            })
            .await
            .map(drop)?;
        }
    }
    Ok(())
}

async fn delete(aws: &Aws, target: &Target, id: &str, call: &Call, doing: &str) -> Result<(), Fault> {
    let kms = aws.kms();
    match call.verb() {
        "DeleteAlias" => {
            let gone = aws
                .call("kms:DeleteAlias", doing, || kms.delete_alias().alias_name(&target.physical).send())
                .await
                .map(drop);
            // An interrupted deletion may have taken the alias already; the key itself still has to go.
            if gone.as_ref().is_err_and(|fault| !fault.is_absent()) {
                gone?;
            }
        }
        _ => {
            let span: Option<Span> = call.text("deletionWindow").and_then(|text| text.parse().ok());
            let days = span.and_then(|span| i32::try_from(span.seconds() / 86_400).ok());
            let gone = aws
                .call("kms:ScheduleKeyDeletion", doing, || {
                    kms.schedule_key_deletion().key_id(id).set_pending_window_in_days(days).send()
                })
                .await;
            return match gone {
                // Somebody has scheduled it before, or the answer was lost.
                Err(fault) if fault.class == Class::Refused && is_going(&describe(aws, id).await?) => Ok(()),
                gone => gone.map(drop),
            };
        }
    }
    Ok(())
}

async fn create(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let doing = format!("creating key {}", target.address.name());
    let policy = call.set.get("policy").map(|policy| policy.to_json().to_string());
    let tags = sdk_tags(call.set.get("tags"));
    let send = || {
        let request = aws.kms().create_key().set_description(call.text("description").map(str::to_owned));
        request.set_policy(policy.clone()).set_tags(Some(tags.clone())).send()
    };
    let mut tries = 0;
    let key = loop {
        tries += 1;
        match aws.call_once("kms:CreateKey", &doing, send).await {
            Ok(answer) => break answer.key_metadata,
            // KMS knows no token that would make a second call harmless, so the key is looked for before it is made again.
            Err(fault) if fault.class == Class::Unreachable => match by_tag(aws, target).await? {
                Some(key) => break Some(key),
                None if tries < CREATE_TRIES => {}
                None => return Err(fault),
            },
            Err(fault) => return Err(fault),
        }
    };
    let output = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
    let key = key.as_ref();
    Ok([output("id", key.map(KeyMetadata::key_id)), output("arn", key.and_then(KeyMetadata::arn))]
        .into_iter()
        .flatten()
        .collect())
}

/// How often a key is tried to be made while no answer comes.
const CREATE_TRIES: u32 = 5;
