# METADATA
# title: A range of shards leaves the autoscaler little to do
# severity: note
# persona: pedantic
# why: >-
#   AWS recommends steps of 25 %, and rounds small ones up: within such a range there is hardly a step to take.
# fix: Widen the range to at least half as much again, or write a number.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
package tidegate.range_narrow

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.range
	stream.shards.min < stream.shards.max
	stream.shards.max * 4 < stream.shards.min * 5
	finding := {
		"msg": sprintf("stream `%s` may move between %d and %d shards only", [stream.name, stream.shards.min, stream.shards.max]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
