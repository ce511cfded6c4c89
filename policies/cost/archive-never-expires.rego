# METADATA
# title: An archive is kept for ever
# severity: note
# persona: pedantic
# why: It only grows. After some years nobody dares to delete it, since nobody knows what for it was kept.
# fix: >-
#   Write `expireAfter`, for example 400d, or silence this with what demands to keep it.
# links:
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
# aliases: [CKV2_AWS_61]
package tidegate.archive_never_expires

deny contains finding if {
	some archive in input.archives
	archive.create
	archive.expire_after_days == null
	finding := {
		"msg": sprintf("archive `%s` keeps its objects for ever", [archive.name]),
		"path": array.concat(archive.path, ["s3"]),
	}
}
