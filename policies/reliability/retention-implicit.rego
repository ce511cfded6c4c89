# METADATA
# title: The retention of a stream is not written down
# severity: note
# persona: pedantic
# why: >-
#   How long records can be read again is a promise to consumers. Left to a default, nobody has decided it and no
#   review ever sees it.
# fix: >-
#   Write `retention:`, even if it is the default of 24h.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
# aliases: [I3013]
package tidegate.retention_implicit

deny contains finding if {
	some stream in input.streams
	not input.document.streams[stream.name].retention
	path := array.concat(stream.path, ["retention"])
	finding := {
		"msg": sprintf("stream `%s` does not say how long it keeps records", [stream.name]),
		"path": path,
		"fix": {"safe": true, "edits": [{"set": path, "to": "24h"}]},
	}
}
