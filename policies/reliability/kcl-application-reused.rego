# METADATA
# title: One KCL application's name is used for two streams
# severity: error
# why: >-
#   The Kinesis Client Library keeps its leases in a table of the application's name. Two streams under one name
#   overwrite each other's leases, and both skip records.
# fix: >-
#   Give each stream an application name of its own in `kcl`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kcl-iam-permissions.html
package tidegate.kcl_application_reused

deny contains finding if {
	some role in input.access
	some one in role.can
	one.kcl != null
	some other_role in input.access
	some other in other_role.can
	one.kcl == other.kcl
	one.read < other.read
	finding := {
		"msg": sprintf("the KCL application `%s` reads both `%s` and `%s`", [one.kcl, one.read, other.read]),
		"path": array.concat(other.path, ["kcl"]),
		"also": [{"path": array.concat(one.path, ["kcl"]), "label": "the same name"}],
	}
}
