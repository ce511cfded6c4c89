# METADATA
# title: A stream is written and nobody reads it
# severity: warning
# why: >-
#   Records are paid for, kept for a day and lost. Usually the reader was forgotten in the spec, and its role is
#   made by hand with more rights than it needs.
# fix: >-
#   Describe the reader under `access`, archive the stream, or remove it.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.stream_unread

deny contains finding if {
	some stream in input.streams
	count(stream.writers) > 0
	count(stream.readers) == 0
	count(stream.fan_out) == 0
	finding := {
		"msg": sprintf("stream `%s` has a writer and no reader", [stream.name]),
		"path": stream.path,
		"also": [{"path": writer.path, "label": "writes"} | some writer in stream.writers],
	}
}
