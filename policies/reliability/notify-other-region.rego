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
	some arn in input.arns
	arn.list == "notify"
	arn.region != null
	arn.region != input.region
	finding := {
		"msg": sprintf("`%s` lies in %s, and the pipeline in %s", [arn.text, arn.region, input.region]),
		"path": arn.path,
	}
}
