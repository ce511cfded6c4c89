# METADATA
# title: The policy is longer than IAM takes
# severity: error
# why: IAM counts characters without white space and refuses what is longer, at the moment of deployment.
# fix: Divide the policy, or name resources by a pattern that means the same.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
package tidegate.iam_too_long

deny contains finding if {
	some fact in input.iam
	fact.code == "policy-too-long"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
