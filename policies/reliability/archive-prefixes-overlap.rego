# METADATA
# title: Two archives write to the same place
# severity: error
# why: Their objects cannot be told apart afterwards, and a lifecycle rule of one deletes what the other wrote.
# fix: Give each archive a prefix of its own; the default begins with the archive's name.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
package tidegate.archive_prefixes_overlap

deny contains finding if {
	some bucket, archives in input.buckets
	some one in archives
	some other in archives
	one < other
	input.archives[one].prefix == input.archives[other].prefix
	finding := {
		"msg": sprintf("archives `%s` and `%s` write to the same prefix of bucket `%s`", [one, other, bucket]),
		"path": array.concat(input.archives[other].path, ["s3", "prefix"]),
		"also": [{"path": array.concat(input.archives[one].path, ["s3", "prefix"]), "label": "the same prefix"}],
	}
}
