# METADATA
# title: Shard-level metrics are paid for on an on-demand stream
# severity: note
# why: >-
#   AWS decides how many shards the stream has and splits hot ones itself: the cost is open-ended, and there is
#   nothing to do with what the metrics say.
# fix: >-
#   Remove the field `shardMetrics`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
#   - https://aws.amazon.com/cloudwatch/pricing/
package tidegate.shard_metrics_on_demand

deny contains finding if {
	some stream in input.streams
	not stream.provisioned
	count(stream.shard_metrics) > 0
	path := array.concat(stream.path, ["shardMetrics"])
	finding := {
		"msg": sprintf("stream `%s` is on demand and pays for %d metrics of each shard", [stream.name, count(stream.shard_metrics)]),
		"key": stream.name,
		"path": path,
		"fix": {"safe": false, "edits": [{"remove": path}]},
	}
}
