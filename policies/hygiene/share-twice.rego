# METADATA
# title: A stream is shared with one account twice
# severity: warning
# why: Whoever takes one share away believes that the account is out.
# fix: Write one share that says what the account can do.
# links:
#   - https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
package tidegate.share_twice

deny contains finding if {
	some stream in input.streams
	some first, one in stream.share
	some second, other in stream.share
	first < second
	one.account == other.account
	finding := {
		"msg": sprintf("stream `%s` is shared with account %s twice", [stream.name, one.account]),
		"path": other.path,
		"also": [{"path": one.path, "label": "first shared here"}],
	}
}
