# METADATA
# title: An archive leaves the protection of its stream's key
# severity: warning
# why: >-
#   The stream is encrypted with a customer key, and its copy in S3 is not: whoever may read the bucket reads the
#   same records without that key.
# fix: >-
#   Name the same key in the archive's `s3.key`.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/encryption.html
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
package tidegate.archive_weaker_than_stream

deny contains finding if {
	some archive in input.archives
	stream := input.streams[archive.from]
	stream.key.kind in {"own", "alias", "arn"}
	archive.key.kind in {"none", "aws"}
	finding := {
		"msg": sprintf("archive `%s` is not encrypted with a customer key, but its stream `%s` is", [archive.name, stream.name]),
		"path": array.concat(archive.path, ["s3"]),
		"also": [{"path": stream.key.path, "label": "the stream's key"}],
	}
}
