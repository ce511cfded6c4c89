# METADATA
# title: Data that is labelled confidential is shared with another account
# severity: note
# persona: auditor
# why: >-
#   Whoever administers the other account decides who reads the records from then on. Somebody should have agreed
#   to that.
# fix: >-
#   Check the agreement with the other account, then silence this with the reason, or share a stream that holds
#   less.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.classified_stream_shared

labels := {"pii", "personal", "confidential", "restricted", "secret", "sensitive", "phi", "pci"}

names := {"classification", "dataclassification", "dataclass", "sensitivity", "confidentiality"}

deny contains finding if {
	some stream in input.streams
	some share in stream.share
	share.read
	some tag, value in stream.tags
	regex.replace(lower(tag), "[^a-z]", "") in names
	lower(value) in labels
	finding := {
		"msg": sprintf("stream `%s` is labelled `%s: %s`, and account %s may read it", [stream.name, tag, value, share.account]),
		"path": share.path,
	}
}
