# METADATA
# title: A grant lacks what goes with it
# severity: error
# why: Reading and writing need several actions; with one missing the program is denied at its first record.
# fix: Allow the action that the finding names.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.iam_missing_grant

deny contains finding if {
	some fact in input.iam
	fact.code == "missing-grant"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
