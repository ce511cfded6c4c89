# METADATA
# title: The error log of an archive is kept for ever
# severity: note
# why: >-
#   CloudWatch charges for stored logs by the gigabyte and month, and a wrong permission writes an error for every
#   batch.
# fix: >-
#   Leave `logRetention` out (14d), or write a period.
# links:
#   - https://aws.amazon.com/cloudwatch/pricing/
#   - https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
# aliases: [CKV_AWS_66, AWS-0017]
package tidegate.log_kept_for_ever

deny contains finding if {
	some archive in input.archives
	archive.log_retention_days == null
	path := array.concat(archive.path, ["logRetention"])
	finding := {
		"msg": sprintf("archive `%s` keeps its error log for ever", [archive.name]),
		"path": path,
		"fix": {"safe": false, "edits": [{"set": path, "to": "14d"}]},
	}
}
