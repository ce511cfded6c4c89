# METADATA
# title: The only readers of a stream have fan-out consumers
# severity: note
# persona: pedantic
# why: >-
#   Two ordinary readers have all of a shard's throughput to themselves, for nothing. Fan-out is worth its price
#   for a third reader, or for 70 ms instead of 200 ms.
# fix: >-
#   Remove `fanOut` and `via`, unless the shorter delay is needed.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
package tidegate.fan_out_without_need

deny contains finding if {
	some stream in input.streams
	count(stream.fan_out) > 0
	count(stream.readers) > 0
	count(stream.readers) <= 2
	every consumer in stream.fan_out { count(consumer.readers) > 0 }
	finding := {
		"msg": sprintf("stream `%s` has %d readers, who need no fan-out for their throughput", [stream.name, count(stream.readers)]),
		"key": stream.name,
		"path": array.concat(stream.path, ["fanOut"]),
	}
}
