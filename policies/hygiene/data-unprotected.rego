# METADATA
# title: Data can be deleted by one command
# severity: note
# persona: auditor
# why: >-
#   `tidegate destroy` and a lost block stop at what is protected, and at nothing else but a word on the command
#   line.
# fix: >-
#   Write `protect: true` for what must outlive its spec.
# links:
#   - https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
package tidegate.data_unprotected

deny contains finding if {
	some stream in input.streams
	not stream.protect
	finding := {"msg": sprintf("stream `%s` is not protected", [stream.name]), "path": stream.path}
}

deny contains finding if {
	some archive in input.archives
	archive.create
	not archive.protect
	finding := {"msg": sprintf("bucket `%s` is not protected", [archive.bucket]), "path": array.concat(archive.path, ["s3"])}
}
