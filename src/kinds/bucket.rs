//! S3 buckets of archives: private, encrypted, TLS only.

mod effects;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;

use super::delivery::{self, ArchiveSpec};
use super::key::KeyUse;
use super::{Name, ResourceKind, Wish};
use crate::aws::Aws;
use crate::cloud::{Fault, Outputs, Target};
use crate::model::{
    Address, Call, Compare, Cost, Desired, Effect, Field, Path, Permit, Priced, Problem, Resource, Risk, Schema, Shift,
    Value, When,
};

/// How long overwritten and deleted objects of a versioned bucket are kept.
const NONCURRENT: &str = "30d";
/// How long a multipart upload may take before its parts are removed.
const ABORT_MULTIPART: &str = "7d";
const ARN: &str = "arn:{partition}:s3:::{name}";

/// The address of a bucket: its own name, so that archives that share it share one resource.
pub fn address(bucket: &str) -> Address {
    Address::new(SCHEMA.kind, bucket)
}

pub static SCHEMA: Schema = Schema {
    kind: "bucket",
    title: "S3 bucket",
    fields: &[
        // Tags come first among the settings: a bucket whose creation was interrupted must be found again.
        Field::tags("s3:PutBucketTagging", "s3:PutBucketTagging"),
        Field::in_place(
            "ownership",
            "s3:PutBucketOwnershipControls",
            "Who owns objects; `BucketOwnerEnforced` switches ACLs off.",
        )
        .folded(),
        Field::in_place("publicAccessBlock", "s3:PutPublicAccessBlock", "All four locks against public access."),
        Field::in_place(
            "encryption",
            "s3:PutBucketEncryption",
            "How objects are encrypted that do not say it themselves.",
        )
        .default(|| Value::text("s3")),
        Field::in_place("policy", "s3:PutBucketPolicy", "Who may use the bucket: nobody without TLS.")
            .compare(Compare::Document),
        Field::in_place("versioning", "s3:PutBucketVersioning", "Whether overwritten and deleted objects are kept.")
            .default(|| Value::text("off")),
        Field::in_place("lifecycle", "s3:PutBucketLifecycleConfiguration", "What is deleted by age."),
    ],
    create: "s3:CreateBucket",
    delete: "s3:DeleteBucket",
    asynchronous: false,
    create_seconds: 2,
    arn: Some(ARN),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: Some("every object in the bucket with all its versions"),
    creating_limit: None,
    needs: Schema::no_needs,
    calls,
    risks,
    cost,
    permits: &[
        Permit {
            when: When::Read,
            actions: &[
                "s3:GetBucketTagging",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetEncryptionConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketVersioning",
                "s3:GetLifecycleConfiguration",
            ],
            on: ARN,
        },
        Permit {
            when: When::Create,
            actions: &[
                "s3:CreateBucket",
                "s3:TagResource",
                "s3:PutBucketTagging",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutEncryptionConfiguration",
                "s3:PutBucketPolicy",
                "s3:PutBucketVersioning",
                "s3:PutLifecycleConfiguration",
            ],
            on: ARN,
        },
        Permit {
            when: When::Update,
            actions: &[
                "s3:PutBucketTagging",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutEncryptionConfiguration",
                "s3:PutBucketPolicy",
                "s3:PutBucketVersioning",
                "s3:PutLifecycleConfiguration",
            ],
            on: ARN,
        },
        Permit {
            when: When::Delete,
            actions: &["s3:DeleteBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
            on: ARN,
        },
        Permit {
            when: When::Delete,
            actions: &["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"],
            on: "arn:{partition}:s3:::{name}/*",
        },
    ],
};

fn calls(schema: &Schema, shift: &Shift) -> Vec<Call> {
    let mut calls = Schema::plain_calls(schema, shift);
    match (shift.before, shift.wanted) {
        // AWS takes tags here as well, emulators do not: they are written again right after, which then changes nothing.
        (None, Some(wanted)) => {
            if let (Some(create), Some(tags)) = (calls.first_mut(), wanted.get("tags")) {
                create.set.insert("tags".into(), tags.clone());
            }
        }
        (_, None) => calls.insert(0, Call::new(Effect::Set, "s3:DeleteObjects").about(60)),
        _ => {}
    }
    calls
}

fn risks(shift: &Shift) -> Vec<Risk> {
    let mut risks = Vec::new();
    let Some(before) = shift.before else { return risks };
    if shift.changed.contains_key("encryption") {
        risks.push(Risk::new(
            "access",
            "new objects are encrypted in another way; old ones keep their key, so keep that key",
        ));
    }
    let expiry = |value: Option<&Value>| value.and_then(|lifecycle| lifecycle.get("expire")).cloned();
    if let Some(lifecycle) = shift.changed.get("lifecycle")
        && let Some(expire) = expiry(Some(lifecycle))
        && Some(&expire) != expiry(before.attrs.get("lifecycle")).as_ref()
    {
        risks
            .push(Risk::new("data-loss", "objects older than the new bound are deleted for ever, within a day or two"));
    }
    risks
}

fn cost(_: &Priced) -> Cost {
    Cost { monthly_micros: 0, usage: vec!["stored GB and requests".into()] }
}

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn desire(&self, wish: &mut Wish) {
        let mut users: BTreeMap<&str, Vec<(&Name, &ArchiveSpec)>> = BTreeMap::new();
        let archives = &wish.spec.archives;
        for (name, archive) in archives {
            let made = archives.values().any(|other| other.s3.create && other.s3.bucket == archive.s3.bucket);
            check(archive, made, &path(name), &mut wish.problems);
            users.entry(archive.s3.bucket.as_str()).or_default().push((name, archive));
        }
        for (bucket, users) in users {
            match users.iter().find(|(_, archive)| archive.s3.create) {
                Some(&(name, archive)) => managed(wish, bucket, &users, name, archive),
                None => {
                    let at = path(users[0].0).key("bucket");
                    wish.add(Desired::new(&SCHEMA, bucket, bucket, at).existing());
                }
            }
        }
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

fn path(archive: &Name) -> Path {
    Path::of(["archives", archive.as_str(), "s3"])
}

/// One bucket for all archives that name it; the first that says `create: true` decides how it is made.
fn managed(wish: &mut Wish, bucket: &str, users: &[(&Name, &ArchiveSpec)], name: &Name, first: &ArchiveSpec) {
    let at = path(name);
    for (other, archive) in users.iter().filter(|(other, archive)| archive.s3.create && *other != name) {
        let differs = [
            ("key", archive.s3.key != first.s3.key),
            ("versioning", archive.s3.versioning != first.s3.versioning),
            ("protect", archive.s3.protect != first.s3.protect),
            ("onRemoval", archive.s3.on_removal != first.s3.on_removal),
        ];
        for (field, _) in differs.into_iter().filter(|(_, differs)| *differs) {
            let message = format!("`{other}` and `{name}` share the bucket {bucket}, and say different things of it");
            let help = format!("write the same `{field}` in both, or leave `create` out of one of them");
            wish.problem(Problem::new("conflict", path(other).key(field), message).help(help));
        }
    }
    let desired = Desired::new(&SCHEMA, bucket, bucket, at.clone());
    let encryption = match key(wish, first, &at) {
        Some(Value::Text(text)) if text == "none" => Value::text("s3"),
        // The bucket key saves almost all KMS requests of an archive.
        Some(key) => Value::map([("key", key), ("bucketKey", Value::Bool(true))]),
        None => return,
    };
    let fate = wish.fate(first.s3.protect, first.s3.on_removal);
    let tags = wish.tags(&desired.address, &first.tags, fate, &Path::of(["archives", name.as_str()]));
    let locks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
    let lifecycle = lifecycle(users, &mut wish.problems);
    let arn = wish.scope.fill(ARN, bucket);
    wish.add(
        desired
            .with("tags", tags)
            .with("ownership", "BucketOwnerEnforced")
            .with("publicAccessBlock", Value::map(locks.map(|lock| (lock, true))))
            .with("encryption", encryption)
            .with("policy", policy(&arn))
            .with("versioning", if first.s3.versioning { "enabled" } else { "off" })
            .with("lifecycle", lifecycle),
    );
}

/// The key of an archive's objects: `none` means S3's own keys.
pub fn key(wish: &mut Wish, archive: &ArchiveSpec, at: &Path) -> Option<Value> {
    match (&archive.s3.key, &wish.spec.defaults.key) {
        (Some(key), _) => key.clone().value(wish, &at.key("key")),
        (None, Some(key)) => key.clone().value(wish, &Path::of(["defaults", "key"])),
        (None, None) => KeyUse::None.value(wish, at),
    }
}

/// TLS only: AWS's own example for the rule s3-bucket-ssl-requests-only.
fn policy(arn: &str) -> Value {
    let deny = Value::map([
        ("Sid", Value::text("OnlyWithTls")),
        ("Effect", Value::text("Deny")),
        ("Principal", Value::text("*")),
        ("Action", Value::text("s3:*")),
        ("Resource", Value::list([arn.to_owned(), format!("{arn}/*")])),
        ("Condition", Value::map([("Bool", Value::map([("aws:SecureTransport", "false")]))])),
    ]);
    Value::map([("Version", Value::text("2012-10-17")), ("Statement", Value::List(vec![deny]))])
}

/// What is deleted by age: expiry under the prefixes of the archives that ask for it.
fn lifecycle(users: &[(&Name, &ArchiveSpec)], problems: &mut Vec<Problem>) -> Value {
    let mut expire: BTreeMap<String, Value> = BTreeMap::new();
    for (name, archive) in users {
        let Some(span) = archive.s3.expire_after else { continue };
        let days = Value::text(format!("{}d", span.seconds() / 86_400));
        let prefixes = [delivery::prefix(name, archive), delivery::error_prefix(name, archive)];
        for prefix in prefixes.iter().map(|prefix| delivery::literal(prefix)).collect::<BTreeSet<_>>() {
            match expire.insert(prefix.to_owned(), days.clone()) {
                Some(before) if before != days => problems.push(
                    Problem::new(
                        "conflict",
                        path(name).key("expireAfter"),
                        format!("objects under `{prefix}` would expire after {} and after {span}", show(&before)),
                    )
                    .help("give each archive a prefix of its own, or the same `expireAfter`"),
                ),
                _ => {}
            }
        }
    }
    let mut rules = BTreeMap::from([("abortMultipartAfter".to_owned(), Value::text(ABORT_MULTIPART))]);
    if users.iter().any(|(_, archive)| archive.s3.create && archive.s3.versioning) {
        rules.insert("noncurrentAfter".into(), Value::text(NONCURRENT));
    }
    if !expire.is_empty() {
        rules.insert("expire".into(), Value::Map(expire));
    }
    Value::Map(rules)
}

fn show(value: &Value) -> &str {
    value.as_text().unwrap_or_default()
}

fn check(archive: &ArchiveSpec, made: bool, at: &Path, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    let s3 = &archive.s3;
    if let Some(why) = misnamed(&s3.bucket) {
        wrong(
            at.key("bucket"),
            format!("`{}` cannot be a bucket's name: {why}", s3.bucket),
            "for example acme-clicks-archive",
        );
    }
    if let Some(span) = s3.expire_after
        && (!span.seconds().is_multiple_of(86_400) || span.seconds() == 0)
    {
        wrong(at.key("expireAfter"), "S3 deletes by whole days".into(), "for example 400d");
    }
    let asked = [
        // An archive may set the expiry of its own prefix in a bucket that another archive makes.
        ("expireAfter", s3.expire_after.is_some() && !made),
        ("versioning", s3.versioning && !s3.create),
        ("protect", s3.protect && !s3.create),
        ("onRemoval", s3.on_removal.is_some() && !s3.create),
    ];
    for (field, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let message = format!("`{field}` is a setting of the bucket, which this archive does not make");
        wrong(at.key(field), message, "write `create: true`, or remove it and set it where the bucket is made");
    }
}

/// The rules for names of general purpose buckets (S3 user guide, bucketnamingrules).
fn misnamed(name: &str) -> Option<&'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !(3..=63).contains(&name.len()) {
        Some("it has 3 to 63 characters")
    } else if !name.chars().all(fits) {
        Some("it holds lower-case letters, digits, `-` and `.` only")
    } else if !edge(name.chars().next()) || !edge(name.chars().last()) || name.contains("..") {
        Some("it begins and ends with a letter or digit, and dots stand alone")
    } else if name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok()) {
        Some("it looks like an IP address")
    } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| name.starts_with(start))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| name.ends_with(end))
    {
        Some("AWS keeps this beginning or end to itself")
    } else {
        None
    }
}
