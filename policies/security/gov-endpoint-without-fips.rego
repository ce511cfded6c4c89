# METADATA
# title: A VPC endpoint in GovCloud does not use validated cryptography
# severity: note
# persona: auditor
# why: >-
#   FedRAMP asks for FIPS 140-validated endpoints, and only `kinesis-streams-fips` is one.
# fix: >-
#   Write `kinesis-streams-fips` in place of `kinesis-streams`.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
#   - https://aws.amazon.com/compliance/fips/
package tidegate.gov_endpoint_without_fips

deny contains finding if {
	startswith(input.region, "us-gov-")
	some endpoint in input.endpoints
	some index, service in endpoint.services
	service == "kinesis-streams"
	finding := {
		"msg": sprintf("endpoint `%s` leads to the ordinary Kinesis endpoint, not to the FIPS one", [endpoint.name]),
		"path": array.concat(endpoint.path, ["services", index]),
	}
}
