# METADATA
# title: A policy beside the spec names none of its streams
# severity: note
# why: >-
#   The document is well-formed, and whoever has it can do nothing in this pipeline: most often a name is misspelt, or
#   the region is that of another environment. The first call shows it, in production.
# fix: >-
#   Correct the ARN, or keep the policy beside the spec that it is for.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.iam_foreign_stream

deny contains finding if {
	some fact in input.iam
	fact.code == "foreign-stream"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
