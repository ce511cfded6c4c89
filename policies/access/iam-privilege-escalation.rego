# METADATA
# title: Whoever holds the policy may give himself any right
# severity: error
# why: The policy is worth as much as administrator access, however few lines it has.
# fix: Name the users, roles or policies that the actions are for, or require a permissions boundary.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
# aliases: [PRIVILEGE_ESCALATION, RESOURCE_POLICY_PRIVILEGE_ESCALATION, PrivilegeEscalation, CKV_AWS_110, CKV_AWS_286]
package tidegate.iam_privilege_escalation

deny contains finding if {
	some fact in input.iam
	fact.code == "privilege-escalation"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
