# METADATA
# title: Any role may be handed to any service
# severity: error
# why: "Whoever may hand on any role acts as any role: he starts something that runs with it."
# fix: Name the roles, and add a condition on iam:PassedToService.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
# aliases: [AWS-0342]
package tidegate.iam_passrole_unscoped

deny contains finding if {
	some fact in input.iam
	fact.code == "passrole-unscoped"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
