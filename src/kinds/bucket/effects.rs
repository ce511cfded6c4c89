//! The AWS calls of a bucket, and the only ones.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, Delete, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, ObjectIdentifier, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};

use super::super::key;
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Class, Fault, Outputs, Target};
use crate::model::{Attrs, Call, Resource, State, Value};

/// Rules of a lifecycle that are ours begin with this; the others are kept.
const OURS: &str = "tidegate-";

/// S3 answers "no such configuration" for a setting that nobody made, and another code for the bucket itself.
fn unset<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.is_absent() && fault.code != "NoSuchBucket" => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Says more where a bucket of this name is out of reach.
fn explained(fault: Fault, bucket: &str) -> Fault {
    match fault.code.as_str() {
        "BucketAlreadyExists" => fault
            .help(format!("bucket names are shared by all AWS accounts, and {bucket} is taken: choose another name")),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            fault.help(format!(
                "the bucket {bucket} is in another region: Firehose writes only to its own region, so choose another \
             bucket, or the pipeline's `region`"
            ))
        }
        _ => fault,
    }
}

async fn tags(aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of bucket {bucket}");
    let answer = aws.call("s3:GetBucketTagging", &doing, || aws.s3().get_bucket_tagging().bucket(bucket).send()).await;
    let set = unset(answer).map_err(|fault| explained(fault, bucket))?.map(|answer| answer.tag_set);
    Ok(set.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
}

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let bucket = target.physical.as_str();
    let tags = match tags(aws, bucket).await {
        Err(fault) if fault.is_absent() => return Ok(None),
        tags => tags?,
    };
    let (ownership, locks, encryption, policy, versioning, rules) = futures::try_join!(
        ownership(aws, bucket),
        locks(aws, bucket),
        encryption(aws, bucket),
        policy(aws, bucket),
        versioning(aws, bucket),
        rules(aws, bucket),
    )?;
    let (ours, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(is_ours);
    let mut attrs = Attrs::from([("tags".to_owned(), Value::map(tags))]);
    let settings = [
        ("ownership", ownership),
        ("publicAccessBlock", locks),
        ("encryption", Some(encryption)),
        ("policy", policy),
        ("versioning", Some(versioning)),
        ("lifecycle", Some(lifecycle(&ours))),
    ];
    attrs.extend(settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let mut facts = Attrs::new();
    if !others.is_empty() {
        let names = others.iter().map(|rule| rule.id().unwrap_or_default());
        facts.insert("otherLifecycleRules".into(), Value::list(names));
    }
    let outputs = BTreeMap::from([("arn".to_owned(), target.arn()), ("name".to_owned(), bucket.to_owned())]);
    Ok(Some(Resource { physical: bucket.to_owned(), outputs, attrs, facts, state: State::Ready }))
}

async fn ownership(aws: &Aws, bucket: &str) -> Result<Option<Value>, Fault> {
    let doing = format!("reading the ownership controls of bucket {bucket}");
    let answer = aws
        .call("s3:GetBucketOwnershipControls", &doing, || {
            aws.s3().get_bucket_ownership_controls().bucket(bucket).send()
        })
        .await;
    let controls = unset(answer)?.and_then(|answer| answer.ownership_controls);
    let rule = controls.and_then(|controls| controls.rules.into_iter().next());
    Ok(rule.map(|rule| Value::text(rule.object_ownership.as_str())))
}

async fn locks(aws: &Aws, bucket: &str) -> Result<Option<Value>, Fault> {
    let doing = format!("reading the public access block of bucket {bucket}");
    let answer =
        aws.call("s3:GetPublicAccessBlock", &doing, || aws.s3().get_public_access_block().bucket(bucket).send()).await;
    let block = unset(answer)?.and_then(|answer| answer.public_access_block_configuration);
    Ok(block.map(|block| {
        Value::map([
            ("blockPublicAcls", block.block_public_acls.unwrap_or(false)),
            ("blockPublicPolicy", block.block_public_policy.unwrap_or(false)),
            ("ignorePublicAcls", block.ignore_public_acls.unwrap_or(false)),
            ("restrictPublicBuckets", block.restrict_public_buckets.unwrap_or(false)),
        ])
    }))
}

async fn encryption(aws: &Aws, bucket: &str) -> Result<Value, Fault> {
    let doing = format!("reading the encryption of bucket {bucket}");
    let answer =
        aws.call("s3:GetBucketEncryption", &doing, || aws.s3().get_bucket_encryption().bucket(bucket).send()).await;
    let config = unset(answer)?.and_then(|answer| answer.server_side_encryption_configuration);
    let Some(rule) = config.and_then(|config| config.rules.into_iter().next()) else { return Ok("s3".into()) };
    let default = rule.apply_server_side_encryption_by_default;
    let id = match &default {
        Some(default) if default.sse_algorithm != ServerSideEncryption::Aes256 => default.kms_master_key_id.as_deref(),
        _ => return Ok("s3".into()),
    };
    let key = match id {
        Some(id) => key::canonical(aws, id).await?,
        None => "aws".to_owned(),
    };
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    Ok(Value::map([("key", Value::text(key)), ("bucketKey", Value::Bool(bucket_key))]))
}

async fn policy(aws: &Aws, bucket: &str) -> Result<Option<Value>, Fault> {
    let doing = format!("reading the policy of bucket {bucket}");
    let answer = aws.call("s3:GetBucketPolicy", &doing, || aws.s3().get_bucket_policy().bucket(bucket).send()).await;
    let text = unset(answer)?.and_then(|answer| answer.policy);
    Ok(text.map(|text| {
        let tree = serde_json::from_str(&text).ok().and_then(|json| Value::from_json(&json).ok());
        tree.unwrap_or_else(|| Value::text(text))
    }))
}

/// A suspended bucket keeps no new versions: the same as one that was never versioned, and there is no way back to that.
async fn versioning(aws: &Aws, bucket: &str) -> Result<Value, Fault> {
    let doing = format!("reading the versioning of bucket {bucket}");
    let answer =
        aws.call("s3:GetBucketVersioning", &doing, || aws.s3().get_bucket_versioning().bucket(bucket).send()).await?;
    Ok(Value::text(if answer.status == Some(BucketVersioningStatus::Enabled) { "enabled" } else { "off" }))
}

async fn rules(aws: &Aws, bucket: &str) -> Result<Vec<LifecycleRule>, Fault> {
    let doing = format!("reading the lifecycle of bucket {bucket}");
    let answer = aws
        .call("s3:GetBucketLifecycleConfiguration", &doing, || {
            aws.s3().get_bucket_lifecycle_configuration().bucket(bucket).send()
        })
        .await;
    Ok(unset(answer)?.and_then(|answer| answer.rules).unwrap_or_default())
}

fn is_ours(rule: &LifecycleRule) -> bool {
    rule.id().is_some_and(|id| id.starts_with(OURS)) && rule.status == ExpirationStatus::Enabled
}

/// Our rules as the attribute that made them.
fn lifecycle(rules: &[LifecycleRule]) -> Value {
    let days = |days: Option<i32>| days.map(|days| Value::text(format!("{days}d")));
    let mut found = BTreeMap::new();
    let mut expire = BTreeMap::new();
    for rule in rules {
        let prefix = rule.filter().and_then(LifecycleRuleFilter::prefix).unwrap_or_default();
        if let Some(after) = days(rule.expiration().and_then(LifecycleExpiration::days)) {
            expire.insert(prefix.to_owned(), after);
        }
        let noncurrent = rule.noncurrent_version_expiration().and_then(NoncurrentVersionExpiration::noncurrent_days);
        found.extend(days(noncurrent).map(|after| ("noncurrentAfter".to_owned(), after)));
        let abort = rule.abort_incomplete_multipart_upload();
        let abort = abort.and_then(AbortIncompleteMultipartUpload::days_after_initiation);
        found.extend(days(abort).map(|after| ("abortMultipartAfter".to_owned(), after)));
    }
    if !expire.is_empty() {
        found.insert("expire".into(), Value::Map(expire));
    }
    Value::Map(found)
}

/// The rules that an attribute stands for.
fn our_rules(lifecycle: &Value) -> Result<Vec<LifecycleRule>, Fault> {
    let days = |value: Option<&Value>| -> Option<i32> { value?.as_text()?.strip_suffix('d')?.parse().ok() };
    let rule = |id: String, prefix: &str| {
        let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
        LifecycleRule::builder().id(format!("{OURS}{id}")).filter(filter).status(ExpirationStatus::Enabled)
    };
    let mut rules = Vec::new();
    if let Some(after) = days(lifecycle.get("abortMultipartAfter")) {
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(after).build();
        rules.push(rule("abort-multipart".into(), "").abort_incomplete_multipart_upload(abort).build());
    }
    if let Some(after) = days(lifecycle.get("noncurrentAfter")) {
        let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(after).build();
        rules.push(rule("noncurrent".into(), "").noncurrent_version_expiration(expiration).build());
    }
    let expire = lifecycle.get("expire").and_then(Value::as_map).into_iter().flatten();
    for (number, (prefix, after)) in expire.enumerate() {
        let expiration = LifecycleExpiration::builder().set_days(days(Some(after))).build();
        rules.push(rule(format!("expire-{}", number + 1), prefix).expiration(expiration).build());
    }
    rules.into_iter().collect::<Result<_, _>>().map_err(|error| unbuildable(&error))
}

/// A request that the SDK itself refuses to build.
fn unbuildable(error: &dyn std::error::Error) -> Fault {
    Fault::new(Class::Refused, "preparing a request to S3", "InvalidRequest", error.to_string())
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let (s3, bucket) = (aws.s3(), target.physical.as_str());
    let doing = format!("changing bucket {bucket}");
    match call.verb() {
        "CreateBucket" => create(aws, bucket, call).await.map_err(|fault| explained(fault, bucket))?,
        "PutBucketTagging" => put_tags(aws, bucket, call).await?,
        "PutBucketOwnershipControls" => put_ownership(aws, bucket, call).await?,
        "PutPublicAccessBlock" => {
            let lock = |name: &str| call.set.get("publicAccessBlock").and_then(|locks| locks.get(name)?.as_bool());
            let block = PublicAccessBlockConfiguration::builder()
                .set_block_public_acls(lock("blockPublicAcls"))
                .set_block_public_policy(lock("blockPublicPolicy"))
                .set_ignore_public_acls(lock("ignorePublicAcls"))
                .set_restrict_public_buckets(lock("restrictPublicBuckets"))
                .build();
            aws.call("s3:PutPublicAccessBlock", &doing, || {
                s3.put_public_access_block().bucket(bucket).public_access_block_configuration(block.clone()).send()
            })
            .await
            .map(drop)?;
        }
        "PutBucketEncryption" => put_encryption(aws, bucket, call).await?,
        "PutBucketPolicy" => {
            let text = call.set.get("policy").map(|policy| policy.to_json().to_string()).unwrap_or_default();
            aws.call("s3:PutBucketPolicy", &doing, || s3.put_bucket_policy().bucket(bucket).policy(&text).send())
                .await
                .map(drop)?;
        }
        "PutBucketVersioning" => {
            let enabled = call.text("versioning") == Some("enabled");
            let status = if enabled { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
            let config = VersioningConfiguration::builder().status(status).build();
            aws.call("s3:PutBucketVersioning", &doing, || {
                s3.put_bucket_versioning().bucket(bucket).versioning_configuration(config.clone()).send()
            })
            .await
            .map(drop)?;
        }
        "PutBucketLifecycleConfiguration" => put_lifecycle(aws, bucket, call).await?,
        "DeleteObjects" => empty(aws, bucket).await?,
        "DeleteBucket" => {
            aws.call("s3:DeleteBucket", &doing, || s3.delete_bucket().bucket(bucket).send()).await.map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

fn sdk_tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, Fault> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(|error| unbuildable(&error))
}

fn wanted_tags(call: &Call) -> BTreeMap<String, String> {
    let tags = call.set.get("tags").and_then(Value::as_map).into_iter().flatten();
    tags.filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned()))).collect()
}

async fn create(aws: &Aws, bucket: &str, call: &Call) -> Result<(), Fault> {
    let doing = format!("creating bucket {bucket}");
    let mut config = CreateBucketConfiguration::builder().set_tags(Some(sdk_tags(&wanted_tags(call))?));
    // S3 knows its oldest region by no name.
    if aws.region() != "us-east-1" {
        config = config.location_constraint(BucketLocationConstraint::from(aws.region()));
    }
    let config = config.build();
    let ownership = call.text("ownership").map(ObjectOwnership::from);
    aws.call("s3:CreateBucket", &doing, || {
        let request = aws.s3().create_bucket().bucket(bucket).create_bucket_configuration(config.clone());
        request.set_object_ownership(ownership.clone()).send()
    })
    .await
    .map(drop)
}

/// S3 replaces the whole set, so what others wrote is read first and written again; so are the tags of AWS itself
/// (`aws:cloudformation:…`), whose removal it refuses.
async fn put_tags(aws: &Aws, bucket: &str, call: &Call) -> Result<(), Fault> {
    let before = tags(aws, bucket).await?;
    let mut after = before.clone();
    after.extend(wanted_tags(call));
    after.retain(|key, _| !call.drop_tags.contains(key));
    if after == before {
        return Ok(());
    }
    let doing = format!("tagging bucket {bucket}");
    let tagging =
        Tagging::builder().set_tag_set(Some(sdk_tags(&after)?)).build().map_err(|error| unbuildable(&error))?;
    aws.call("s3:PutBucketTagging", &doing, || {
        aws.s3().put_bucket_tagging().bucket(bucket).tagging(tagging.clone()).send()
    })
    .await
    .map(drop)
}

async fn put_ownership(aws: &Aws, bucket: &str, call: &Call) -> Result<(), Fault> {
    let doing = format!("switching off the ACLs of bucket {bucket}");
    let ownership = ObjectOwnership::from(call.text("ownership").unwrap_or("BucketOwnerEnforced"));
    let rule =
        OwnershipControlsRule::builder().object_ownership(ownership).build().map_err(|error| unbuildable(&error))?;
    let controls = OwnershipControls::builder().rules(rule).build().map_err(|error| unbuildable(&error))?;
    aws.call("s3:PutBucketOwnershipControls", &doing, || {
        aws.s3().put_bucket_ownership_controls().bucket(bucket).ownership_controls(controls.clone()).send()
    })
    .await
    .map(drop)
}

async fn put_encryption(aws: &Aws, bucket: &str, call: &Call) -> Result<(), Fault> {
    let doing = format!("encrypting bucket {bucket}");
    let wanted = call.set.get("encryption");
    let key = wanted.and_then(|wanted| wanted.get("key")?.as_text());
    let algorithm = if key.is_some() { ServerSideEncryption::AwsKms } else { ServerSideEncryption::Aes256 };
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(algorithm)
        // Without a key id S3 takes the AWS-managed key.
        .set_kms_master_key_id(key.filter(|key| *key != "aws").map(str::to_owned))
        .build()
        .map_err(|error| unbuildable(&error))?;
    let bucket_key = wanted.and_then(|wanted| wanted.get("bucketKey")?.as_bool());
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .set_bucket_key_enabled(bucket_key)
        .build();
    let config =
        ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(|error| unbuildable(&error))?;
    aws.call("s3:PutBucketEncryption", &doing, || {
        aws.s3().put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(config.clone()).send()
    })
    .await
    .map(drop)
}

/// S3 replaces all rules, so those of others are read first and written again.
async fn put_lifecycle(aws: &Aws, bucket: &str, call: &Call) -> Result<(), Fault> {
    let mut rules = rules(aws, bucket).await?;
    rules.retain(|rule| !rule.id().is_some_and(|id| id.starts_with(OURS)));
    rules.extend(our_rules(call.set.get("lifecycle").unwrap_or(&Value::Bool(false)))?);
    let doing = format!("writing the lifecycle of bucket {bucket}");
    let config =
        BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(|error| unbuildable(&error))?;
    aws.call("s3:PutBucketLifecycleConfiguration", &doing, || {
        let request = aws.s3().put_bucket_lifecycle_configuration().bucket(bucket);
        request.lifecycle_configuration(config.clone()).send()
    })
    .await
    .map(drop)
}

/// Pages of a thousand; more than ten million objects are a lifecycle rule's work.
const MOST_PAGES: usize = 10_000;

/// Deletes all versions, all delete markers and all unfinished uploads. Each page deletes what it lists, so the
/// listing always starts at the front.
async fn empty(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    abort_uploads(aws, bucket).await?;
    let doing = format!("emptying bucket {bucket}");
    for _ in 0..MOST_PAGES {
        let page =
            aws.call("s3:ListObjectVersions", &doing, || aws.s3().list_object_versions().bucket(bucket).send()).await?;
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let objects = versions
            .chain(markers)
            .filter_map(|(key, version)| {
                ObjectIdentifier::builder().key(key?).set_version_id(version.map(str::to_owned)).build().ok()
            })
            .collect::<Vec<_>>();
        if objects.is_empty() {
            return Ok(());
        }
        let delete =
            Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(|error| unbuildable(&error))?;
        let answer = aws
            .call("s3:DeleteObjects", &doing, || aws.s3().delete_objects().bucket(bucket).delete(delete.clone()).send())
            .await?;
        if let Some(error) = answer.errors().first() {
            let said = format!("{}: {}", error.key().unwrap_or_default(), error.message().unwrap_or_default());
            return Err(Fault::new(Class::Refused, doing, error.code().unwrap_or("DeleteFailed"), said).help(
                "an object lock, a legal hold or a policy forbids it: lift that, then run the same command again",
            ));
        }
    }
    Err(Fault::new(
        Class::Refused,
        doing,
        "TooManyObjects",
        "more than ten million objects are too many to delete one by one",
    )
    .help("let a lifecycle rule expire them (`expireAfter: 1d`), and delete the bucket when it is empty"))
}

async fn abort_uploads(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    let doing = format!("ending the unfinished uploads to bucket {bucket}");
    for _ in 0..MOST_PAGES {
        let page = aws
            .call("s3:ListMultipartUploads", &doing, || aws.s3().list_multipart_uploads().bucket(bucket).send())
            .await?;
        if page.uploads().is_empty() {
            return Ok(());
        }
        for upload in page.uploads() {
            let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
            let gone = aws
                .call("s3:AbortMultipartUpload", &doing, || {
                    aws.s3().abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send()
                })
                .await;
            // The upload may have ended meanwhile.
            if gone.as_ref().is_err_and(|fault| !fault.is_absent()) {
                gone?;
            }
        }
    }
    Ok(())
}
