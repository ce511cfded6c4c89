# METADATA
# title: A stream is not encrypted at rest
# severity: error
# protected: true
# why: >-
#   Whoever reaches the storage reads every record, and every audit asks for it. Encryption with the AWS-managed
#   key needs no grants, and its calls of KMS cost at most a few dollars a month.
# fix: >-
#   Take a key under `keys:`, or `aws` for the AWS-managed one.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/costs-performance.html
#   - https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html
#   - https://docs.aws.amazon.com/securityhub/latest/userguide/kinesis-controls.html
# aliases: [CKV_AWS_43, AWS-0064, AVD-AWS-0064, KINESIS_STREAM_ENCRYPTION_RULE, W49, kinesis_stream_encrypted_at_rest, 7f65be75-90ab-4036-8c2a-410aef7bb650, 862fe4bf-3eec-4767-a517-40f378886b88]
# compliance: [Security Hub Kinesis.1]
package tidegate.stream_unencrypted

deny contains finding if {
	some stream in input.streams
	stream.key.kind == "none"
	finding := object.union(
		{"msg": sprintf("stream `%s` is not encrypted", [stream.name]), "path": stream.key.path},
		mending(stream),
	)
}

mending(stream) := {"fix": {"safe": true, "edits": [{"set": stream.key.path, "to": "aws"}]}} if count(stream.share) == 0

# Other accounts cannot use the AWS-managed key.
mending(stream) := {"help": "Take a key under `keys:`; the accounts that share the stream cannot use the AWS-managed one."} if {
	count(stream.share) > 0
}
