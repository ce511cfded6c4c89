# METADATA
# title: A stream is archived twice
# severity: warning
# why: >-
#   Both archives read all of it with the throughput that ordinary readers share, and both are paid by the
#   gigabyte.
# fix: Keep one, and let S3 replication or a lifecycle rule do the rest.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
#   - https://aws.amazon.com/kinesis/data-firehose/pricing/
package tidegate.archive_twice

deny contains finding if {
	some stream in input.streams
	count(stream.archives) > 1
	later := stream.archives[1]
	finding := {
		"msg": sprintf("stream `%s` is archived by %s", [stream.name, concat(" and ", stream.archives)]),
		"key": stream.name,
		"path": ["archives", later, "from"],
		"also": [{"path": ["archives", stream.archives[0], "from"], "label": "archived here already"}],
	}
}
