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
	input.totals.shards_max > input.limits.shards_in_account
	every stream in input.streams { within(stream) }
	finding := {
		"msg": sprintf("the streams may grow to %d shards together, and an account begins with %d", [input.totals.shards_max, input.limits.shards_in_account]),
		"key": "streams",
		"path": ["streams"],
	}
}

within(stream) if not stream.provisioned

within(stream) if stream.shards.max <= input.limits.shards_in_account
