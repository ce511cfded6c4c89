# METADATA
# title: The policy language is not that of 2012
# severity: warning
# why: "Without the version of 2012 IAM takes policy variables such as ${aws:username} for plain text, and the grant matches nothing."
# fix: "Write \"Version\": \"2012-10-17\"."
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
# aliases: [NO_VERSION, INVALID_VERSION, OLD_VERSION, W2511]
package tidegate.iam_version

deny contains finding if {
	some fact in input.iam
	fact.code == "policy-version"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
