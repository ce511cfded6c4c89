# METADATA
# title: The errors of an archive are forgotten within days
# severity: note
# persona: pedantic
# why: Firehose writes why it could not deliver to its log only. Found after a long weekend, the reason is gone.
# fix: >-
#   Leave `logRetention` out (14d), or take 7d or more.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
# aliases: [CKV_AWS_338]
package tidegate.archive_log_short

deny contains finding if {
	some archive in input.archives
	archive.log_retention_days < 7
	archive.log_retention_days != null
	path := array.concat(archive.path, ["logRetention"])
	finding := {
		"msg": sprintf("archive `%s` keeps its error log for %d days", [archive.name, archive.log_retention_days]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": "14d"}]},
	}
}
