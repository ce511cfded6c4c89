# METADATA
# title: The autoscaler cannot climb a range within a day
# severity: error
# why: >-
#   AWS takes ten resizes in 24 hours, each at most to the double. A rise from the lowest to the highest count
#   needs more, so it stops half-way and the stream throttles until tomorrow.
# fix: >-
#   Raise `min`, lower `max`, or ask AWS for more resizes a day and silence this with the reason.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
package tidegate.range_beyond_a_day

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.resizes_up > input.limits.resizes_a_day
	finding := {
		"msg": sprintf("from %d to %d shards takes %d resizes, and AWS allows %d in 24 hours", [stream.shards.min, stream.shards.max, stream.shards.resizes_up, input.limits.resizes_a_day]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
