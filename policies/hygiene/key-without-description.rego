# METADATA
# title: A key does not say what it is for
# severity: note
# persona: pedantic
# why: Years later the console shows an id, and nobody knows whether it may be deleted.
# fix: >-
#   Write what it is for in `description`.
# links:
#   - https://docs.aws.amazon.com/kms/latest/developerguide/create-keys.html
package tidegate.key_without_description

deny contains finding if {
	some name, key in input.keys
	key.description == null
	finding := {"msg": sprintf("key `%s` has no description", [name]), "path": key.path}
}
