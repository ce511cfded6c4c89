# METADATA
# title: A VPC endpoint is open to public addresses
# severity: warning
# why: >-
#   Addresses of the internet do not reach an interface endpoint by themselves; where one is allowed, either the
#   rule is useless or somebody routes foreign traffic into the VPC.
# fix: >-
#   Name private networks (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16) or the VPC's own networks of IPv6 (/44 to /60).
# links:
#   - https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
package tidegate.endpoint_public_network

deny contains finding if {
	some endpoint in input.endpoints
	some network in endpoint.networks
	not network.private
	not network.may_be_vpc
	not network.open
	finding := {
		"msg": sprintf("endpoint `%s` is open to %s, which is not a private network", [endpoint.name, network.network]),
		"path": network.path,
	}
}
