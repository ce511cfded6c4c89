# METADATA
# title: A stream that another account uses is not encrypted
# severity: error
# protected: true
# why: >-
#   Across accounts the key's policy is the second lock on the records. Without encryption the stream's own policy
#   is the only one.
# fix: Give the stream a customer key; the other account is let into its policy by itself.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
#   - https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html
package tidegate.share_unencrypted

deny contains finding if {
	some stream in input.streams
	stream.key.kind == "none"
	some share in stream.share
	finding := {
		"msg": sprintf("stream `%s` is open to account %s and not encrypted", [stream.name, share.account]),
		"path": share.path,
		"also": [{"path": stream.key.path, "label": "no encryption"}],
	}
}
