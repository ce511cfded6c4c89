# METADATA
# title: An archive is not compressed
# severity: note
# why: JSON shrinks to a tenth with gzip, and storage, transfer and queries are paid by the byte.
# fix: >-
#   Leave `compression` out (gzip), unless the records are compressed already.
# links:
#   - https://aws.amazon.com/s3/pricing/
#   - https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html
package tidegate.archive_uncompressed

deny contains finding if {
	some archive in input.archives
	archive.compression == "none"
	path := array.concat(archive.path, ["compression"])
	finding := {
		"msg": sprintf("archive `%s` is not compressed", [archive.name]),
		"path": path,
		"fix": {"safe": false, "edits": [{"set": path, "to": "gzip"}]},
	}
}
