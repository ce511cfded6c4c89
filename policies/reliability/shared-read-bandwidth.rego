# METADATA
# title: More readers share a stream than it can serve
# severity: warning
# why: >-
#   Ordinary readers share 2 MiB/s of each shard, which takes 1 MiB/s in. A third one means that at full load all
#   of them fall behind, and never catch up after a pause.
# fix: >-
#   Give one of them a fan-out consumer (`fanOut` and `via`).
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
#   - https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
package tidegate.shared_read_bandwidth

deny contains finding if {
	some stream in input.streams
	stream.shared_readers > 2
	finding := {
		"msg": sprintf("%d readers share the 2 MiB/s of each shard of stream `%s`, enough for two at full load", [stream.shared_readers, stream.name]),
		"key": stream.name,
		"path": stream.path,
		"also": [{"path": reader.path, "label": "a reader"} | some reader in stream.readers; reader.shared],
	}
}
