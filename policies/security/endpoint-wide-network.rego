# METADATA
# title: A VPC endpoint is open to a very large network
# severity: note
# persona: pedantic
# why: A network larger than a VPC can be (/16) covers other VPCs and offices that are peered or connected.
# fix: Name the networks of this VPC.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
package tidegate.endpoint_wide_network

deny contains finding if {
	some endpoint in input.endpoints
	some network in endpoint.networks
	network.private
	not contains(network.network, ":")
	network.size > 16
	finding := {
		"msg": sprintf("endpoint `%s` is open to %s, which is larger than a VPC", [endpoint.name, network.network]),
		"path": network.path,
	}
}
