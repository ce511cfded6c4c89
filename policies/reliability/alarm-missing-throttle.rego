# METADATA
# title: Nobody is told when a stream rejects records
# severity: warning
# why: >-
#   A rejected record is lost unless its producer tries again, and most give up after some seconds. Incoming bytes
#   look normal meanwhile, since they count what was accepted.
# fix: >-
#   Remove the `off: true`, or raise `over` if it rings too often.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_missing_throttle

deny contains finding if {
	some stream in input.streams
	not "write-throttled" in stream.alarms
	finding := {
		"msg": sprintf("stream `%s` has no alarm on rejected writes", [stream.name]),
		"path": stream.path,
	}
}
