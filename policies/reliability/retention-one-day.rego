# METADATA
# title: Records live for a day and are kept nowhere else
# severity: warning
# why: >-
#   A consumer that fails on Friday evening has lost records on Saturday evening. Nothing can bring them back, and
#   the iterator-age alarm only says when.
# fix: >-
#   Write `retention: 72h` or more, so that a weekend fits in, or archive the stream.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
package tidegate.retention_one_day

deny contains finding if {
	some stream in input.streams
	stream.retention_hours <= 24
	count(stream.readers) > 0
	count(stream.archives) == 0
	finding := {
		"msg": sprintf("stream `%s` keeps records for %d hours only, and no archive has them afterwards", [stream.name, stream.retention_hours]),
		"path": array.concat(stream.path, ["retention"]),
	}
}
