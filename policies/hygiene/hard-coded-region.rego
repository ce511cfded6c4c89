# METADATA
# title: A region is written in an ARN, and the pipeline's own is a variable
# severity: note
# persona: pedantic
# why: >-
#   The pipeline moves with the variable and the ARN stays behind: a key of another region encrypts nothing here, and an
#   alarm cannot reach a topic there.
# fix: >-
#   Write the variable of `region` in the ARN as well.
# links:
#   - https://docs.aws.amazon.com/wellarchitected/latest/framework/ops_dev_integ_version_control.html
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
package tidegate.hard_coded_region

deny contains finding if {
	["region"] in input.variables
	some arn in input.arns
	not arn.from_variable
	regex.match(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`, arn.region)
	finding := {
		"msg": sprintf("region %s is written in an ARN, and that of the pipeline comes from a variable", [arn.region]),
		"path": arn.path,
	}
}
