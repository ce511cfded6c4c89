# METADATA
# title: Two streams have one name in AWS
# severity: error
# why: The second creation fails, or both blocks fight over one stream with every apply.
# fix: >-
#   Give one of them another `name`.
# links:
#   - https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
package tidegate.duplicate_physical_name

deny contains finding if {
	some one in input.streams
	some other in input.streams
	one.name < other.name
	one.physical == other.physical
	finding := {
		"msg": sprintf("streams `%s` and `%s` are both called `%s` in AWS", [one.name, other.name, one.physical]),
		"path": other.path,
		"also": [{"path": one.path, "label": "the same name"}],
	}
}
