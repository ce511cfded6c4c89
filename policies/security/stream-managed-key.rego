# METADATA
# title: A stream is encrypted with the AWS-managed key
# severity: note
# persona: pedantic
# why: >-
#   Its policy cannot be changed, so access to the data cannot be separated from access to the stream, no other
#   account can be let in, and use of the key cannot be revoked.
# fix: >-
#   Make a key under `keys:` and name it in `encryption: { key: NAME }` or in `defaults.key`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
# aliases: [CKV_AWS_185]
package tidegate.stream_managed_key

deny contains finding if {
	some stream in input.streams
	stream.key.kind == "aws"
	finding := {
		"msg": sprintf("stream `%s` is encrypted with the AWS-managed key, not with one of yours", [stream.name]),
		"path": stream.key.path,
	}
}
