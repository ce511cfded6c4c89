# METADATA
# title: Shards are set for an on-demand stream
# severity: note
# why: >-
#   AWS scales on-demand streams by itself and takes no count. The number is only kept for a way back, and readers
#   of the spec take it for the truth.
# fix: >-
#   Remove `shards`, or write `mode: provisioned`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
package tidegate.range_on_demand

deny contains finding if {
	some stream in input.streams
	not stream.provisioned
	stream.shards != null
	path := array.concat(stream.path, ["capacity", "shards"])
	finding := {
		"msg": sprintf("stream `%s` is on demand, and its shards are ignored", [stream.name]),
		"path": path,
		"fix": {"safe": false, "edits": [{"remove": path}]},
	}
}
