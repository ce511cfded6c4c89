# METADATA
# title: Nothing says whose pipeline this is
# severity: note
# why: >-
#   Who finds the stream in the console during an incident, or on the bill, has nobody to ask. Security Hub asks
#   for tags too; Tidegate's own do not name a person.
# fix: >-
#   Write `tags:` with at least a team or an owner.
# links:
#   - https://docs.aws.amazon.com/securityhub/latest/userguide/kinesis-controls.html
#   - https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html
# aliases: [TAGGED_KINESIS_STREAM]
# compliance: [Security Hub Kinesis.2]
package tidegate.untagged

deny contains finding if {
	count(input.tags) == 0
	bare := [stream.name | some stream in input.streams; count(stream.own_tags) == 0]
	count(bare) > 0
	finding := {
		"msg": sprintf("no tag says whose these streams are: %s", [concat(", ", bare)]),
		"key": "streams",
		"path": ["streams", bare[0]],
	}
}
