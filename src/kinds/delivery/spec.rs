//! What the YAML says of an archive.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Name;
use super::super::key::KeyUse;
use crate::model::OnRemoval;
use crate::model::units::{Size, Span};

/// An archive: a Firehose delivery stream from a stream to S3, with its role and its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveSpec {
    /// The delivery stream's name in AWS, if it differs from the name here; 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme-clicks-raw")]
    pub name: Option<Name>,
    /// The stream of this pipeline that is archived. It is read with the throughput that ordinary consumers share.
    #[schemars(example = &"clicks")]
    pub from: Name,
    /// Where the objects go.
    #[schemars(example = serde_json::json!({ "bucket": "acme-clicks-archive", "create": true }))]
    pub s3: S3,
    /// When an object is written: as soon as either bound is met.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(example = serde_json::json!({ "size": "128MiB", "interval": "5m" }))]
    #[schemars(extend("default" = { "size": "128MiB", "interval": "5m" }))]
    pub buffer: Buffer,
    /// How objects are compressed: `gzip` (the default), `zip`, `snappy`, `hadoopSnappy` or `none`.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(extend("default" = "gzip"))]
    pub compression: Compression,
    /// The time zone of the times in prefixes, by IANA name; AWS's default is UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Europe/Berlin")]
    pub time_zone: Option<String>,
    /// What the names of objects end with, in place of what the compression suggests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &".json.gz")]
    pub file_extension: Option<String>,
    /// How long errors of the delivery stay in the log: `14d` (the default), or `never` to keep them for ever.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(extend("default" = "14d"))]
    pub log_retention: LogRetention,
    /// Tags besides the pipeline's, on all resources of the archive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
}

/// The place of an archive in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3 {
    /// The bucket's name. Several archives may share a bucket, each with a prefix of its own.
    #[schemars(example = &"acme-clicks-archive")]
    pub bucket: String,
    /// Make and manage the bucket: private, encrypted, TLS only. Otherwise it must exist and is left as it is.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub create: bool,
    /// The key of the objects: a key of this pipeline, `alias/…`, a key ARN, `aws` (the AWS-managed key) or `none`
    /// (S3's own keys, AES-256). Without it `defaults.key` decides, and without that S3's own keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyUse>,
    /// What the names of objects begin with; `!{timestamp:yyyy/MM/dd/HH}` is the arrival of the oldest record.
    /// The default is `ARCHIVE/!{timestamp:yyyy/MM/dd/HH}/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"clicks/!{timestamp:yyyy/MM/dd/HH}/")]
    pub prefix: Option<String>,
    /// The same for records that could not be delivered; it must name `!{firehose:error-output-type}`.
    /// The default is `errors/ARCHIVE/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"errors/clicks/!{firehose:error-output-type}/")]
    pub error_prefix: Option<String>,
    /// Objects under this archive's prefixes are deleted after this many days. Needs `create: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"400d")]
    pub expire_after: Option<Span>,
    /// Keep overwritten and deleted objects for 30 days. Needs `create: true`.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub versioning: bool,
    /// Never delete the bucket, even after this block has left the spec. Kept as a tag on the bucket.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub protect: bool,
    /// What happens to the bucket when this block leaves the spec: `retain` (the default) or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<OnRemoval>,
}

/// When an object is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Buffer {
    /// So much has come: 1MiB to 128MiB (the default; AWS's is 5MiB). Larger objects are cheaper to store and to read.
    #[serde(default = "most")]
    pub size: Size,
    /// So much time has passed: 0s to 15m; 5m is the default.
    #[serde(default = "five_minutes")]
    pub interval: Span,
}

fn most() -> Size {
    Size(128 << 20)
}

fn five_minutes() -> Span {
    Span(300)
}

impl Default for Buffer {
    fn default() -> Self {
        Self { size: most(), interval: five_minutes() }
    }
}

/// How objects are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = &"gzip")]
pub enum Compression {
    #[default]
    Gzip,
    Zip,
    Snappy,
    HadoopSnappy,
    None,
}

impl Compression {
    /// Its word in the YAML and in attributes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Snappy => "snappy",
            Self::HadoopSnappy => "hadoopSnappy",
            Self::None => "none",
        }
    }
}

/// How long log events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRetention {
    Never,
    For(Span),
}

impl Default for LogRetention {
    fn default() -> Self {
        Self::For(Span::days(14))
    }
}

impl fmt::Display for LogRetention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            // CloudWatch Logs counts in days.
            Self::For(span) if span.seconds().is_multiple_of(86_400) => write!(f, "{}d", span.seconds() / 86_400),
            Self::For(span) => span.fmt(f),
        }
    }
}

impl std::str::FromStr for LogRetention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Self::Never) } else { text.parse().map(Self::For) }
    }
}

impl Serialize for LogRetention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogRetention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for LogRetention {
    fn schema_name() -> Cow<'static, str> {
        "LogRetention".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "pattern": "^(never|[0-9]+d)$", "examples": ["14d", "never"] })
    }
}
