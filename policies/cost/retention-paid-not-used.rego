# METADATA
# title: A week of retention is paid for and less is used
# severity: note
# persona: pedantic
# why: A provisioned stream pays extended retention by the shard and hour, the same from 25 hours to 7 days.
# fix: >-
#   Write `retention: 7d` for the same price, or `24h` for less.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
package tidegate.retention_paid_not_used

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.retention_hours > 24
	stream.retention_hours < 168
	path := array.concat(stream.path, ["retention"])
	not is_unread(stream)
	finding := {
		"msg": sprintf("stream `%s` pays %v dollars a month for up to 7 days and uses %d hours", [stream.name, stream.cost.extended_retention, stream.retention_hours]),
		"key": stream.name,
		"path": path,
		"fix": {"safe": false, "edits": [{"set": path, "to": "7d"}]},
	}
}

# `retention-unread` tells it: then all of it is paid for nothing.
is_unread(stream) if {
	count(stream.readers) == 0
	count(stream.fan_out) == 0
	count(input.access) + count(input.archives) > 0
}
