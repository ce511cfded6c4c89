# METADATA
# title: A condition key or operator does not exist
# severity: error
# why: "A condition on a key that nobody sends never holds: what is allowed is not allowed, and what is denied is not denied."
# fix: Correct the name; the finding suggests the nearest.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# aliases: [UNKNOWN_OPERATOR]
package tidegate.iam_condition_unknown

deny contains finding if {
	some fact in input.iam
	fact.code in {"unknown-condition-key", "unknown-condition-operator"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
