# METADATA
# title: Strangers may have a service take the role on
# severity: warning
# why: "A service acts for whoever names the role: a stranger lets it read or write with your rights (the confused deputy)."
# fix: "Add the condition that the service's guide gives: aws:SourceAccount and aws:SourceArn, for Firehose sts:ExternalId, for providers the subject."
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
# aliases: [CKV_AWS_358, CKV_AWS_393]
package tidegate.iam_trust_unscoped

deny contains finding if {
	some fact in input.iam
	fact.code == "trust-unscoped"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
