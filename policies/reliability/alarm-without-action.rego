# METADATA
# title: An alarm tells nobody
# severity: warning
# why: It turns red on a page that nobody looks at. The incident is then found by a customer.
# fix: >-
#   Name an SNS topic in `defaults.notify`, or in the alarm's own `notify`.
# links:
#   - https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
# aliases: [CKV_AWS_319, CLOUDWATCH_ALARM_ACTION_CHECK]
# compliance: [Security Hub CloudWatch.15]
package tidegate.alarm_without_action

deny contains finding if {
	silent := [alarm | some alarm in input.alarms; count(alarm.notify) == 0]
	count(input.notify.arns) == 0
	count(silent) > 0
	finding := {
		"msg": sprintf("%d alarms notify nobody: `defaults.notify` is empty", [count(silent)]),
		"key": "alarms",
		"path": input.notify.path,
	}
}

deny contains finding if {
	count(input.notify.arns) > 0
	some alarm in input.alarms
	count(alarm.notify) == 0
	finding := {
		"msg": sprintf("the alarm `%s` notifies nobody", [alarm.name]),
		"path": array.concat(alarm.path, ["notify"]),
	}
}
