# METADATA
# title: The KMS half of a grant is missing
# severity: error
# why: "The records of an encrypted stream are encrypted and decrypted in the caller's name: without the key every call is denied."
# fix: "Allow kms:GenerateDataKey for writers, kms:Decrypt for readers, on the stream's key and through Kinesis only."
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
package tidegate.iam_missing_kms

deny contains finding if {
	some fact in input.iam
	fact.code == "missing-kms-grant"
	finding := {"msg": fact.message, "path": fact.path, "help": fact.help, "also": fact.also}
}
