# METADATA
# title: A deleted key can be brought back only for a few days
# severity: warning
# why: >-
#   With the key go all records and objects that it encrypts. The window is the time in which somebody can notice,
#   over a weekend or a holiday, and cancel.
# fix: >-
#   Leave `deletionWindow` out (30 days), or take at least 14d.
# links:
#   - https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
package tidegate.key_deletion_window_short

deny contains finding if {
	some name, key in input.keys
	key.deletion_window_days < 14
	path := array.concat(key.path, ["deletionWindow"])
	finding := {
		"msg": sprintf("key `%s` can be brought back for only %d days after its deletion", [name, key.deletion_window_days]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": "30d"}]},
	}
}
