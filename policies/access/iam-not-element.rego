# METADATA
# title: Everything but what is named
# severity: warning
# why: NotAction, NotResource and NotPrincipal with Allow grant all that exists besides, and all that comes later.
# fix: "Turn it round: name what is allowed."
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
# aliases: [NOTRESOURCE_WITH_ALLOW, NOTPRINCIPAL_WITH_ALLOW]
package tidegate.iam_not_element

deny contains finding if {
	some fact in input.iam
	fact.code == "not-element"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
