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
	walk(input.document, [path, text])
	is_string(text)
	startswith(text, "arn:")
	not path in input.variables
	account := split(text, ":")[4]
	regex.match(`^[0-9]{12}$`, account)
	finding := {"msg": sprintf("account %s is written in an ARN", [account]), "path": path}
}
