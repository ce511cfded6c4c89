# METADATA
# title: A VPC endpoint can be reached from everywhere
# severity: error
# protected: true
# why: >-
#   The endpoint was made so that only the VPC's own programs reach Kinesis. A group that allows every address
#   lets in whatever is peered, routed or tunnelled to the VPC.
# fix: >-
#   Name the VPC's own networks in `allowFrom`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
# aliases: [CKV_AWS_260]
package tidegate.endpoint_open_to_all

deny contains finding if {
	some endpoint in input.endpoints
	some network in endpoint.networks
	network.open
	finding := {
		"msg": sprintf("endpoint `%s` can be reached from %s", [endpoint.name, network.network]),
		"path": network.path,
	}
}
