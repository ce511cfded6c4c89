# METADATA
# title: A stream is read and nobody writes to it
# severity: note
# persona: pedantic
# why: >-
#   The producer's role is made by hand somewhere, with rights and a key grant that nobody compares with this
#   spec.
# fix: >-
#   Describe the producer under `access` or `share`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.stream_unwritten

deny contains finding if {
	some stream in input.streams
	some reader in stream.readers
	reader.kind == "role"
	count(stream.writers) == 0
	finding := {"msg": sprintf("stream `%s` has readers and no writer", [stream.name]), "path": stream.path}
}
