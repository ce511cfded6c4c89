# METADATA
# title: Another account may both read and write a stream
# severity: warning
# why: >-
#   An account that does both can answer its own messages: a mistake there feeds back into the stream, and nobody
#   can tell whose records are whose.
# fix: Share two streams, one for each direction.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.share_read_write

deny contains finding if {
	some stream in input.streams
	some share in stream.share
	share.read
	share.write
	finding := {
		"msg": sprintf("account %s may both read and write stream `%s`", [share.account, stream.name]),
		"path": array.concat(share.path, ["can"]),
	}
}
