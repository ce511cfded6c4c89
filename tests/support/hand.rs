//! Somebody who changes an emulator's account with the plain SDK, past the program under test.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ec2::types::VpcEndpointType;
use aws_sdk_kinesis::types::{EncryptionType, ScalingType, StreamMode, StreamModeDetails, StreamStatus};
use aws_sdk_s3::types::{BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration};

use super::emulators::REGION;

pub struct Hand {
    kinesis: aws_sdk_kinesis::Client,
    kms: aws_sdk_kms::Client,
    iam: aws_sdk_iam::Client,
    s3: aws_sdk_s3::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    ec2: aws_sdk_ec2::Client,
}

/// The settings of an SDK's client that calls an emulator for an account.
macro_rules! config {
    ($service:ident, $url:expr, $account:expr) => {
        $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .region($service::config::Region::new($crate::support::emulators::REGION))
            .endpoint_url($url)
            .credentials_provider(aws_credential_types::Credentials::from_keys(
                $account,
                $crate::support::emulators::ACCESS_KEY,
                None,
            ))
    };
}
pub(crate) use config;

impl Hand {
    /// `url` answers the address of a service, by the name that the SDKs' variables give it.
    pub fn new(url: &dyn Fn(&str) -> String, account: &str) -> Self {
        Self {
            kinesis: aws_sdk_kinesis::Client::from_conf(config!(aws_sdk_kinesis, url("KINESIS"), account).build()),
            kms: aws_sdk_kms::Client::from_conf(config!(aws_sdk_kms, url("KMS"), account).build()),
            iam: aws_sdk_iam::Client::from_conf(config!(aws_sdk_iam, url("IAM"), account).build()),
            s3: aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3, url("S3"), account).force_path_style(true).build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(
                config!(aws_sdk_cloudwatchlogs, url("CLOUDWATCH_LOGS"), account).build(),
            ),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(
                config!(aws_sdk_cloudwatch, url("CLOUDWATCH"), account).build(),
            ),
            ec2: aws_sdk_ec2::Client::from_conf(config!(aws_sdk_ec2, url("EC2"), account).build()),
        }
    }

    /// A new VPC and two subnets in it.
    pub fn network(&self) -> Result<[String; 3], String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let made = said(self.ec2.create_vpc().cidr_block("10.0.0.0/16").send()).await?;
            let vpc = made.vpc().and_then(|vpc| vpc.vpc_id()).ok_or("a VPC without an id")?.to_owned();
            let mut ids = vec![vpc.clone()];
            for (zone, block) in [("eu-west-1a", "10.0.1.0/24"), ("eu-west-1b", "10.0.2.0/24")] {
                let subnet = self.ec2.create_subnet().vpc_id(&vpc).cidr_block(block).availability_zone(zone);
                let made = said(subnet.send()).await?;
                ids.push(
                    made.subnet().and_then(|subnet| subnet.subnet_id()).ok_or("a subnet without an id")?.to_owned(),
                );
            }
            ids.try_into().map_err(|_| "not three ids".to_owned())
        })
    }

    /// Does what the words say and waits until it has settled.
    pub fn does(&self, words: &[&str]) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            match words {
                ["key", alias, "create"] => self.create_key(alias).await,
                // Without waiting for its end.
                ["stream", name, "begins", what @ ..] => self.change(name, what).await,
                ["stream", name, what @ ..] => {
                    self.change(name, what).await?;
                    self.settled(name).await
                }
                _ => self.others(words).await,
            }
        })
    }

    async fn others(&self, words: &[&str]) -> Result<(), String> {
        match words {
            ["bucket", name, "create"] => {
                let place = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
                said(self.s3.create_bucket().bucket(*name).create_bucket_configuration(place).send()).await.map(drop)
            }
            ["bucket", name, "delete"] => said(self.s3.delete_bucket().bucket(*name).send()).await.map(drop),
            ["bucket", name, "object", key] => {
                let body = aws_sdk_s3::primitives::ByteStream::from_static(b"a record");
                said(self.s3.put_object().bucket(*name).key(*key).body(body).send()).await.map(drop)
            }
            ["bucket", name, "versioning", "enabled"] => {
                let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
                said(self.s3.put_bucket_versioning().bucket(*name).versioning_configuration(on).send()).await.map(drop)
            }
            ["endpoint", vpc, service, "create"] => {
                let call = self.ec2.create_vpc_endpoint().vpc_id(*vpc).vpc_endpoint_type(VpcEndpointType::Interface);
                let call = call.service_name(format!("com.amazonaws.{REGION}.{service}")).private_dns_enabled(true);
                said(call.send()).await.map(drop)
            }
            ["role", name, "create"] => {
                let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
                let made = self.iam.create_role().role_name(*name).assume_role_policy_document(trust);
                said(made.send()).await.map(drop)
            }
            ["role", name, "description", words @ ..] => {
                said(self.iam.update_role().role_name(*name).description(words.join(" ")).send()).await.map(drop)
            }
            ["log-group", name, "retention", days] => {
                let days = days.trim_end_matches('d').parse().map_err(|_| "how many days?")?;
                let call = self.logs.put_retention_policy().log_group_name(*name).retention_in_days(days);
                said(call.send()).await.map(drop)
            }
            ["alarm", name, "delete"] => {
                said(self.cloudwatch.delete_alarms().alarm_names(*name).send()).await.map(drop)
            }
            ["consumer", consumer, what @ ("create" | "delete")] => {
                let (stream, name) = consumer.split_once('/').ok_or("write STREAM/NAME")?;
                let seen = said(self.kinesis.describe_stream_summary().stream_name(stream).send()).await?;
                let arn = seen.stream_description_summary().map(|summary| summary.stream_arn().to_owned());
                if *what == "create" {
                    let call = self.kinesis.register_stream_consumer().set_stream_arn(arn).consumer_name(name);
                    return said(call.send()).await.map(drop);
                }
                let call = self.kinesis.deregister_stream_consumer().set_stream_arn(arn).consumer_name(name);
                said(call.send()).await?;
                // Who comes next must not meet it on its way out.
                tokio::time::sleep(Duration::from_millis(700)).await;
                Ok(())
            }
            _ => Err(format!("nobody can do this by hand: {}", words.join(" "))),
        }
    }

    async fn create_key(&self, alias: &str) -> Result<(), String> {
        let made = said(self.kms.create_key().send()).await?;
        let id = made.key_metadata().map(|key| key.key_id().to_owned()).ok_or("a key without an id")?;
        said(self.kms.create_alias().alias_name(alias).target_key_id(id).send()).await.map(drop)
    }

    async fn change(&self, name: &str, what: &[&str]) -> Result<(), String> {
        let kinesis = &self.kinesis;
        let number = |text: &str| text.trim_end_matches('h').parse::<i32>().map_err(|_| format!("`{text}`: how many?"));
        match what {
            ["create", "onDemand"] => {
                let mode = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build();
                let mode = mode.map_err(|error| error.to_string())?;
                said(kinesis.create_stream().stream_name(name).stream_mode_details(mode).send()).await.map(drop)
            }
            ["create", shards] => {
                said(kinesis.create_stream().stream_name(name).shard_count(number(shards)?).send()).await.map(drop)
            }
            ["delete"] => {
                said(kinesis.delete_stream().stream_name(name).enforce_consumer_deletion(true).send()).await.map(drop)
            }
            ["retention", hours] => {
                let hours = number(hours)?;
                let seen = said(kinesis.describe_stream_summary().stream_name(name).send()).await?;
                let now = seen.stream_description_summary().map_or(24, |summary| summary.retention_period_hours());
                if hours > now {
                    let call = kinesis.increase_stream_retention_period().stream_name(name);
                    said(call.retention_period_hours(hours).send()).await.map(drop)
                } else {
                    let call = kinesis.decrease_stream_retention_period().stream_name(name);
                    said(call.retention_period_hours(hours).send()).await.map(drop)
                }
            }
            ["shards" | "resize", count] => {
                let call = kinesis.update_shard_count().stream_name(name).target_shard_count(number(count)?);
                said(call.scaling_type(ScalingType::UniformScaling).send()).await.map(drop)
            }
            ["encryption", "none"] => {
                let call = kinesis.stop_stream_encryption().stream_name(name).key_id("alias/aws/kinesis");
                said(call.encryption_type(EncryptionType::Kms).send()).await.map(drop)
            }
            ["consumer", consumer] => {
                let arn = self.arn(name).await?;
                said(kinesis.register_stream_consumer().stream_arn(arn).consumer_name(*consumer).send()).await?;
                // A consumer takes its second while the stream stays ACTIVE.
                tokio::time::sleep(Duration::from_millis(600)).await;
                Ok(())
            }
            ["readable", account] => {
                let arn = self.arn(name).await?;
                let policy = readable(&arn, account);
                said(kinesis.put_resource_policy().resource_arn(arn).policy(policy).send()).await.map(drop)
            }
            ["tag", key, value] => {
                said(kinesis.add_tags_to_stream().stream_name(name).tags(*key, *value).send()).await.map(drop)
            }
            ["untag", key] => {
                said(kinesis.remove_tags_from_stream().stream_name(name).tag_keys(*key).send()).await.map(drop)
            }
            _ => Err(format!("nobody can do this to a stream by hand: {}", what.join(" "))),
        }
    }

    async fn arn(&self, name: &str) -> Result<String, String> {
        let seen = said(self.kinesis.describe_stream_summary().stream_name(name).send()).await?;
        seen.stream_description_summary().map(|summary| summary.stream_arn().to_owned()).ok_or("no summary".into())
    }

    /// Waits until the stream is ACTIVE or gone.
    async fn settled(&self, name: &str) -> Result<(), String> {
        for _ in 0..200 {
            match self.kinesis.describe_stream_summary().stream_name(name).send().await {
                Ok(seen) => {
                    let status = seen.stream_description_summary().map(|summary| summary.stream_status().clone());
                    if status == Some(StreamStatus::Active) {
                        return Ok(());
                    }
                }
                Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                    return Ok(());
                }
                Err(error) => return Err(format!("{error:?}")),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{name} does not settle"))
    }
}

/// A resource policy as the console writes it, by which another account may read.
pub fn readable(stream_arn: &str, account: &str) -> String {
    serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "console",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": [
            "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:DescribeStreamSummary",
        ],
        "Resource": stream_arn,
    }] })
    .to_string()
}

async fn said<T, E: std::fmt::Debug>(call: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    call.await.map_err(|error| format!("{error:?}"))
}
