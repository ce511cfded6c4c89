# METADATA
# title: A stream neither scales by itself nor is scaled
# severity: note
# persona: auditor
# why: >-
#   A fixed number is right for a load that never changes. For any other it is either too small at noon or too
#   dear at night.
# fix: >-
#   Write a range (`shards: { min: 2, max: 8 }`), or `mode: onDemand`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
package tidegate.fixed_shards

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	not stream.shards.range
	finding := {
		"msg": sprintf("stream `%s` has a fixed number of shards (%d)", [stream.name, stream.shards.min]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
