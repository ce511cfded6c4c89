# METADATA
# title: Data goes when its block does
# severity: warning
# why: >-
#   A block that is lost in a merge or renamed takes its stream, key or bucket with it. `retain` leaves it in
#   place, tagged, and the plan tells of it.
# fix: >-
#   Leave `onRemoval` out (retain), and delete with `tidegate destroy`.
# links:
#   - https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
# aliases: [I3011]
package tidegate.delete_on_removal

deny contains finding if {
	some section in [input.streams, input.keys]
	some block in section
	block.on_removal == "delete"
	not block.protect
	finding := removal(array.concat(block.path, ["onRemoval"]), block.path[1])
}

deny contains finding if {
	some archive in input.archives
	archive.on_removal == "delete"
	not archive.protect
	finding := removal(array.concat(archive.path, ["s3", "onRemoval"]), archive.name)
}

deny contains finding if {
	input.document.defaults.onRemoval == "delete"
	finding := removal(["defaults", "onRemoval"], "everything")
}

removal(path, name) := {
	"msg": sprintf("`%s` and its data are deleted once the block leaves the spec", [name]),
	"path": path,
	"fix": {"safe": false, "edits": [{"set": path, "to": "retain"}]},
}
