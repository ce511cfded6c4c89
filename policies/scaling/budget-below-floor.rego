# METADATA
# title: A budget pays for less than the fewest shards
# severity: warning
# why: >-
#   `min` and the schedule outrank the budget, so the month costs more than it in any case: it holds nothing back but
#   the growth that the load needs, and that from the first day on.
# fix: >-
#   Raise `budget` above what the fewest shards cost, or lower `min` or the schedule.
# links:
#   - https://aws.amazon.com/kinesis/data-streams/pricing/
package tidegate.budget_below_floor

deny contains finding if {
	some stream in input.streams
	scaling := stream.scaling
	scaling.budget != null
	scaling.budget < scaling.schedule_cost
	finding := {
		"msg": sprintf("stream `%s` has a budget of %d dollars a month, and %s %v", [stream.name, scaling.budget, cause(scaling), scaling.schedule_cost]),
		"key": stream.name,
		"path": array.concat(scaling.path, ["budget"]),
	}
}

cause(scaling) := "its `min` alone costs" if scaling.schedule_cost == scaling.min_cost

cause(scaling) := "its `min` and schedule cost" if scaling.schedule_cost > scaling.min_cost
