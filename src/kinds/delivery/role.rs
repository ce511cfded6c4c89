//! The role of an archive: exactly what Firehose needs to read the stream and to write the objects.
//!
//! Actions: "Grant Firehose access to an Amazon S3 destination" and "… to your Kinesis data stream" in the Firehose
//! guide's chapter on access control.

use super::{ArchiveSpec, error_prefix, literal, physical, prefix};
use crate::kinds::role::{grants, service_role};
use crate::kinds::{Name, Wish, bucket, log_group};
use crate::model::{Address, Path, Value};

/// Adds the role and answers its address. `key` is what the objects are encrypted with: an ARN, a reference or `none`.
pub fn of(wish: &mut Wish, name: &Name, archive: &ArchiveSpec, key: &Value, at: &Path) -> Address {
    let statements = statements(wish, name, archive, key);
    // Firehose presents the account's id when it takes the role on, so nobody can lend it to another account's stream.
    let trust = grants::condition("StringEquals", "sts:ExternalId", wish.scope.account.clone());
    let purpose = format!("Lets Firehose archive {} to the bucket {}", archive.from, archive.s3.bucket);
    let role = format!("{name}-delivery");
    service_role(wish, &role, "firehose.amazonaws.com", Some(trust), statements, &purpose, at)
}

fn statements(wish: &Wish, name: &Name, archive: &ArchiveSpec, key: &Value) -> Vec<Value> {
    let source = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"];
    let mut statements = vec![grants::allow("ReadStream", &source, vec![grants::stream_arn(&archive.from)], None)];
    statements.extend(grants::decrypt_stream(wish, &archive.from));
    statements.extend(objects(wish, name, archive, key));
    let group = log_group::physical(physical(name, archive));
    let group = wish.scope.fill(log_group::SCHEMA.arn.unwrap_or_default(), &group);
    let stream = Value::text(format!("{group}:log-stream:{}", log_group::STREAM));
    statements.push(grants::allow("LogErrors", &["logs:PutLogEvents"], vec![stream], None));
    statements
}

/// Writing under the archive's two prefixes, and the key of what is written.
fn objects(wish: &Wish, name: &Name, archive: &ArchiveSpec, key: &Value) -> Vec<Value> {
    let arn = wish.scope.fill(bucket::SCHEMA.arn.unwrap_or_default(), &archive.s3.bucket);
    let mut objects: Vec<String> = [prefix(name, archive), error_prefix(name, archive)]
        .iter()
        .map(|prefix| format!("{arn}/{}*", literal(prefix)))
        .collect();
    objects.sort();
    objects.dedup();
    let texts = |items: &[String]| items.iter().map(|item| Value::text(item.as_str())).collect::<Vec<_>>();
    let on_bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"];
    let on_objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
    let whole = Value::reference(bucket::address(&archive.s3.bucket), "arn");
    let mut statements = vec![
        grants::allow("FindBucket", &on_bucket, vec![whole], None),
        grants::allow("WriteObjects", &on_objects, texts(&objects), None),
    ];
    if key.as_text() != Some("none") {
        // With a bucket key S3 names the bucket as context, without it the object.
        let mut contexts = vec![arn];
        contexts.extend(objects);
        let via = Value::map([("kms:ViaService", grants::via_service(wish.scope, "s3"))]);
        let context = Value::map([("kms:EncryptionContext:aws:s3:arn", Value::list(contexts))]);
        let only = Value::map([("StringEquals", via), ("StringLike", context)]);
        let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
        statements.push(grants::allow("EncryptObjects", &actions, vec![key.clone()], Some(only)));
    }
    statements
}
