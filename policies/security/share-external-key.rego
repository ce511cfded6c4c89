# METADATA
# title: The key of a shared stream belongs to somebody else
# severity: note
# why: >-
#   Tidegate opens the keys it makes to the accounts that a stream is shared with. The policy of a key from
#   outside is left alone, so the readers fail until somebody opens it.
# fix: >-
#   Let the account into the key's policy (kms:Decrypt for readers, kms:GenerateDataKey for writers), or make the
#   key under `keys:`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
package tidegate.share_external_key

deny contains finding if {
	some stream in input.streams
	stream.key.kind in {"alias", "arn"}
	some share in stream.share
	finding := {
		"msg": sprintf("account %s uses stream `%s`, whose key `%s` this pipeline does not manage", [share.account, stream.name, stream.key.name]),
		"path": share.path,
		"also": [{"path": stream.key.path, "label": "the key"}],
	}
}
