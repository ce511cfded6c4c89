# METADATA
# title: A stream keeps for weeks what its archive has anyway
# severity: note
# why: >-
#   Beyond 7 days Kinesis charges by the gigabyte and month, and again to read it back. S3 costs as much or less,
#   and reads are free.
# fix: >-
#   Write `retention: 7d` or less, and read older records from the archive.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
package tidegate.retention_beyond_archive

deny contains finding if {
	some stream in input.streams
	stream.retention_hours > 168
	count(stream.archives) > 0
	path := array.concat(stream.path, ["retention"])
	finding := {
		"msg": sprintf("stream `%s` keeps %d days of records that archive `%s` has as well", [stream.name, round(stream.retention_hours / 24), stream.archives[0]]),
		"key": stream.name,
		"path": path,
	}
}
