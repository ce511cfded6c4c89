# METADATA
# title: No tag says who pays
# severity: note
# persona: pedantic
# why: Cost reports group by tag. A pipeline without one lands in the heap that nobody owns.
# fix: >-
#   Add a tag such as `cost-centre` to `tags:`.
# links:
#   - https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html
package tidegate.tag_cost_centre

names := {"costcentre", "costcenter", "billing", "billingcode", "budget", "chargecode"}

deny contains finding if {
	paying := [tag | some tag, _ in input.tags; regex.replace(lower(tag), "[^a-z]", "") in names]
	count(paying) == 0
	finding := {"msg": "no tag of the pipeline says who pays for it", "path": ["tags"]}
}
