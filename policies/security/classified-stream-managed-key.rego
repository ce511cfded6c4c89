# METADATA
# title: Data that is labelled confidential lies under the AWS-managed key
# severity: warning
# why: >-
#   A label such as `pii` promises that access can be limited and withdrawn. The AWS-managed key allows neither:
#   whoever may use Kinesis in the account may decrypt.
# fix: Give the stream a customer key, or correct the label.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
package tidegate.classified_stream_managed_key

labels := {"pii", "personal", "confidential", "restricted", "secret", "sensitive", "phi", "pci"}

names := {"classification", "dataclassification", "dataclass", "sensitivity", "confidentiality"}

deny contains finding if {
	some stream in input.streams
	stream.key.kind in {"aws", "none"}
	some tag, value in stream.tags
	regex.replace(lower(tag), "[^a-z]", "") in names
	lower(value) in labels
	finding := {
		"msg": sprintf("stream `%s` is labelled `%s: %s` and has no customer key", [stream.name, tag, value]),
		"path": stream.key.path,
	}
}
