# METADATA
# title: A stream has almost as many fan-out consumers as it takes
# severity: note
# why: AWS registers 20 for a stream. The next team that wants one finds out in production.
# fix: Let some readers share the ordinary throughput, or copy the stream.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
package tidegate.fan_out_nearly_full

deny contains finding if {
	some stream in input.streams
	count(stream.fan_out) >= 16
	finding := {
		"msg": sprintf("stream `%s` has %d of %d fan-out consumers", [stream.name, count(stream.fan_out), input.limits.fan_out_consumers]),
		"key": stream.name,
		"path": array.concat(stream.path, ["fanOut"]),
	}
}
