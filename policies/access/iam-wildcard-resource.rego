# METADATA
# title: Every resource is allowed where single ones could be named
# severity: warning
# why: A program that is broken into reads and writes every stream of the account, not only its own.
# fix: Name the ARNs; actions that know no resources go to a statement of their own.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
# aliases: [RESOURCE_STAR, RESOURCE_EFFECTIVELY_STAR, CKV_AWS_355, CKV_AWS_356, CKV_AWS_107, CKV_AWS_287, CKV_AWS_108, CKV_AWS_288, CKV_AWS_109, CKV_AWS_289, CKV_AWS_111, CKV_AWS_290, AWS-0346, CREDENTIALS_EXPOSURE, PERMISSIONS_MANAGEMENT_ACTIONS, SENSITIVE_ACCESS, CredentialsExposure, DataExfiltration, InfrastructureModification, ResourceExposure]
package tidegate.iam_wildcard_resource

deny contains finding if {
	some fact in input.iam
	fact.code == "wildcard-resource"
	fact.detail.scope in {"all", "service"}
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
