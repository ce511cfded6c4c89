# METADATA
# title: An archive goes to a bucket that this pipeline does not manage
# severity: note
# persona: auditor
# why: >-
#   Whether it is private, encrypted and open to TLS only cannot be seen from here, and the archive holds every
#   record.
# fix: >-
#   Check the bucket's policy and public access block, then silence this with the reason, or write `create: true`.
# links:
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
package tidegate.archive_foreign_bucket

deny contains finding if {
	some bucket, archives in input.buckets
	not input.archives[archives[0]].create
	every name in archives { not input.archives[name].create }
	finding := {
		"msg": sprintf("the bucket `%s` is not managed here; its access rules are unknown", [bucket]),
		"path": ["archives", archives[0], "s3", "bucket"],
	}
}
