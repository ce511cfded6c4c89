# METADATA
# title: Nobody is told when an archive stops delivering
# severity: warning
# why: >-
#   Firehose tries for as long as the stream keeps the records, and then they are lost for the archive. A wrong
#   bucket policy or key does that without any other sign.
# fix: >-
#   Remove the `off: true`, or raise `over` if it rings too often.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
package tidegate.alarm_missing_freshness

deny contains finding if {
	some archive in input.archives
	not "data-freshness" in archive.alarms
	finding := {
		"msg": sprintf("archive `%s` has no alarm on its data freshness", [archive.name]),
		"path": archive.path,
	}
}
