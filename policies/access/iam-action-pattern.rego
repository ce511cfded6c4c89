# METADATA
# title: Actions are allowed by a pattern
# severity: note
# persona: pedantic
# why: A pattern grants whatever AWS names alike later.
# fix: Name the actions that are needed.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
package tidegate.iam_action_pattern

deny contains finding if {
	some fact in input.iam
	fact.code == "wildcard-action"
	fact.detail.scope == "some"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
