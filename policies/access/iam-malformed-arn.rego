# METADATA
# title: A resource is no ARN
# severity: error
# why: A resource that is no ARN matches nothing or is refused, so the grant or denial is void.
# fix: Write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE in full.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
# aliases: [INVALID_ARN, E3511, E3514]
package tidegate.iam_malformed_arn

deny contains finding if {
	some fact in input.iam
	fact.code == "malformed-arn"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
