# METADATA
# title: An alarm's topic lies in another region
# severity: error
# why: CloudWatch refuses actions in other regions, so the apply fails at the alarm.
# fix: Name a topic in the pipeline's region; it can forward to others.
# links:
#   - https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
package tidegate.notify_other_region

deny contains finding if {
	input.region != null
	walk(input.document, [path, arn])
	is_string(arn)
	count(path) > 1
	path[count(path) - 2] == "notify"
	startswith(arn, "arn:")
	region := split(arn, ":")[3]
	region != input.region
	finding := {
		"msg": sprintf("`%s` lies in %s, and the pipeline in %s", [arn, region, input.region]),
		"path": path,
	}
}
