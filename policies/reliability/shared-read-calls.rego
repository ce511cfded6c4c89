# METADATA
# title: More readers poll a stream than it answers
# severity: error
# why: >-
#   Each shard answers five GetRecords calls a second, and a reader makes at least one: a sixth reader makes all
#   of them fail now and then, whatever the load.
# fix: >-
#   Give readers fan-out consumers (`fanOut` and `via`).
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
#   - https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
package tidegate.shared_read_calls

deny contains finding if {
	some stream in input.streams
	stream.shared_readers > input.limits.shard_read_calls
	finding := {
		"msg": sprintf("%d readers poll stream `%s`, whose shards answer five calls a second", [stream.shared_readers, stream.name]),
		"key": stream.name,
		"path": stream.path,
	}
}
