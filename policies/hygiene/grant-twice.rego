# METADATA
# title: A role is given the same right twice
# severity: warning
# why: Whoever takes one away believes that the right is gone.
# fix: Remove one of the two rights.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.grant_twice

deny contains finding if {
	some role in input.access
	some first, one in role.can
	some second, other in role.can
	first < second
	object.remove(one, ["path"]) == object.remove(other, ["path"])
	finding := {
		"msg": sprintf("role `%s` is given the same right twice", [role.name]),
		"path": other.path,
		"also": [{"path": one.path, "label": "first given here"}],
		"fix": {"safe": true, "edits": [{"remove": other.path}]},
	}
}
