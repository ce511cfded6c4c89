# METADATA
# title: The folders of an archive follow local time
# severity: note
# persona: pedantic
# why: >-
#   When clocks go back an hour comes twice and lies in one folder, and when they go forward one is missing: jobs
#   that count hours get both wrong.
# fix: >-
#   Leave `timeZone` out, which means UTC.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
package tidegate.archive_local_time

deny contains finding if {
	some archive in input.archives
	archive.time_zone != null
	not archive.time_zone in {"UTC", "Etc/UTC", "GMT"}
	path := array.concat(archive.path, ["timeZone"])
	finding := {
		"msg": sprintf("archive `%s` writes folders by the clock of %s", [archive.name, archive.time_zone]),
		"path": path,
		"fix": {"safe": false, "edits": [{"remove": path}]},
	}
}
