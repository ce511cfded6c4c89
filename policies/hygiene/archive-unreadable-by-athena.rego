# METADATA
# title: Athena and Glue cannot read an archive's compression
# severity: warning
# why: >-
#   They know gzip and Snappy in the framing of Hadoop, and neither zip nor the framing that Firehose calls
#   `snappy`: queries return nothing or fail.
# fix: >-
#   Write `compression: gzip` or `hadoopSnappy`.
# links:
#   - https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html
package tidegate.archive_unreadable_by_athena

deny contains finding if {
	some archive in input.archives
	archive.compression in {"zip", "snappy"}
	path := array.concat(archive.path, ["compression"])
	finding := {
		"msg": sprintf("archive `%s` is written as %s", [archive.name, archive.compression]),
		"path": path,
		"fix": {"safe": false, "edits": [{"set": path, "to": "gzip"}]},
	}
}
