# METADATA
# title: The top of a range costs a lot
# severity: note
# why: >-
#   A fault that makes producers repeat themselves drives the autoscaler to `max` and keeps it there until
#   somebody looks at the bill.
# fix: >-
#   Set `max` to what a real peak needs, and a budget alarm on the account.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
package tidegate.range_dear_at_max

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.range
	stream.cost.all_max > 2500
	finding := {
		"msg": sprintf("at %d shards stream `%s` costs %v dollars a month, at %s %v", [stream.shards.max, stream.name, round(stream.cost.all_max), shards(stream.shards.min), stream.cost.min]),
		"key": stream.name,
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}

shards(1) := "1 shard"

shards(count) := sprintf("%d shards", [count]) if count != 1
