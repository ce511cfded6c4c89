//! Archives and their buckets.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::streams::is_deleted;
use super::{Known, Signs, key_use, merged};
use crate::kinds::Name;
use crate::kinds::delivery::{ArchiveSpec, LogRetention, error_prefix, prefix};
use crate::kinds::key::KeyUse;
use crate::lint::plain::path;
use crate::model::Path;

pub(super) fn all(known: &Known, signs: &Signs) -> Json {
    let one = |(name, archive): (&Name, &ArchiveSpec)| (name.as_str().to_owned(), facts(known, signs, name, archive));
    Json::Object(known.spec.archives.iter().map(one).collect())
}

fn facts(known: &Known, signs: &Signs, name: &Name, archive: &ArchiveSpec) -> Json {
    let at = Path::of(["archives", name.as_str()]);
    let s3 = at.key("s3");
    let days = |span: &crate::model::units::Span| span.seconds() / 86_400;
    json!({
        "path": path(&at),
        "name": name.as_str(),
        "from": archive.from.as_str(),
        "bucket": archive.s3.bucket,
        "create": archive.s3.create,
        "key": key_use(archive.s3.key.as_ref().map(|key| (key, s3.key("key"))), known.spec, &KeyUse::None, &s3),
        "prefix": prefix(name, archive),
        // What stands before the first expression that Firehose fills in.
        "prefix_start": start(&prefix(name, archive)),
        "error_prefix": error_prefix(name, archive),
        "error_prefix_start": start(&error_prefix(name, archive)),
        "expire_after_days": archive.s3.expire_after.as_ref().map(days),
        "versioning": archive.s3.versioning,
        "protect": archive.s3.protect,
        "on_removal": archive.s3.on_removal,
        "delete_on_removal": is_deleted(known.spec, archive.s3.on_removal),
        "buffer_mib": archive.buffer.size.0 >> 20,
        "buffer_seconds": archive.buffer.interval.seconds(),
        "compression": archive.compression.word(),
        "time_zone": archive.time_zone,
        "log_retention_days": match &archive.log_retention {
            LogRetention::Never => Json::Null,
            LogRetention::For(span) => days(span).into(),
        },
        "alarms": signs.on(name.as_str(), None),
        "own_tags": archive.tags,
        "tags": merged(known.spec, &archive.tags),
    })
}

fn start(prefix: &str) -> &str {
    prefix.split("!{").next().unwrap_or_default()
}

/// Buckets by name, with the archives that write to them.
pub fn buckets(known: &Known) -> Json {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, archive) in &known.spec.archives {
        users.entry(&archive.s3.bucket).or_default().push(name.as_str());
    }
    json!(users)
}
