# METADATA
# title: A key is never rotated
# severity: warning
# why: >-
#   Whoever once got hold of the key material keeps access to everything that is ever encrypted with it. Rotation
#   is transparent to readers; the first two add a dollar a month each, and later ones nothing.
# fix: >-
#   Leave `rotation` out (a year), or write a period of 90d to 2560d.
# links:
#   - https://aws.amazon.com/kms/pricing/
#   - https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
# aliases: [CKV_AWS_7, AWS-0065, AVD-AWS-0065]
# compliance: [Security Hub KMS.4]
package tidegate.key_rotation_off

deny contains finding if {
	some name, key in input.keys
	key.rotation_days == null
	path := array.concat(key.path, ["rotation"])
	finding := {
		"msg": sprintf("key `%s` is never rotated", [name]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": "365d"}]},
	}
}
