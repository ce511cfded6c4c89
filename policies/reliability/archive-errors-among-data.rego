# METADATA
# title: Records that could not be delivered lie among the good ones
# severity: warning
# why: >-
#   Whatever reads the archive by its prefix reads the failed records too, in another format, and breaks on them
#   or counts them twice.
# fix: >-
#   Let `errorPrefix` begin differently, for example `errors/ARCHIVE/…`.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
package tidegate.archive_errors_among_data

deny contains finding if {
	some archive in input.archives
	archive.prefix_start != ""
	startswith(archive.error_prefix_start, archive.prefix_start)
	finding := {
		"msg": sprintf("the errors of archive `%s` are written under its own prefix `%s`", [archive.name, archive.prefix_start]),
		"path": array.concat(archive.path, ["s3", "errorPrefix"]),
	}
}
