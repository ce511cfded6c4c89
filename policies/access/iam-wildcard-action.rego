# METADATA
# title: All actions of a service, or of all, are allowed
# severity: warning
# why: The grant holds what nobody asked for, such as deleting the stream, and whatever AWS adds tomorrow.
# fix: Name the actions that are needed.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
# aliases: [CKV_AWS_1, CKV_AWS_62, CKV_AWS_63, CKV_AWS_49, CKV2_AWS_40, AWS-0057, AWS-0345, ServiceWildcard]
package tidegate.iam_wildcard_action

deny contains finding if {
	some fact in input.iam
	fact.code == "wildcard-action"
	fact.detail.scope in {"all", "service"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also, "severity": severity(fact)}
}

severity(fact) := "error" if fact.detail.scope == "all"

else := "warning"
