# METADATA
# title: Large records can block a small stream
# severity: note
# why: >-
#   A shard takes 1 MiB a second however large its records are allowed to be, so one record of the largest size
#   takes a shard's whole throughput for seconds.
# fix: Keep large records below 2 % of the traffic, and give the stream more shards, so that the others go on.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/large-records.html
package tidegate.large_records_few_shards

deny contains finding if {
	some stream in input.streams
	stream.max_record_kib > 1024
	stream.provisioned
	stream.shards.min < 4
	finding := {
		"msg": sprintf("stream `%s` takes records of %d MiB with as few as %s", [stream.name, round(stream.max_record_kib / 1024), shards(stream.shards.min)]),
		"path": array.concat(stream.path, ["maxRecordSize"]),
	}
}

shards(1) := "1 shard"

shards(count) := sprintf("%d shards", [count]) if count != 1
