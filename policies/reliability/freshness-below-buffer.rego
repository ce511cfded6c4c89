# METADATA
# title: The alarm on an archive is shorter than its buffer
# severity: error
# why: >-
#   Firehose keeps records for the buffer's interval on purpose, so their age reaches it every time and the alarm
#   rings for ever.
# fix: >-
#   Take three buffer intervals or more, or leave `over` out.
# links:
#   - https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
package tidegate.freshness_below_buffer

deny contains finding if {
	some alarm in input.alarms
	alarm.sign == "data-freshness"
	archive := input.archives[alarm.block]
	alarm.threshold <= archive.buffer_seconds
	finding := {
		"msg": sprintf("the alarm `%s` rings at %d seconds, and the buffer is kept for %d", [alarm.name, alarm.threshold, archive.buffer_seconds]),
		"path": alarm.path,
		"also": [{"path": array.concat(archive.path, ["buffer"]), "label": "the buffer"}],
	}
}
