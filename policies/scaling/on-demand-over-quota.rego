# METADATA
# title: A pipeline has more on-demand streams than an account may
# severity: error
# why: An account begins with 50 of them in a region; the fifty-first creation fails.
# fix: Ask AWS for more and silence this with the reason, or provision the small ones.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
package tidegate.on_demand_over_quota

deny contains finding if {
	input.totals.on_demand_streams > input.limits.on_demand_streams
	finding := {
		"msg": sprintf("%d streams are on demand, and an account begins with %d", [input.totals.on_demand_streams, input.limits.on_demand_streams]),
		"key": "streams",
		"path": ["streams"],
	}
}
