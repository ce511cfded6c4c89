# METADATA
# title: Kinesis refuses wildcards in a stream's policy
# severity: error
# why: Kinesis takes no wildcards in actions and principals of resource policies, so the policy cannot be put.
# fix: Name each action, and each account or role.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/resource-based-policy-examples.html
package tidegate.iam_stream_policy_wildcard

deny contains finding if {
	some fact in input.iam
	fact.code == "stream-policy-wildcard"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
