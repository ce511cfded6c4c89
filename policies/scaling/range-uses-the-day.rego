# METADATA
# title: One climb uses up most of a day's resizes
# severity: warning
# why: >-
#   AWS takes ten resizes in 24 hours. After a climb through the whole range there are too few left to come down
#   again and climb once more, so a second peak on the same day is not followed.
# fix: >-
#   Raise `min` so that a climb takes at most five resizes.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
package tidegate.range_uses_the_day

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	needed := stream.shards.resizes_up
	needed > 5
	needed <= input.limits.resizes_a_day
	finding := {
		"msg": sprintf("from %d to %d shards takes %d of the %d resizes of a day", [stream.shards.min, stream.shards.max, needed, input.limits.resizes_a_day]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
