# METADATA
# title: An alarm is switched off and tuned at once
# severity: warning
# why: A threshold or a topic of an alarm that does not exist looks like protection to whoever reads the spec.
# fix: >-
#   Remove `off: true`, or the other settings.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
package tidegate.alarm_setting_dead

deny contains finding if {
	walk(input.document.alarms, [path, block])
	is_object(block)
	block.off == true
	some setting in ["over", "notify"]
	_ = block[setting]
	finding := {
		"msg": sprintf("this alarm is off, so its `%s` does nothing", [setting]),
		"path": array.concat(array.concat(["alarms"], path), [setting]),
		"also": [{"path": array.concat(array.concat(["alarms"], path), ["off"]), "label": "switched off here"}],
	}
}
