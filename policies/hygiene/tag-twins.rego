# METADATA
# title: Two tags differ only in their spelling
# severity: warning
# why: >-
#   AWS takes `Team` and `team` for two tags, so reports and policies that ask for one miss what carries the
#   other.
# fix: Keep one spelling of it.
# links:
#   - https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html
package tidegate.tag_twins

plain(tag) := regex.replace(lower(tag), "[^a-z0-9]", "")

deny contains finding if {
	some place in input.tagged
	some one, _ in place.all
	some other, _ in place.all
	one < other
	plain(one) == plain(other)
	finding := {
		"msg": sprintf("the tags `%s` and `%s` differ only in their spelling", [one, other]),
		"path": place.path,
	}
}
