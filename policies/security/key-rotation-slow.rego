# METADATA
# title: A key is rotated less than once a year
# severity: note
# persona: pedantic
# why: >-
#   PCI DSS and the CIS benchmark ask for yearly rotation, and a longer period only lengthens what one leak opens.
# fix: >-
#   Write `rotation: 365d`, or leave it out.
# links:
#   - https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
package tidegate.key_rotation_slow

deny contains finding if {
	some name, key in input.keys
	key.rotation_days > 365
	path := array.concat(key.path, ["rotation"])
	finding := {
		"msg": sprintf("key `%s` is rotated only every %d days", [name, key.rotation_days]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": "365d"}]},
	}
}
