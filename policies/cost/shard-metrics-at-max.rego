# METADATA
# title: Shard-level metrics become dear when a stream grows
# severity: note
# why: They are charged for each shard, so the autoscaler multiplies them.
# fix: Switch them on while looking for hot shards only.
# links:
#   - https://aws.amazon.com/cloudwatch/pricing/
package tidegate.shard_metrics_at_max

deny contains finding if {
	some stream in input.streams
	stream.provisioned
	stream.cost.shard_metrics_max > 100
	finding := {
		"msg": sprintf("at %d shards the metrics of stream `%s` cost %v dollars a month", [stream.shards.max, stream.name, stream.cost.shard_metrics_max]),
		"key": stream.name,
		"path": array.concat(stream.path, ["shardMetrics"]),
	}
}
