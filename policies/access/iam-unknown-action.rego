# METADATA
# title: An action or service does not exist
# severity: warning
# why: IAM accepts a misspelt action without a word; it grants nothing, which shows when the program is denied.
# fix: Correct the name; the finding suggests the nearest.
# links:
#   - https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesis.html
# aliases: [UNKNOWN_ACTION, UNKNOWN_PREFIX, W3037]
package tidegate.iam_unknown_action

deny contains finding if {
	some fact in input.iam
	fact.code in {"unknown-action", "unknown-service"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
