# METADATA
# title: The alarm on rejected writes tolerates a steady loss
# severity: warning
# why: >-
#   More than one record in a hundred of what the stream can take at all is rejected each minute before anybody is
#   told.
# fix: >-
#   Leave `over` out to hear of any rejection that lasts, or take a smaller number.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.throttle_alarm_tolerant

deny contains finding if {
	some alarm in input.alarms
	alarm.sign == "write-throttled"
	stream := input.streams[alarm.block]
	stream.provisioned
	alarm.threshold >= stream.shards.min * input.limits.shard_write_records * 60 / 100
	finding := {
		"msg": sprintf("the alarm `%s` tolerates %d rejected records a minute, more than 1 %% of what %s", [alarm.name, alarm.threshold, take(stream.shards.min)]),
		"key": alarm.name,
		"path": alarm.path,
	}
}

take(1) := "1 shard takes"

take(count) := sprintf("%d shards take", [count]) if count != 1
