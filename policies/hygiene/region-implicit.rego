# METADATA
# title: The region of a pipeline is not written down
# severity: note
# persona: pedantic
# why: Whoever applies it from another shell makes a second pipeline in another region, and both look right.
# fix: >-
#   Write `region:`, or silence this where one spec serves several regions.
# links:
#   - https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
package tidegate.region_implicit

deny contains finding if {
	input.region == null
	finding := {"msg": "the spec does not say its region; AWS_REGION or the profile decides", "path": ["region"]}
}
