# METADATA
# title: The streams of a pipeline together exceed the account's quota of shards
# severity: warning
# why: Each fits by itself, but when all of them grow in one peak the last resizes are refused.
# fix: >-
#   Ask AWS for a higher quota and silence this with the reason, or lower some `max`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
package tidegate.pipeline_over_quota

deny contains finding if {
	provisioned := [stream | some stream in input.streams; stream.provisioned]
	every stream in provisioned { stream.shards.max <= input.limits.shards_in_account }
	total := sum([stream.shards.max | some stream in provisioned])
	total > input.limits.shards_in_account
	finding := {
		"msg": sprintf("the streams may grow to %d shards together, and an account begins with %d", [total, input.limits.shards_in_account]),
		"path": ["streams"],
	}
}
