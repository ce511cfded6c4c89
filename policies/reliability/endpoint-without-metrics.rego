# METADATA
# title: Programs behind a VPC endpoint cannot publish their metrics
# severity: warning
# why: >-
#   The Kinesis client and producer libraries publish to CloudWatch. In a VPC without a way to it their calls hang
#   until they time out, and the metrics are missing when they are needed.
# fix: >-
#   Add `monitoring` to the endpoint's `services`, unless another way leads to CloudWatch.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/kcl-iam-permissions.html
package tidegate.endpoint_without_metrics

needs_metrics(role) if {
	some grant in role.can
	grant.kpl
}

needs_metrics(role) if {
	some grant in role.can
	grant.kcl != null
}

deny contains finding if {
	some endpoint in input.endpoints
	not "monitoring" in endpoint.services
	not elsewhere
	some index, name in endpoint.allow
	needs_metrics(input.access[name])
	finding := {
		"msg": sprintf("`%s` publishes metrics, and endpoint `%s` does not lead to CloudWatch", [name, endpoint.name]),
		"path": array.concat(endpoint.path, ["services"]),
		"also": [{"path": array.concat(endpoint.path, ["allow", index]), "label": "uses KCL or KPL"}],
	}
}

elsewhere if {
	some endpoint in input.endpoints
	"monitoring" in endpoint.services
}
