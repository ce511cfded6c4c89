# METADATA
# title: A climb through a range takes long
# severity: note
# why: >-
#   Each resize is carried out shard by shard, and the next waits for it. Until the climb is done the stream
#   rejects what is too much.
# fix: >-
#   Raise `min` towards what a peak needs, or scale ahead of peaks that are known.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
package tidegate.range_slow

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.seconds_up > 3600
	finding := {
		"msg": sprintf("from %d to %d shards takes about %d minutes", [stream.shards.min, stream.shards.max, round(stream.shards.seconds_up / 60)]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
