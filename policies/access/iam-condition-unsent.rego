# METADATA
# title: Requests for an action never carry the condition key
# severity: warning
# why: The action stands in the statement and is not allowed, because its requests lack what the condition looks at.
# fix: Give those actions a statement without this condition.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# aliases: [UNKNOWN_CONDITION_FOR_ACTION]
package tidegate.iam_condition_unsent

deny contains finding if {
	some fact in input.iam
	fact.code == "condition-not-for-action"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
