# METADATA
# title: An alarm on an age rings without reason
# severity: warning
# why: >-
#   Metrics arrive once a minute, and pollers may pause as long: an age below a minute says nothing. An alarm that
#   rings for nothing is soon ignored.
# fix: Take a minute or more.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_twitchy

deny contains finding if {
	some alarm in input.alarms
	alarm.sign in {"iterator-age", "consumer-lag"}
	alarm.threshold < 60000
	finding := {
		"msg": sprintf("the alarm `%s` rings at an age of %d seconds", [alarm.name, round(alarm.threshold / 1000)]),
		"path": alarm.path,
	}
}
