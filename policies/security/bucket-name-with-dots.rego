# METADATA
# title: A bucket's name holds dots
# severity: warning
# why: >-
#   The certificate of S3 covers one label only, so HTTPS by host name fails to verify for such a bucket, and
#   people then switch verification off.
# fix: Use dashes in the name instead.
# links:
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
# aliases: [AWS-0320]
package tidegate.bucket_name_with_dots

deny contains finding if {
	some archive in input.archives
	contains(archive.bucket, ".")
	finding := {
		"msg": sprintf("the name of the bucket `%s` holds dots", [archive.bucket]),
		"path": array.concat(archive.path, ["s3", "bucket"]),
	}
}
