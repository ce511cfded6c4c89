# METADATA
# title: Two roles read through one fan-out consumer
# severity: error
# why: >-
#   A consumer has one subscription to each shard. A second program takes it over from the first, which takes it
#   back: both get some of the records, and neither gets all.
# fix: >-
#   Register a fan-out consumer for each under `fanOut`.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
package tidegate.fan_out_shared

deny contains finding if {
	some stream in input.streams
	some consumer in stream.fan_out
	count(consumer.readers) > 1
	finding := {
		"msg": sprintf("%s read through the one fan-out consumer `%s`", [concat(" and ", consumer.readers), consumer.name]),
		"key": consumer.name,
		"path": consumer.path,
		"also": [{"path": reader.path, "label": "reads through it"} | some reader in stream.readers; reader.via == consumer.name],
	}
}
