# METADATA
# title: A role may do nothing
# severity: note
# why: It can be assumed, shows up in every review of access, and grants nothing.
# fix: >-
#   Say what it `can` do, or remove it.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.role_without_rights

deny contains finding if {
	some role in input.access
	count(role.can) == 0
	finding := {"msg": sprintf("role `%s` may do nothing", [role.name]), "path": role.path}
}
