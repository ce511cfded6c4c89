# METADATA
# title: A VPC endpoint leads nowhere that its roles may go
# severity: warning
# why: >-
#   The roles that are allowed have no rights in the services that the endpoint offers, so its policy allows
#   nothing and it is paid for nothing.
# fix: >-
#   Name the service that the roles use (`kinesis-streams`), or other roles.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/vpc.html
package tidegate.endpoint_useless

streams := {"kinesis-streams", "kinesis-streams-fips"}

deny contains finding if {
	some endpoint in input.endpoints
	every service in endpoint.services { not service in streams }
	some index, name in endpoint.allow
	count(input.access[name].can) > 0
	every grant in input.access[name].can {
		grant.kcl == null
		grant.kpl == false
	}
	finding := {
		"msg": sprintf("role `%s` uses streams, and endpoint `%s` does not lead to them", [name, endpoint.name]),
		"path": array.concat(endpoint.path, ["allow", index]),
	}
}
