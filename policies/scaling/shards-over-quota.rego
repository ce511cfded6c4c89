# METADATA
# title: A stream may grow beyond the account's quota of shards
# severity: warning
# why: >-
#   A new account has 1,000 shards in most regions, for all its streams and for the short-lived ones of a resize.
#   A resize beyond that is refused, during the peak that asked for it.
# fix: Ask AWS for a higher quota and silence this with the reason, or lower the count.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
package tidegate.shards_over_quota

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.shards.max > input.limits.shards_in_account
	finding := {
		"msg": sprintf("%d shards are more than the %d that an account begins with in %s", [stream.shards.max, input.limits.shards_in_account, input.region]),
		"path": array.concat(stream.path, ["capacity", "shards"]),
	}
}
