# METADATA
# title: A stream has no owner
# severity: warning
# why: Whoever finds the stream during an incident has nobody to ask.
# fix: Add a tag `owner` to the stream or to the pipeline.
# links: []
package tidegate.PACKAGE

# `input` holds facts: streams, archives, keys, access, endpoints, alarms, tags, limits, and the YAML as `input.document`.
deny contains finding if {
	some stream in input.streams
	not stream.tags.owner
	finding := {
		"msg": sprintf("stream `%s` has no owner", [stream.name]),
		"path": stream.path,
	}
}

test_nobody_owns_nothing if {
	count(deny) == 0 with input as {"streams": {}}
}
