use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::OnceCell;

use super::rates::Rates;
use super::silence::Silence;
use super::surroundings;
use super::trust::Trust;
use crate::cloud::{Caller, Fault};

/// Attempts of the SDK where neither AWS_MAX_ATTEMPTS nor the profile says otherwise.
const SDK_ATTEMPTS: u32 = 3;

/// How to reach AWS: flags first, then the environment and the profile as in every AWS tool.
#[derive(Clone, Debug, Default)]
pub struct Connect {
    pub profile: Option<String>,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    /// An access key and its secret, in place of the environment's: for tests against emulators.
    pub static_keys: Option<(String, String)>,
    /// The share of AWS's published rates that is used; 1 where it says nothing.
    pub api_rate: Option<f64>,
}

/// Clients of all services in one region, with shared rates.
pub struct Aws {
    config: SdkConfig,
    region: String,
    /// Calls go to an emulator or a proxy: the tagging API there is known to omit kinds, so everything is listed.
    pub custom_endpoint: bool,
    pub(super) rates: Rates,
    pub(super) attempts: u32,
    pub(super) silence: Silence,
    identity: OnceCell<Caller>,
    /// What key ids and ARNs stand for, which never changes: streams and archives name keys that were read already.
    pub keys: Mutex<BTreeMap<String, String>>,
    kinesis: OnceLock<aws_sdk_kinesis::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    lambda: OnceLock<aws_sdk_lambda::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    firehose: OnceLock<aws_sdk_firehose::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    tagging: OnceLock<aws_sdk_resourcegroupstagging::Client>,
    cloudtrail: OnceLock<aws_sdk_cloudtrail::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

macro_rules! client {
    ($($name:ident: $krate:ident),* $(,)?) => { $(
        pub fn $name(&self) -> &$krate::Client {
            self.$name.get_or_init(|| $krate::Client::new(&self.config))
        }
    )* };
}

impl Aws {
    /// Reads the AWS environment. Fails where no region is named anywhere.
    pub async fn connect(connect: &Connect) -> Result<Self, Fault> {
        surroundings::check(connect)?;
        let trust = Trust::read()?;
        let defaults = aws_config::defaults(BehaviorVersion::latest()).http_client(super::http::client(&trust)?);
        let mut loader = defaults.timeout_config(
            // A region that does not answer must be reported, not waited for.
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(Duration::from_secs(30))
                .build(),
        );
        if let Some(profile) = &connect.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &connect.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &connect.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some((id, secret)) = &connect.static_keys {
            let keys = aws_credential_types::Credentials::new(id, secret, None, None, "static");
            loader = loader.credentials_provider(keys);
        }
        let config = loader.load().await;
        let region = surroundings::region(config.region().map(AsRef::as_ref))?;
        if !surroundings::is_plain(config.endpoint_url()) {
            trust.knows_somebody("connecting to AWS")?;
        }
        // Three attempts, the SDK's default, are few for a plan of hundreds of calls; who asks for fewer gets fewer.
        let asked = config.retry_config().map_or(0, RetryConfig::max_attempts);
        let attempts = if asked == SDK_ATTEMPTS { 5 } else { asked.clamp(1, 20) };
        // Retries, rates and back-off live in `Aws::call`, the one place through which every call goes.
        let config = config.into_builder().retry_config(RetryConfig::disabled()).build();
        let custom_endpoint = config.endpoint_url().is_some() || service_endpoints_set();
        Ok(Self {
            config,
            region,
            custom_endpoint,
            rates: Rates::new(connect.api_rate.unwrap_or(1.0)),
            attempts,
            silence: Silence::default(),
            identity: OnceCell::new(),
            keys: Mutex::default(),
            kinesis: OnceLock::new(),
            kms: OnceLock::new(),
            iam: OnceLock::new(),
            lambda: OnceLock::new(),
            s3: OnceLock::new(),
            firehose: OnceLock::new(),
            logs: OnceLock::new(),
            cloudwatch: OnceLock::new(),
            ec2: OnceLock::new(),
            sts: OnceLock::new(),
            tagging: OnceLock::new(),
            cloudtrail: OnceLock::new(),
            dynamodb: OnceLock::new(),
            events: OnceLock::new(),
            sns: OnceLock::new(),
            sqs: OnceLock::new(),
        })
    }

    client! {
        kinesis: aws_sdk_kinesis,
        kms: aws_sdk_kms,
        iam: aws_sdk_iam,
        lambda: aws_sdk_lambda,
        firehose: aws_sdk_firehose,
        logs: aws_sdk_cloudwatchlogs,
        cloudwatch: aws_sdk_cloudwatch,
        ec2: aws_sdk_ec2,
        sts: aws_sdk_sts,
        tagging: aws_sdk_resourcegroupstagging,
        cloudtrail: aws_sdk_cloudtrail,
        dynamodb: aws_sdk_dynamodb,
        events: aws_sdk_eventbridge,
        sns: aws_sdk_sns,
        sqs: aws_sdk_sqs,
    }

    /// Emulators serve buckets by path; AWS by host name.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(self.custom_endpoint).build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    pub(super) async fn identity(&self) -> Result<Caller, Fault> {
        let ask = || async {
            let answer = self
                .call("sts:GetCallerIdentity", "asking AWS who we are", || self.sts().get_caller_identity().send())
                .await?;
            let arn = answer.arn().unwrap_or_default().to_owned();
            Ok(Caller {
                account: answer.account().unwrap_or_default().to_owned(),
                partition: arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned(),
                region: self.region.clone(),
                arn,
            })
        };
        self.identity.get_or_try_init(ask).await.cloned()
    }
}

/// `AWS_ENDPOINT_URL_<SERVICE>` is read by the SDK itself; we only need to know that it is there.
fn service_endpoints_set() -> bool {
    surroundings::endpoints().any(|(_, url)| !url.is_empty())
}
