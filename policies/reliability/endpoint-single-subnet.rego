# METADATA
# title: A VPC endpoint stands in one availability zone
# severity: warning
# why: >-
#   When that zone fails, every producer and consumer in the VPC loses Kinesis, although they and Kinesis go on in
#   the other zones.
# fix: Name subnets in at least two zones; each costs about 7 dollars a month and service.
# links:
#   - https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
# aliases: [vpc_endpoint_multi_az_enabled]
package tidegate.endpoint_single_subnet

deny contains finding if {
	some endpoint in input.endpoints
	count(endpoint.subnets) < 2
	finding := {
		"msg": sprintf("endpoint `%s` has one subnet only", [endpoint.name]),
		"path": array.concat(endpoint.path, ["subnets"]),
	}
}
