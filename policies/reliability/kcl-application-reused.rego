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

uses contains use if {
	some role in input.access
	some grant in role.can
	grant.kcl != null
	use := {"kcl": grant.kcl, "stream": grant.read, "path": grant.path}
}

deny contains finding if {
	some one in uses
	some other in uses
	one.kcl == other.kcl
	one.stream < other.stream
	finding := {
		"msg": sprintf("the KCL application `%s` reads both `%s` and `%s`", [one.kcl, one.stream, other.stream]),
		"path": array.concat(other.path, ["kcl"]),
		"also": [{"path": array.concat(one.path, ["kcl"]), "label": "the same name"}],
	}
}
