# METADATA
# title: Nobody is told when readers lag behind
# severity: warning
# why: >-
#   Lagging readers lose records once these are older than the retention. The iterator age is the only sign before
#   that.
# fix: >-
#   Remove the `off: true`, or raise `over` if it rings too often.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_missing_age

deny contains finding if {
	some stream in input.streams
	some reader in stream.readers
	reader.shared
	not "iterator-age" in stream.alarms
	finding := {
		"msg": sprintf("stream `%s` has readers and no alarm on their iterator age", [stream.name]),
		"path": stream.path,
	}
}
