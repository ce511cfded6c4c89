# METADATA
# title: Every resource of a type is allowed
# severity: note
# persona: pedantic
# why: What is made later under any name is allowed as well.
# fix: Name the ARNs, or begin of names that only these resources have.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
package tidegate.iam_resource_pattern

deny contains finding if {
	some fact in input.iam
	fact.code == "wildcard-resource"
	fact.detail.scope == "type"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
