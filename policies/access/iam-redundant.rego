# METADATA
# title: A part of the policy says nothing new
# severity: note
# persona: pedantic
# why: "What is said twice is changed once: whoever narrows the one entry believes that the grant is narrower."
# fix: Remove the entry, or the wider one if that was not meant.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
package tidegate.iam_redundant

deny contains finding if {
	some fact in input.iam
	fact.code in {"redundant-action", "redundant-resource", "redundant-statement"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
