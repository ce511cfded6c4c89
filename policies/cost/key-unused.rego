# METADATA
# title: A key is made and nothing is encrypted with it
# severity: warning
# why: >-
#   Each customer key costs a dollar a month, and one that is not used hides that its stream is encrypted with
#   another.
# fix: Name it where it belongs, or remove it.
# links:
#   - https://aws.amazon.com/kms/pricing/
package tidegate.key_unused

used contains name if {
	some user in array.concat([stream | some stream in input.streams], [archive | some archive in input.archives])
	user.key.kind == "own"
	name := user.key.name
}

deny contains finding if {
	some name, key in input.keys
	not name in used
	finding := {
		"msg": sprintf("nothing is encrypted with key `%s`", [name]),
		"path": key.path,
	}
}
