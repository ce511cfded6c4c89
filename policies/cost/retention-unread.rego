# METADATA
# title: Records are kept longer than a day and nobody reads them
# severity: warning
# why: >-
#   Anything beyond 24 hours is paid for, by the shard or by the gigabyte. Where no role, archive or account reads
#   the stream, it is paid for nothing.
# fix: >-
#   Leave `retention` out, or describe who reads the stream.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
package tidegate.retention_unread

deny contains finding if {
	some stream in input.streams
	stream.retention_hours > 24
	count(stream.readers) == 0
	count(stream.fan_out) == 0
	described
	path := array.concat(stream.path, ["retention"])
	finding := {
		"msg": sprintf("stream `%s` keeps records for %d hours, and nobody reads it", [stream.name, stream.retention_hours]),
		"path": path,
		"fix": {"safe": false, "edits": [{"remove": path}]},
	}
}

# Without any access or archive the spec does not say who reads.
described if count(input.access) > 0

described if count(input.archives) > 0
