# METADATA
# title: One key encrypts many streams
# severity: note
# persona: auditor
# why: >-
#   Who may decrypt one of them with the key may decrypt all of them wherever a grant does not name the stream,
#   and disabling the key stops all.
# fix: >-
#   Make a key for each domain of data under `keys:`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
package tidegate.key_one_for_all

deny contains finding if {
	count(input.streams) > 5
	some name, key in input.keys
	streams := [stream.name | some stream in input.streams; stream.key.kind == "own"; stream.key.name == name]
	count(streams) > 5
	finding := {
		"msg": sprintf("key `%s` encrypts %d streams", [name, count(streams)]),
		"key": name,
		"path": key.path,
	}
}
