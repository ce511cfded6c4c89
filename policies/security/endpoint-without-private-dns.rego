# METADATA
# title: Programs do not find a VPC endpoint by themselves
# severity: note
# why: >-
#   Without private DNS the service's usual name still leads to the internet: a program that is not told the
#   endpoint's own name leaves the VPC, past the endpoint's policy.
# fix: >-
#   Leave `privateDns` out (true).
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
package tidegate.endpoint_without_private_dns

deny contains finding if {
	some endpoint in input.endpoints
	not endpoint.private_dns
	path := array.concat(endpoint.path, ["privateDns"])
	finding := {
		"msg": sprintf("endpoint `%s` does not answer to the service's usual name", [endpoint.name]),
		"path": path,
		"fix": {"safe": false, "edits": [{"remove": path}]},
	}
}
