# METADATA
# title: Anybody in the world is allowed
# severity: error
# why: Whoever has an AWS account, or none, uses the resource or takes the role on.
# fix: Name accounts or roles, or add a condition on aws:PrincipalOrgID or aws:SourceAccount.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
# aliases: [CKV_AWS_33, CKV_AWS_60, CKV_AWS_61, CKV_AWS_70, CKV_AWS_283]
package tidegate.iam_public_principal

deny contains finding if {
	some fact in input.iam
	fact.code == "public-principal"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
