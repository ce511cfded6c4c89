# METADATA
# title: A stream rests on a single shard
# severity: note
# persona: pedantic
# why: >-
#   All keys share 1 MiB and 1,000 records a second, and a burst of a few seconds is rejected although the
#   minute's average looks idle.
# fix: Take two shards or more, or on-demand mode, unless the load is known to be tiny.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
package tidegate.single_shard

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.max == 1
	finding := {
		"msg": sprintf("stream `%s` has one shard and no room to grow", [stream.name]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
