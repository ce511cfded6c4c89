# METADATA
# title: An archive has no customer key
# severity: note
# persona: pedantic
# why: >-
#   S3's own keys protect against lost disks only. With a customer key, reading the archive needs a second
#   permission that can be withdrawn.
# fix: >-
#   Make a key under `keys:` and name it in `s3.key`.
# links:
#   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# aliases: [CKV_AWS_145, CKV_AWS_186, AWS-0132]
package tidegate.archive_managed_key

deny contains finding if {
	some archive in input.archives
	archive.key.kind in {"none", "aws"}
	finding := {
		"msg": sprintf("archive `%s` is encrypted without a key of yours", [archive.name]),
		"path": array.concat(archive.path, ["s3"]),
	}
}
