# METADATA
# title: A condition holds where it was not meant to
# severity: warning
# why: "Requests without the key, or from addresses that AWS never sees, pass or fail against the author's intention."
# fix: Use the operator or key that the finding names.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
# aliases: [BAD_PATTERN_FOR_MFA, SINGLE_VALUE_CONDITION_TOO_PERMISSIVE]
package tidegate.iam_condition_weak

deny contains finding if {
	some fact in input.iam
	fact.code == "condition-weak"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
