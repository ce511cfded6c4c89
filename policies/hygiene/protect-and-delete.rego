# METADATA
# title: A block is protected and deleted at once
# severity: note
# why: >-
#   `protect` wins, so `onRemoval: delete` does nothing but mislead whoever reads it.
# fix: Keep one of the two fields.
# links:
#   - https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
package tidegate.protect_and_delete

deny contains finding if {
	some section in [input.streams, input.keys, input.access]
	some block in section
	block.protect
	block.on_removal == "delete"
	path := array.concat(block.path, ["onRemoval"])
	finding := {
		"msg": sprintf("`%s` is protected, so `onRemoval: delete` does nothing", [block.path[1]]),
		"path": path,
		"also": [{"path": array.concat(block.path, ["protect"]), "label": "protected here"}],
		"fix": {"safe": true, "edits": [{"remove": path}]},
	}
}
