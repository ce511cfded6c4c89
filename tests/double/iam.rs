use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Tags, World, arn, tags_in, tags_out, text, unknown, wire};

pub struct Role {
    path: String,
    trust: String,
    description: String,
    policies: BTreeMap<String, String>,
    tags: Tags,
}

const TAG: [&str; 2] = ["Key", "Value"];

pub fn play(world: &mut World, operation: &str, input: &Value) -> Answer {
    let name = text(input, "RoleName");
    match operation {
        "CreateRole" => {
            let role = Role {
                path: text(input, "Path").to_owned(),
                trust: text(input, "AssumeRolePolicyDocument").to_owned(),
                description: text(input, "Description").to_owned(),
                policies: BTreeMap::new(),
                tags: tags_in(&input["Tags"], TAG),
            };
            let answer = json!({ "Role": told(name, &role) });
            world.roles.insert(name.to_owned(), role);
            return Ok(answer);
        }
        "ListRoles" => {
            let under = world.roles.iter().filter(|(_, role)| role.path.starts_with(text(input, "PathPrefix")));
            let from: usize = text(input, "Marker").parse().unwrap_or(0);
            let mut page: Vec<Value> = under.skip(from).take(101).map(|(name, role)| told(name, role)).collect();
            let more = page.len() > 100;
            page.truncate(100);
            // As in AWS, a list is without tags.
            page.iter_mut().for_each(|role| role["Tags"] = Value::Null);
            let marker = more.then(|| (from + 100).to_string());
            return Ok(json!({ "Roles": page, "IsTruncated": more, "Marker": marker }));
        }
        _ => {}
    }
    let gone = |what: &str| ("NoSuchEntity", format!("The {what} cannot be found."));
    let Some(role) = world.roles.get_mut(name) else { return Err(gone(&format!("role with name {name}"))) };
    let policy = text(input, "PolicyName");
    match operation {
        "GetRole" => Ok(json!({ "Role": told(name, role) })),
        "ListRoleTags" => Ok(json!({ "Tags": tags_out(&role.tags, TAG), "IsTruncated": false })),
        "GetRolePolicy" => {
            let document = role.policies.get(policy).ok_or_else(|| gone("role policy"))?;
            Ok(json!({ "RoleName": name, "PolicyName": policy, "PolicyDocument": wire::encoded(document) }))
        }
        "PutRolePolicy" => {
            role.policies.insert(policy.to_owned(), text(input, "PolicyDocument").to_owned());
            Ok(json!({}))
        }
        "TagRole" => {
            role.tags.extend(tags_in(&input["Tags"], TAG));
            Ok(json!({}))
        }
        other => unknown(&format!("iam:{other}")),
    }
}

fn told(name: &str, role: &Role) -> Value {
    json!({
        "RoleName": name, "Path": role.path, "RoleId": "AROAEXAMPLE", "CreateDate": wire::time(1_750_000_000),
        "Arn": arn("iam", &format!("role{}{name}", role.path)), "Description": role.description,
        "AssumeRolePolicyDocument": wire::encoded(&role.trust), "Tags": tags_out(&role.tags, TAG),
    })
}
