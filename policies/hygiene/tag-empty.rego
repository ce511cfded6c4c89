# METADATA
# title: A tag has no value
# severity: note
# why: A report by this tag shows the resource under an empty name, which is worse than not at all.
# fix: Write a value, or remove the tag.
# links:
#   - https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html
package tidegate.tag_empty

deny contains finding if {
	some place in input.tagged
	some tag, value in place.own
	trim_space(value) == ""
	finding := {"msg": sprintf("the tag `%s` is empty", [tag]), "path": array.concat(place.path, [tag])}
}
