# METADATA
# title: A VPC endpoint lets everybody do everything
# severity: warning
# why: >-
#   Through such an endpoint a program in the VPC writes to streams of any account, with the keys of any account: what
#   is stolen leaves by it. It is the policy that AWS writes where nobody writes one.
# fix: >-
#   Name the roles, actions and resources, or add conditions on aws:PrincipalOrgID and aws:ResourceOrgID.
# links:
#   - https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
package tidegate.iam_endpoint_open

deny contains finding if {
	some fact in input.iam
	fact.code == "endpoint-open"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
