# METADATA
# title: Nobody is told when the autoscaler has reached its end
# severity: warning
# why: >-
#   At `max` the autoscaler can do no more. Rejected records are then the only sign that the range is too small,
#   and their alarm is off.
# fix: >-
#   Remove the `off: true` of `writeThrottled`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.range_without_throttle_alarm

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.range
	not "write-throttled" in stream.alarms
	finding := {
		"msg": sprintf("stream `%s` is scaled up to %d shards, and nothing tells when that is not enough", [stream.name, stream.shards.max]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
