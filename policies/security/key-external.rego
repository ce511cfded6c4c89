# METADATA
# title: A key is made elsewhere
# severity: note
# persona: auditor
# why: >-
#   Whoever owns the key can disable it, change its policy or let it expire, and every reader and writer stops.
#   Its rotation and policy cannot be seen from here.
# fix: >-
#   Check the key's policy, rotation and owner, then silence this with the reason, or make the key under `keys:`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
package tidegate.key_external

deny contains finding if {
	some section in [input.streams, input.archives]
	some user in section
	user.key.kind in {"alias", "arn"}
	finding := {
		"msg": sprintf("`%s` is encrypted with `%s`, which this pipeline does not manage", [user.name, user.key.name]),
		"path": user.key.path,
	}
}
