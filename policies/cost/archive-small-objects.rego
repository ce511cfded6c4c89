# METADATA
# title: An archive writes many small objects
# severity: warning
# why: >-
#   S3 charges for each object that is written and read, and queries slow down with their number: at one a minute
#   and shard a year makes half a million.
# fix: >-
#   Leave `buffer` out (128MiB or 5 minutes), or take at least 60s and 5MiB.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/limits.html
#   - https://aws.amazon.com/s3/pricing/
package tidegate.archive_small_objects

deny contains finding if {
	some archive in input.archives
	archive.buffer_seconds < 60
	finding := {
		"msg": sprintf("archive `%s` writes an object every %d seconds", [archive.name, archive.buffer_seconds]),
		"path": array.concat(archive.path, ["buffer", "interval"]),
		"fix": {"safe": false, "edits": [{"set": array.concat(archive.path, ["buffer", "interval"]), "to": "5m"}]},
	}
}

deny contains finding if {
	some archive in input.archives
	archive.buffer_mib < 5
	finding := {
		"msg": sprintf("archive `%s` writes objects of at most %d MiB", [archive.name, archive.buffer_mib]),
		"path": array.concat(archive.path, ["buffer", "size"]),
		"fix": {"safe": false, "edits": [{"set": array.concat(archive.path, ["buffer", "size"]), "to": "128MiB"}]},
	}
}
