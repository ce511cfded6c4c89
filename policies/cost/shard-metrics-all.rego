# METADATA
# title: All shard-level metrics are switched on
# severity: warning
# why: >-
#   Each counts as a custom metric for each shard. Hot shards show in two or three of them; the others have a free
#   twin at stream level.
# fix: Keep IncomingBytes and WriteProvisionedThroughputExceeded while looking for hot shards.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
#   - https://aws.amazon.com/cloudwatch/pricing/
package tidegate.shard_metrics_all

deny contains finding if {
	some stream in input.streams
	count(stream.shard_metrics) >= 7
	finding := {
		"msg": sprintf("stream `%s` publishes all %d metrics of each shard, %v dollars a month or more", [stream.name, count(stream.shard_metrics), stream.cost.shard_metrics]),
		"key": stream.name,
		"path": array.concat(stream.path, ["shardMetrics"]),
	}
}
