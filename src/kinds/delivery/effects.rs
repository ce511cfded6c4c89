//! The AWS calls of a delivery stream, and the only ones.

use std::collections::BTreeMap;

use aws_sdk_firehose::types::{
    BufferingHints, CloudWatchLoggingOptions, CompressionFormat, DeliveryStreamDescription, DeliveryStreamStatus,
    DeliveryStreamType, DestinationDescription, EncryptionConfiguration, ExtendedS3DestinationConfiguration,
    ExtendedS3DestinationDescription, ExtendedS3DestinationUpdate, KinesisStreamSourceConfiguration,
    KmsEncryptionConfig, NoEncryptionConfig, Tag,
};

use super::super::{Tagged, absent, key};
use super::SCHEMA;
use crate::aws::{Aws, unknown_call};
use crate::cloud::{Claim, Class, Fault, Outputs, Target};
use crate::model::units::{Size, Span};
use crate::model::{Address, Attrs, Call, Resource, Scope, State, Value};

/// What Firehose does where nobody says otherwise (API reference of BufferingHints).
const DEFAULT_MIB: i32 = 5;
const DEFAULT_SECONDS: i32 = 300;

async fn describe(aws: &Aws, target: &Target) -> Result<DeliveryStreamDescription, Fault> {
    let doing = format!("reading delivery stream {}", target.physical);
    let answer = aws
        .call("firehose:DescribeDeliveryStream", &doing, || {
            aws.firehose().describe_delivery_stream().delivery_stream_name(&target.physical).send()
        })
        .await?;
    answer.delivery_stream_description.ok_or_else(|| absent(target))
}

fn state_of(stream: &DeliveryStreamDescription) -> State {
    let status = stream.delivery_stream_status();
    match status {
        DeliveryStreamStatus::Active => State::Ready,
        DeliveryStreamStatus::CreatingFailed | DeliveryStreamStatus::DeletingFailed => {
            State::Failed(status.as_str().to_owned())
        }
        _ => State::Busy(status.as_str().to_owned()),
    }
}

pub async fn state(aws: &Aws, target: &Target) -> Result<State, Fault> {
    describe(aws, target).await.map(|stream| state_of(&stream))
}

async fn tags(aws: &Aws, name: &str) -> Result<BTreeMap<String, String>, Fault> {
    let doing = format!("reading the tags of delivery stream {name}");
    let mut tags = BTreeMap::new();
    let mut after: Option<String> = None;
    // At most 50 tags, at least one on each page.
    for _ in 0..50 {
        let page = aws
            .call("firehose:ListTagsForDeliveryStream", &doing, || {
                let request = aws.firehose().list_tags_for_delivery_stream().delivery_stream_name(name).limit(50);
                request.set_exclusive_start_tag_key(after.clone()).send()
            })
            .await?;
        after = page.tags().last().map(|tag| tag.key().to_owned());
        tags.extend(page.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().unwrap_or_default().to_owned())));
        if !page.has_more_tags() || after.is_none() {
            break;
        }
    }
    Ok(tags)
}

/// The names of all delivery streams, or of those that read a Kinesis stream.
async fn names(aws: &Aws, only: Option<DeliveryStreamType>) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::new();
    // 5,000 delivery streams are the largest quota of a region, 50 make a page.
    for _ in 0..1000 {
        let after = names.last().cloned();
        let page = aws
            .call("firehose:ListDeliveryStreams", "listing delivery streams", || {
                let request = aws.firehose().list_delivery_streams().limit(50).set_delivery_stream_type(only.clone());
                request.set_exclusive_start_delivery_stream_name(after.clone()).send()
            })
            .await?;
        names.extend(page.delivery_stream_names().iter().cloned());
        if !page.has_more_delivery_streams() || page.delivery_stream_names().is_empty() {
            break;
        }
    }
    Ok(names)
}

/// All delivery streams that read a stream, whoever made them. AWS lists no sources, so each has to be asked.
pub async fn readers(aws: &Aws, stream: &Target) -> Result<Vec<Claim>, Fault> {
    let mut readers = Vec::new();
    for physical in names(aws, Some(DeliveryStreamType::KinesisStreamAsSource)).await? {
        let address = Address::new(SCHEMA.kind, physical.clone());
        let target = Target { address: address.clone(), schema: &SCHEMA, physical: physical.clone(), ..stream.clone() };
        let described = match describe(aws, &target).await {
            Err(fault) if fault.is_absent() => continue,
            described => described?,
        };
        let source = described.source().and_then(|source| source.kinesis_stream_source_description());
        if source.and_then(|source| source.kinesis_stream_arn()) == Some(stream.arn().as_str()) {
            readers.push(Claim { address, physical });
        }
    }
    Ok(readers)
}

/// Emulators leave delivery streams out of the tagging API.
pub async fn list(aws: &Aws, scope: &Scope) -> Result<Vec<Tagged>, Fault> {
    let mut found = Vec::new();
    if !aws.custom_endpoint {
        return Ok(found);
    }
    for physical in names(aws, None).await? {
        let tags = match tags(aws, &physical).await {
            Err(fault) if fault.is_absent() => continue,
            tags => tags?,
        };
        found.extend(Tagged::of(SCHEMA.kind, scope, &physical, tags));
    }
    Ok(found)
}

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let stream = describe(aws, target).await?;
    let mut attrs = Attrs::new();
    let source = stream.source().and_then(|source| source.kinesis_stream_source_description());
    if let Some(source) = source {
        attrs.extend(source.kinesis_stream_arn().map(|arn| ("source".to_owned(), arn.into())));
        attrs.extend(source.role_arn().map(|arn| ("sourceRole".to_owned(), arn.into())));
    }
    let s3 = stream.destinations().first().and_then(DestinationDescription::extended_s3_destination_description);
    if let Some(s3) = s3 {
        let key = match s3.encryption_configuration().and_then(EncryptionConfiguration::kms_encryption_config) {
            Some(kms) => key::canonical(aws, kms.awskms_key_arn()).await?,
            None => "none".to_owned(),
        };
        attrs.extend(settings(s3));
        attrs.insert("key".into(), Value::text(key));
    }
    attrs.insert("tags".into(), Value::map(tags(aws, &target.physical).await?));
    Ok(Some(Resource {
        physical: target.physical.clone(),
        outputs: BTreeMap::from([("arn".to_owned(), stream.delivery_stream_arn().to_owned())]),
        attrs,
        facts: Attrs::new(),
        state: state_of(&stream),
    }))
}

/// What Firehose tells of the destination, with its defaults in place.
fn settings(s3: &ExtendedS3DestinationDescription) -> Attrs {
    let hints = s3.buffering_hints();
    let mib = hints.and_then(BufferingHints::size_in_mbs).unwrap_or(DEFAULT_MIB);
    let seconds = hints.and_then(BufferingHints::interval_in_seconds).unwrap_or(DEFAULT_SECONDS);
    let logging = s3.cloud_watch_logging_options().filter(|logging| logging.enabled() == Some(true));
    let logged = |name: fn(&CloudWatchLoggingOptions) -> Option<&str>| logging.and_then(name).unwrap_or("none");
    let compression = match s3.compression_format() {
        CompressionFormat::Gzip => "gzip",
        CompressionFormat::Zip => "zip",
        CompressionFormat::Snappy => "snappy",
        CompressionFormat::HadoopSnappy => "hadoopSnappy",
        _ => "none",
    };
    [
        ("bucket", Value::text(s3.bucket_arn())),
        ("role", Value::text(s3.role_arn())),
        ("prefix", Value::text(s3.prefix().unwrap_or_default())),
        ("errorPrefix", Value::text(s3.error_output_prefix().unwrap_or_default())),
        ("bufferSize", Value::text(Size(u64::try_from(mib).unwrap_or_default() << 20).to_string())),
        ("bufferInterval", Value::text(Span(u64::try_from(seconds).unwrap_or_default()).to_string())),
        ("compression", Value::text(compression)),
        ("logGroup", Value::text(logged(CloudWatchLoggingOptions::log_group_name))),
        ("logStream", Value::text(logged(CloudWatchLoggingOptions::log_stream_name))),
        ("timeZone", Value::text(s3.custom_time_zone().filter(|zone| !zone.is_empty()).unwrap_or("UTC"))),
        ("fileExtension", Value::text(s3.file_extension().unwrap_or_default())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn format_of(word: &str) -> CompressionFormat {
    match word {
        "gzip" => CompressionFormat::Gzip,
        "zip" => CompressionFormat::Zip,
        "snappy" => CompressionFormat::Snappy,
        "hadoopSnappy" => CompressionFormat::HadoopSnappy,
        _ => CompressionFormat::Uncompressed,
    }
}

/// Both bounds of the buffer, for AWS takes both or neither; what does not change is taken from `live`.
fn hints(attrs: &Attrs, live: Option<&BufferingHints>) -> Option<BufferingHints> {
    let text = |name: &str| attrs.get(name).and_then(Value::as_text);
    let size = text("bufferSize").and_then(|size| size.parse::<Size>().ok());
    let interval = text("bufferInterval").and_then(|span| span.parse::<Span>().ok());
    if size.is_none() && interval.is_none() {
        return None;
    }
    let mib = size.and_then(|size| i32::try_from(size.0 >> 20).ok());
    let mib = mib.or_else(|| live.and_then(BufferingHints::size_in_mbs)).unwrap_or(DEFAULT_MIB);
    let seconds = interval.and_then(|span| i32::try_from(span.seconds()).ok());
    let seconds = seconds.or_else(|| live.and_then(BufferingHints::interval_in_seconds)).unwrap_or(DEFAULT_SECONDS);
    Some(BufferingHints::builder().size_in_mbs(mib).interval_in_seconds(seconds).build())
}

/// Where errors are logged. Firehose merges what it is sent, so "none" has to be said.
fn logging(attrs: &Attrs, live: Option<&CloudWatchLoggingOptions>) -> Option<CloudWatchLoggingOptions> {
    let text = |name: &str| attrs.get(name).and_then(Value::as_text).map(str::to_owned);
    let (group, stream) = (text("logGroup"), text("logStream"));
    if group.is_none() && stream.is_none() {
        return None;
    }
    let group = group.or_else(|| live?.log_group_name().map(str::to_owned));
    let stream = stream.or_else(|| live?.log_stream_name().map(str::to_owned));
    let options = CloudWatchLoggingOptions::builder();
    Some(match (group.filter(|name| name != "none"), stream.filter(|name| name != "none")) {
        (Some(group), Some(stream)) => options.enabled(true).log_group_name(group).log_stream_name(stream).build(),
        _ => options.enabled(false).build(),
    })
}

fn encryption(attrs: &Attrs) -> Result<Option<EncryptionConfiguration>, Fault> {
    let config = EncryptionConfiguration::builder();
    Ok(match attrs.get("key").and_then(Value::as_text) {
        None => None,
        Some("none") => Some(config.no_encryption_config(NoEncryptionConfig::NoEncryption).build()),
        Some(arn) => {
            let kms =
                KmsEncryptionConfig::builder().awskms_key_arn(arn).build().map_err(|error| unbuildable(&error))?;
            Some(config.kms_encryption_config(kms).build())
        }
    })
}

/// A request that the SDK itself refuses to build.
fn unbuildable(error: &dyn std::error::Error) -> Fault {
    Fault::new(Class::Refused, "preparing a request to Firehose", "InvalidRequest", error.to_string())
}

fn sdk_tags(value: Option<&Value>) -> Vec<Tag> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Tag::builder().key(key).value(value.as_text()?).build().ok()).collect()
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let (firehose, name) = (aws.firehose(), &target.physical);
    let doing = format!("changing delivery stream {name}");
    match call.verb() {
        "CreateDeliveryStream" => return create(aws, target, call).await,
        "UpdateDestination" => update(aws, target, call).await?,
        "TagDeliveryStream" => {
            let tags = sdk_tags(call.set.get("tags"));
            aws.call("firehose:TagDeliveryStream", &doing, || {
                firehose.tag_delivery_stream().delivery_stream_name(name).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "UntagDeliveryStream" => {
            let keys = call.drop_tags.clone();
            aws.call("firehose:UntagDeliveryStream", &doing, || {
                firehose.untag_delivery_stream().delivery_stream_name(name).set_tag_keys(Some(keys.clone())).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteDeliveryStream" => {
            aws.call("firehose:DeleteDeliveryStream", &doing, || {
                // Where the key is gone already, Firehose cannot retire its grant, and deletes only when told so.
                firehose.delete_delivery_stream().delivery_stream_name(name).allow_force_delete(true).send()
            })
            .await
            .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(Outputs::new())
}

async fn create(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let doing = format!("creating delivery stream {}", target.physical);
    let text = |name: &str| call.text(name).map(str::to_owned);
    let source = KinesisStreamSourceConfiguration::builder()
        .set_kinesis_stream_arn(text("source"))
        .set_role_arn(text("sourceRole"))
        .build()
        .map_err(|error| unbuildable(&error))?;
    let s3 = ExtendedS3DestinationConfiguration::builder()
        .set_role_arn(text("role"))
        .set_bucket_arn(text("bucket"))
        .set_prefix(text("prefix"))
        .set_error_output_prefix(text("errorPrefix"))
        .set_buffering_hints(hints(&call.set, None))
        .set_compression_format(call.text("compression").map(format_of))
        .set_encryption_configuration(encryption(&call.set)?)
        .set_cloud_watch_logging_options(logging(&call.set, None))
        .set_custom_time_zone(text("timeZone"))
        // Empty is the default.
        .set_file_extension(text("fileExtension").filter(|extension| !extension.is_empty()))
        .build()
        .map_err(|error| unbuildable(&error))?;
    let tags = sdk_tags(call.set.get("tags"));
    let answer = aws
        .call("firehose:CreateDeliveryStream", &doing, || {
            aws.firehose()
                .create_delivery_stream()
                .delivery_stream_name(&target.physical)
                .delivery_stream_type(DeliveryStreamType::KinesisStreamAsSource)
                .kinesis_stream_source_configuration(source.clone())
                .extended_s3_destination_configuration(s3.clone())
                .set_tags((!tags.is_empty()).then(|| tags.clone()))
                .send()
        })
        .await?;
    Ok(answer.delivery_stream_arn.map(|arn| ("arn".to_owned(), arn)).into_iter().collect())
}

/// Changes what the call sets and nothing else. The version that AWS asks for is read right before.
async fn update(aws: &Aws, target: &Target, call: &Call) -> Result<(), Fault> {
    let doing = format!("changing delivery stream {}", target.physical);
    let stream = describe(aws, target).await?;
    let Some(destination) = stream.destinations().first() else {
        return Err(Fault::new(Class::Refused, doing, "NoDestination", "it has no destination"));
    };
    let live = destination.extended_s3_destination_description();
    let text = |name: &str| call.text(name).map(str::to_owned);
    let s3 = ExtendedS3DestinationUpdate::builder()
        .set_role_arn(text("role"))
        .set_bucket_arn(text("bucket"))
        .set_prefix(text("prefix"))
        .set_error_output_prefix(text("errorPrefix"))
        .set_buffering_hints(hints(&call.set, live.and_then(ExtendedS3DestinationDescription::buffering_hints)))
        .set_compression_format(call.text("compression").map(format_of))
        .set_encryption_configuration(encryption(&call.set)?)
        .set_cloud_watch_logging_options(logging(
            &call.set,
            live.and_then(ExtendedS3DestinationDescription::cloud_watch_logging_options),
        ))
        .set_custom_time_zone(text("timeZone"))
        .set_file_extension(text("fileExtension"))
        .build();
    aws.call("firehose:UpdateDestination", &doing, || {
        aws.firehose()
            .update_destination()
            .delivery_stream_name(&target.physical)
            .current_delivery_stream_version_id(stream.version_id())
            .destination_id(destination.destination_id())
            .extended_s3_destination_update(s3.clone())
            .send()
    })
    .await
    .map(drop)
}
