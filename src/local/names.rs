//! Names, ARNs, ids and error codes: what follows from a kind's table without knowing the kind.

use super::traffic::{mix, mix_text};
use super::world::{Moving, World};
use crate::cloud::{Outputs, Target};
use crate::model::Schema;

/// The service of a kind: `kinesis` of `kinesis:CreateStream`.
pub fn service(schema: &Schema) -> &'static str {
    schema.create.split_once(':').map_or("", |(service, _)| service)
}

/// The resource that this one hangs on, as (kind, physical name): `clicks` of the consumer `clicks/fraud`.
pub fn parent<'a>(schema: &Schema, physical: &'a str) -> Option<(&'static str, &'a str)> {
    match schema.create {
        "kinesis:RegisterStreamConsumer" => {
            Some(("stream", physical.split_once('/').map_or(physical, |(stream, _)| stream)))
        }
        "kinesis:PutResourcePolicy" => Some(("stream", physical)),
        _ => None,
    }
}

/// What AWS answers when the name is taken.
pub fn exists_code(schema: &Schema) -> &'static str {
    match service(schema) {
        "kinesis" | "firehose" | "dynamodb" => "ResourceInUseException",
        "s3" => "BucketAlreadyOwnedByYou",
        "logs" => "ResourceAlreadyExistsException",
        "kms" => "AlreadyExistsException",
        "ec2" => "InvalidGroup.Duplicate",
        "lambda" => "ResourceConflictException",
        _ => "EntityAlreadyExists",
    }
}

/// What AWS answers when the thing is not there.
pub fn absent_code(schema: &Schema) -> &'static str {
    match service(schema) {
        "iam" => "NoSuchEntity",
        "s3" => "NoSuchBucket",
        "kms" => "NotFoundException",
        "ec2" => "InvalidId.NotFound",
        "cloudwatch" => "ResourceNotFound",
        _ => "ResourceNotFoundException",
    }
}

/// The outputs of a new resource: its name, the ARN of the template, and what AWS would assign.
pub fn outputs(world: &World, moving: &Moving, target: &Target, number: u64) -> Outputs {
    let mut outputs = Outputs::from([("name".to_owned(), target.physical.clone())]);
    if let Some(template) = target.schema.arn {
        outputs.insert("arn".into(), target.scope.fill(template, &target.physical));
    }
    let seed = mix(mix_text(moving.options.seed, &target.physical), number);
    for output in target.schema.assigned {
        let value = match *output {
            "arn" => assigned_arn(world, moving, target, seed),
            _ => assigned_id(target.schema, seed),
        };
        outputs.insert((*output).to_owned(), value);
    }
    outputs
}

/// Parts extend the ARN of what they hang on by kind, name and time of creation; others are known by an id.
fn assigned_arn(world: &World, moving: &Moving, target: &Target, seed: u64) -> String {
    let (schema, scope) = (target.schema, &target.scope);
    let parent = parent(schema, &target.physical);
    let arn_of = |kind: &str, name: &str| world.item(kind, name)?.outputs.get("arn").cloned();
    if let Some((kind, name)) = parent
        && let Some(arn) = arn_of(kind, name)
    {
        let own = target.physical[name.len()..].trim_start_matches('/');
        return format!("{arn}/{}/{own}:{}", schema.kind, moving.now);
    }
    let head = format!("arn:{}:{}:{}:{}", scope.partition, service(schema), scope.region, scope.account);
    match service(schema) {
        "kms" | "ec2" => format!("{head}:{}/{}", schema.kind, assigned_id(schema, seed)),
        _ => format!("{head}:{}/{}:{}", schema.kind, target.physical, assigned_id(schema, seed)),
    }
}

/// `vpce-0123456789abcdef0`, `sg-…`, or a UUID.
fn assigned_id(schema: &Schema, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let number = random.u128(..);
    let prefix = match schema.create {
        "ec2:CreateVpcEndpoint" => "vpce-",
        "ec2:CreateSecurityGroup" => "sg-",
        _ => {
            let hex = format!("{number:032x}");
            return format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
        }
    };
    format!("{prefix}{:017x}", number >> 60)
}
