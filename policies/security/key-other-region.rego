# METADATA
# title: A key lies in another region than what it encrypts
# severity: error
# why: >-
#   KMS keys do not leave their region, and Kinesis, Firehose and S3 refuse a key from elsewhere: the apply fails
#   half-way.
# fix: Name a key of the pipeline's own region.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html
package tidegate.key_other_region

deny contains finding if {
	input.region != null
	some section in [input.streams, input.archives]
	some user in section
	user.key.kind == "arn"
	region := split(user.key.name, ":")[3]
	region != input.region
	finding := {
		"msg": sprintf("the key of `%s` lies in %s, and the pipeline in %s", [user.name, region, input.region]),
		"path": user.key.path,
	}
}
