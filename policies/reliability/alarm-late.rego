# METADATA
# title: The alarm on lagging readers rings late
# severity: warning
# why: >-
#   From the alarm on, readers have only the rest of the retention before records are lost. AWS speaks of a risk
#   of data loss above half of it.
# fix: >-
#   Take at most half of the retention; without `over` it is a quarter.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_late

deny contains finding if {
	some alarm in input.alarms
	alarm.sign in {"iterator-age", "consumer-lag"}
	stream := input.streams[alarm.block]
	alarm.threshold > stream.retention_hours * 3600 * 1000 / 2
	finding := {
		"msg": sprintf("the alarm `%s` rings when more than half of the retention (%d hours) has passed", [alarm.name, stream.retention_hours]),
		"path": alarm.path,
	}
}
