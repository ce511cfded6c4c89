# METADATA
# title: Two roles read different streams under one KCL application's name
# severity: error
# why: >-
#   The Kinesis Client Library keeps its leases in a table of the application's name, and workers of one name share out
#   all leases among them. With a stream each, the leases of both are called by the same shard ids and overwrite each
#   other; in multi-stream mode a worker takes leases of streams that its role may not read. Either way records are
#   skipped. One program that reads several streams under one name (KCL 2.3 and later) is fine.
# fix: >-
#   Give each program an application name of its own in `kcl`, or let both roles read the same streams.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kcl-dynamoDB.html
#   - https://docs.aws.amazon.com/streams/latest/dev/kcl-multi-stream.html
package tidegate.kcl_application_reused

reads(role, application) := {one.read | some one in role.can; one.kcl == application}

deny contains finding if {
	some role in input.access
	some one in role.can
	one.kcl != null
	some other_role in input.access
	other_role.name != role.name
	some other in other_role.can
	one.kcl == other.kcl
	one.read < other.read
	reads(role, one.kcl) != reads(other_role, one.kcl)
	finding := {
		"msg": sprintf("the KCL application `%s` reads `%s` in role `%s` and `%s` in role `%s`", [one.kcl, one.read, role.name, other.read, other_role.name]),
		"path": array.concat(other.path, ["kcl"]),
		"also": [{"path": array.concat(one.path, ["kcl"]), "label": "the same name"}],
	}
}
