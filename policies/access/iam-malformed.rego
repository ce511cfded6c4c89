# METADATA
# title: IAM refuses the policy
# severity: error
# why: A policy that IAM refuses stops the deployment half way, after other things have changed.
# fix: Write the element as the IAM reference has it; capitals count.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
# aliases: [MALFORMED, DUPLICATE_SID, INVALID_SID, UNKNOWN_PRINCIPAL, UNKNOWN_FEDERATION_SOURCE, E3510, E3512, E3530]
package tidegate.iam_malformed

deny contains finding if {
	some fact in input.iam
	fact.code in {"malformed-policy", "invalid-sid", "duplicate-sid", "empty-list", "invalid-principal", "trust-action"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
