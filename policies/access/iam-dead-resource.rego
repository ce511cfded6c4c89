# METADATA
# title: No action of the statement acts on a resource
# severity: warning
# why: Whoever wrote the resource meant to grant something on it; nothing is.
# fix: Add the action that was meant, or remove the resource.
# links:
#   - https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesis.html
package tidegate.iam_dead_resource

deny contains finding if {
	some fact in input.iam
	fact.code == "dead-resource"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
