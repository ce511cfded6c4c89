# METADATA
# title: An account's number is written in the spec
# severity: note
# persona: pedantic
# why: >-
#   The spec then fits one account only: a second environment needs a copy, and copies drift apart.
# fix: >-
#   Pass it as `${var:ACCOUNT}`.
# links:
#   - https://docs.aws.amazon.com/wellarchitected/latest/framework/ops_dev_integ_version_control.html
# aliases: [I3042]
package tidegate.hard_coded_account

deny contains finding if {
	some arn in input.arns
	not arn.from_variable
	regex.match(`^[0-9]{12}$`, arn.account)
	finding := {"msg": sprintf("account %s is written in an ARN", [arn.account]), "path": arn.path}
}
