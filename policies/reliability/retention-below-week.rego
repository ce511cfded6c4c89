# METADATA
# title: Records live for less than a week
# severity: note
# persona: pedantic
# why: >-
#   Security Hub asks for 168 hours: long enough to notice a fault in a consumer, mend it, and read again what it
#   got wrong.
# fix: >-
#   Write `retention: 7d` or more.
# links:
#   - https://docs.aws.amazon.com/securityhub/latest/userguide/kinesis-controls.html
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
# aliases: [kinesis_stream_data_retention_period]
# compliance: [Security Hub Kinesis.3]
package tidegate.retention_below_week

deny contains finding if {
	some stream in input.streams
	stream.retention_hours < 168
	path := array.concat(stream.path, ["retention"])
	finding := object.union(
		{"msg": sprintf("stream `%s` keeps records for %d hours, less than 168", [stream.name, stream.retention_hours]), "path": path},
		mending(stream, path),
	)
}

mending(stream, path) := {"fix": {"safe": false, "edits": [{"set": path, "to": "7d"}]}} if not is_unread(stream)

mending(stream, _) := {} if is_unread(stream)

# What nobody reads need not be kept: `retention-unread` says so, and would undo the fix.
is_unread(stream) if {
	count(stream.readers) == 0
	count(stream.fan_out) == 0
	count(input.access) + count(input.archives) > 0
}
