# METADATA
# title: A stream is renamed to the name it has
# severity: note
# why: The block's own name is the stream's name in AWS already.
# fix: >-
#   Remove the field `name`.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
package tidegate.name_redundant

deny contains finding if {
	some stream in input.streams
	stream.renamed
	stream.name == stream.physical
	path := array.concat(stream.path, ["name"])
	finding := {
		"msg": sprintf("stream `%s` says its own name again", [stream.name]),
		"path": path,
		"fix": {"safe": true, "edits": [{"remove": path}]},
	}
}
