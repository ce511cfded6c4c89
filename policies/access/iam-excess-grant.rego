# METADATA
# title: More is granted than reading and writing need
# severity: warning
# why: "Whoever breaks into a producer can do all that it may: delete the stream, merge its shards, change its policy."
# fix: Remove the action; for administration make a role of its own.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.iam_excess_grant

deny contains finding if {
	some fact in input.iam
	fact.code == "excess-grant"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
