# METADATA
# title: A range of shards holds one value
# severity: warning
# why: >-
#   The autoscaler owns the stream and can do nothing with it, and the count can no longer be planned by the spec.
# fix: Write the number, or widen the range.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
package tidegate.range_of_one

deny contains finding if {
	some stream in input.streams
	stream.shards.range
	stream.shards.min == stream.shards.max
	path := array.concat(stream.path, ["capacity", "shards"])
	finding := {
		"msg": sprintf("stream `%s` has a range from %d to %d shards", [stream.name, stream.shards.min, stream.shards.max]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": stream.shards.min}]},
	}
}
