# METADATA
# title: A stream may grow beyond what Lambda runs at once
# severity: warning
# why: >-
#   Lambda runs one invocation for each shard, and an account begins with 1,000 for all its functions. Beyond that
#   shards wait, and so does every other function of the account.
# fix: >-
#   Ask for more concurrency and silence this with the reason, or lower `max`.
# links:
#   - https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
package tidegate.lambda_concurrency

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	some reader in stream.readers
	reader.kind == "role"
	input.access[reader.name].trust.service == "lambda.amazonaws.com"
	stream.shards.max > input.limits.lambda_concurrency
	finding := {
		"msg": sprintf("with %d shards `%s` needs as many Lambda invocations at once, and an account begins with %d", [stream.shards.max, reader.name, input.limits.lambda_concurrency]),
		"key": reader.name,
		"path": array.concat(stream.path, ["capacity", "shards"]),
		"also": [{"path": reader.path, "label": "reads with Lambda"}],
	}
}
