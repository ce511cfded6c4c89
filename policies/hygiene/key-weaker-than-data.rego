# METADATA
# title: A protected stream has a key that is not protected
# severity: warning
# why: >-
#   Without its key a stream is a heap of noise: whoever deletes the key deletes what `protect` was to keep.
# fix: Protect the key too.
# links:
#   - https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
package tidegate.key_weaker_than_data

deny contains finding if {
	some stream in input.streams
	stream.protect
	stream.key.kind == "own"
	key := input.keys[stream.key.name]
	not key.protect
	path := array.concat(key.path, ["protect"])
	finding := {
		"msg": sprintf("stream `%s` is protected, and its key `%s` is not", [stream.name, stream.key.name]),
		"path": path,
		"also": [{"path": array.concat(stream.path, ["protect"]), "label": "protected here"}],
		"fix": {"safe": true, "edits": [{"set": path, "to": true}]},
	}
}
