# METADATA
# title: A tag has no value
# severity: note
# why: A report by this tag shows the resource under an empty name, which is worse than not at all.
# fix: Write a value, or remove the tag.
# links:
#   - https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html
package tidegate.tag_empty

sections := {"streams", "keys", "archives", "access", "endpoints"}

places contains {"path": ["tags"], "tags": input.tags}

places contains {"path": array.concat(block.path, ["tags"]), "tags": block.own_tags} if {
	some section in sections
	some block in input[section]
}

deny contains finding if {
	some place in places
	some tag, value in place.tags
	trim_space(value) == ""
	finding := {"msg": sprintf("the tag `%s` is empty", [tag]), "path": array.concat(place.path, [tag])}
}
