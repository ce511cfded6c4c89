# METADATA
# title: An archive's objects can be overwritten for good
# severity: note
# persona: pedantic
# why: A wrong prefix or a clumsy job replaces objects, and without versions nothing brings the old ones back.
# fix: >-
#   Write `versioning: true`; older versions are kept for 30 days.
# links:
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
# aliases: [CKV_AWS_21, AWS-0090]
package tidegate.archive_not_versioned

deny contains finding if {
	some archive in input.archives
	archive.create
	not archive.versioning
	path := array.concat(archive.path, ["s3", "versioning"])
	finding := {
		"msg": sprintf("bucket `%s` keeps no older versions", [archive.bucket]),
		"path": path,
		"fix": {"safe": false, "edits": [{"set": path, "to": true}]},
	}
}
