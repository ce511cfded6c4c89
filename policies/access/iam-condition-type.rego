# METADATA
# title: Operator, key and value of a condition do not fit
# severity: warning
# why: IAM compares what cannot be equal, so the condition never holds, or always.
# fix: "Use an operator of the key's type, and values in its form."
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
# aliases: [MISMATCHED_TYPE, MISMATCHED_TYPE_BUT_USABLE, MISMATCHED_TYPE_OPERATION_TO_NULL]
package tidegate.iam_condition_type

deny contains finding if {
	some fact in input.iam
	fact.code in {"condition-type", "condition-wildcard"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
