//! AWS's published rates, written down anew from its pages (November 2026) and not taken from the program: a wrong figure there has to show.

/// Calls per second of an operation in one account and region. Where AWS publishes none it is what refuses nobody who asks for 20.
pub fn of(operation: &str) -> u32 {
    match operation {
        // API reference of Kinesis: "up to N transactions per second per account".
        "kinesis:DescribeLimits" => 1,
        "kinesis:CreateStream"
        | "kinesis:DeleteStream"
        | "kinesis:ListStreams"
        | "kinesis:AddTagsToStream"
        | "kinesis:RemoveTagsFromStream"
        | "kinesis:ListTagsForStream" => 5,
        "kinesis:DescribeStreamSummary" => 20,
        "kinesis:UpdateShardCount" => 10,
        // CloudWatch service quotas.
        "cloudwatch:PutMetricAlarm" | "cloudwatch:DeleteAlarms" => 3,
        "cloudwatch:DescribeAlarms" => 9,
        "cloudwatch:ListTagsForResource" => 10,
        "cloudwatch:GetMetricData" => 500,
        // Firehose limits: each control operation.
        "firehose:ListDeliveryStreams" => 5,
        // KMS request quotas of the smaller regions.
        "kms:DescribeKey" | "kms:ListResourceTags" => 2000,
        "kms:GetKeyPolicy" | "kms:GetKeyRotationStatus" => 1000,
        // Not published; what is said of it.
        "tag:GetResources" => 15,
        _ => 20,
    }
}
