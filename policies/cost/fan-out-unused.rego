# METADATA
# title: A fan-out consumer is paid for and nobody reads through it
# severity: warning
# why: AWS charges a registered consumer for each shard and hour, whether it reads or not.
# fix: >-
#   Remove it from `fanOut`, or give its reader `via`.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
#   - https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
package tidegate.fan_out_unused

deny contains finding if {
	some stream in input.streams
	some consumer in stream.fan_out
	count(consumer.readers) == 0
	count(input.access) > 0
	finding := {
		"msg": sprintf("no role reads through the fan-out consumer `%s`%s", [consumer.name, dollars(stream)]),
		"key": consumer.name,
		"path": consumer.path,
		"fix": {"safe": false, "edits": [{"remove": consumer.path}]},
	}
}

dollars(stream) := sprintf(", which costs at least %v dollars a month", [stream.cost.fan_out_each]) if stream.provisioned

dollars(stream) := "" if not stream.provisioned
