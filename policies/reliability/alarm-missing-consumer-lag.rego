# METADATA
# title: Nobody is told when a fan-out consumer lags behind
# severity: warning
# why: >-
#   The iterator age of a stream does not cover fan-out consumers; each has a lag of its own, and loses records in
#   silence.
# fix: >-
#   Remove the `off: true`, or raise `over` if it rings too often.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_missing_consumer_lag

deny contains finding if {
	some stream in input.streams
	some consumer in stream.fan_out
	not "consumer-lag" in consumer.alarms
	finding := {
		"msg": sprintf("fan-out consumer `%s` of stream `%s` has no alarm on its lag", [consumer.name, stream.name]),
		"path": consumer.path,
	}
}
