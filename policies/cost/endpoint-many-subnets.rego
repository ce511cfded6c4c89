# METADATA
# title: A VPC endpoint stands in more zones than it needs
# severity: note
# persona: pedantic
# why: Each subnet and service is paid by the hour. Three zones survive the loss of one with room to spare.
# fix: Name two or three subnets only.
# links:
#   - https://aws.amazon.com/privatelink/pricing/
package tidegate.endpoint_many_subnets

deny contains finding if {
	some endpoint in input.endpoints
	count(endpoint.subnets) > 3
	finding := {
		"msg": sprintf("endpoint `%s` pays for %d interfaces in %d subnets", [endpoint.name, count(endpoint.subnets) * count(endpoint.services), count(endpoint.subnets)]),
		"key": endpoint.name,
		"path": array.concat(endpoint.path, ["subnets"]),
	}
}
