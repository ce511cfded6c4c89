/// Calls per second that AWS publishes for an operation, account-wide or per stream (the stricter reading).
///
/// Sources: API reference of each operation and the quota pages of Kinesis, CloudWatch, Firehose and KMS, November 2026.
/// Where no figure is published 5 is taken, and throttling teaches the rest.
pub fn published_rate(operation: &str) -> u32 {
    match operation {
        "kinesis:DescribeLimits" => 1,
        "cloudtrail:LookupEvents" => 2,
        "kinesis:DescribeStreamSummary" | "kinesis:DescribeStreamConsumer" => 20,
        "kinesis:UpdateShardCount" => 10,
        "kinesis:ListShards" => 100,
        "cloudwatch:PutMetricAlarm" | "cloudwatch:DeleteAlarms" => 3,
        "cloudwatch:DescribeAlarms" => 9,
        "cloudwatch:ListTagsForResource" => 10,
        "cloudwatch:TagResource" | "cloudwatch:UntagResource" => 20,
        "cloudwatch:GetMetricData" => 500,
        "tag:GetResources" => 15,
        // KMS: page "Request quotas".
        "kms:DescribeKey" | "kms:ListResourceTags" => 2000,
        "kms:GetKeyPolicy" | "kms:GetKeyRotationStatus" => 1000,
        _ => match operation.split_once(':').map_or(operation, |(service, _)| service) {
            // S3 takes thousands a second for each prefix; its bucket operations are not published.
            "s3" => 20,
            // A table on demand takes thousands a second; SQS and SNS publish hundreds and more.
            "dynamodb" | "sqs" | "sns" => 100,
            // EC2 refills 5 to 20 a second by operation class; KMS takes 5 and more of what changes a key.
            "ec2" | "iam" | "sts" => 10,
            // Lambda takes 15 a second over all of its control plane but functions and policies: a third for each of our three.
            _ => 5,
        },
    }
}
