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

deny contains finding if {
	some name, key in input.keys
	not key.used
	finding := {
		"msg": sprintf("nothing is encrypted with key `%s`", [name]),
		"path": key.path,
	}
}
