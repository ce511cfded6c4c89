use serde_json::{Value, json};

use super::{ACCOUNT, Answer, Tags, World, arn, tags_in, tags_out, text, unknown, wire};

pub struct Key {
    policy: String,
    description: String,
    rotation: Option<u64>,
    pub tags: Tags,
}

const TAG: [&str; 2] = ["TagKey", "TagValue"];

pub fn play(world: &mut World, operation: &str, input: &Value) -> Answer {
    match operation {
        "CreateKey" => {
            let id = format!("{:08x}-0000-4000-8000-000000000000", world.keys.len() + 1);
            let key = Key {
                policy: text(input, "Policy").to_owned(),
                description: text(input, "Description").to_owned(),
                rotation: None,
                tags: tags_in(&input["Tags"], TAG),
            };
            let answer = json!({ "KeyMetadata": metadata(&id, &key) });
            world.keys.insert(id, key);
            return Ok(answer);
        }
        "CreateAlias" => {
            world.aliases.insert(text(input, "AliasName").to_owned(), text(input, "TargetKeyId").to_owned());
            return Ok(json!({}));
        }
        _ => {}
    }
    let asked = text(input, "KeyId");
    let id = world.aliases.get(asked.rsplit_once(":alias/").map_or(asked, |(_, name)| name)).map_or(asked, |id| id);
    let id = id.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(key) = world.keys.get_mut(&id) else {
        return Err(("NotFoundException", format!("Key {asked} does not exist")));
    };
    match operation {
        "DescribeKey" => return Ok(json!({ "KeyMetadata": metadata(&id, key) })),
        "GetKeyPolicy" => return Ok(json!({ "Policy": key.policy, "PolicyName": "default" })),
        "GetKeyRotationStatus" => {
            return Ok(json!({ "KeyRotationEnabled": key.rotation.is_some(), "RotationPeriodInDays": key.rotation }));
        }
        "ListResourceTags" => return Ok(json!({ "Tags": tags_out(&key.tags, TAG), "Truncated": false })),
        "EnableKeyRotation" => key.rotation = Some(input["RotationPeriodInDays"].as_u64().unwrap_or(365)),
        "PutKeyPolicy" => key.policy = text(input, "Policy").to_owned(),
        "TagResource" => key.tags.extend(tags_in(&input["Tags"], TAG)),
        other => return unknown(&format!("kms:{other}")),
    }
    Ok(json!({}))
}

fn metadata(id: &str, key: &Key) -> Value {
    json!({
        "KeyId": id, "Arn": arn("kms", &format!("key/{id}")), "AWSAccountId": ACCOUNT, "Description": key.description,
        "KeyManager": "CUSTOMER", "KeyState": "Enabled", "Enabled": true, "CreationDate": wire::time(1_750_000_000),
    })
}
