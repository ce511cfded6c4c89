# METADATA
# title: An action cannot act on the resources given
# severity: error
# why: The action needs another type of resource, so the grant is void however right it looks, and the call is denied.
# fix: "Name a resource of the type that the action acts on; what knows no resources needs \"*\"."
# links:
#   - https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesis.html
# aliases: [RESOURCE_MISMATCH, I3510]
package tidegate.iam_dead_grant

deny contains finding if {
	some fact in input.iam
	fact.code == "dead-grant"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
