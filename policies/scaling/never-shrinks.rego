# METADATA
# title: The times without shrinking cover the whole week
# severity: warning
# why: >-
#   The stream grows with each crowd and never gives a shard back: after the first one it costs what its peak costs,
#   for ever.
# fix: >-
#   Leave some hours of the week out of `noShrink`, or give the stream a fixed number of shards.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding-strategies.html
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
package tidegate.never_shrinks

deny contains finding if {
	some stream in input.streams
	stream.scaling.never_shrinks
	finding := {
		"msg": sprintf("`noShrink` of stream `%s` leaves no minute of the week in which it may shrink", [stream.name]),
		"path": array.concat(stream.scaling.path, ["noShrink"]),
	}
}
