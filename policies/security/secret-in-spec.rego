# METADATA
# title: A secret is written in the spec
# severity: error
# protected: true
# why: >-
#   Specs live in version control, where a secret is read by everybody who ever clones it and can never be taken
#   back.
# fix: >-
#   Revoke the secret now, then keep it in a secret store and pass what must be passed as `${var:NAME}`.
# links:
#   - https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
# aliases: [F66, F68, CKV_SECRET_2]
package tidegate.secret_in_spec

patterns := {
	"an AWS access key": `\b(AKIA|ASIA)[A-Z0-9]{16}\b`,
	"a private key": `-----BEGIN [A-Z ]*PRIVATE KEY-----`,
	"a password": `(?i)(password|passwd|pwd|secret|secret[-_]?access[-_]?key|token|api[-_]?key)\s*[=:]\s*\S{8,}`,
	"a password in an address": `://[^/\s:@]+:[^/\s@]+@`,
	"a GitHub token": `\bgh[pousr]_[A-Za-z0-9]{36}\b`,
	"a Slack hook": `hooks\.slack\.com/services/T`,
}

# One of which, in small letters, a text must have for the pattern to match.
words := {
	"an AWS access key": {"akia", "asia"},
	"a private key": {"private key"},
	"a password": {"passw", "pwd", "secret", "token", "apikey", "api-key", "api_key"},
	"a password in an address": {"://"},
	"a GitHub token": {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"},
	"a Slack hook": {"hooks.slack.com"},
}

# Texts that are written in the file; what a variable brings is not.
deny contains finding if {
	# All of these words; most specs have none of them.
	some word in {
		"akia", "asia", "private key", "passw", "pwd", "secret", "token", "apikey", "api-key", "api_key",
		"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "hooks.slack.com", "://",
	}
	contains(input.letters, word)
	some what, pattern in patterns
	word in words[what]
	some one in input.texts
	regex.match(pattern, one.text)
	not names_a_secret(what, one.text)
	finding := {"msg": sprintf("this holds %s", [what]), "path": one.path}
}

# `…:secret:shop-db` in the ARN of a secret is its name.
names_a_secret("a password", text) if startswith(text, "arn:")

# The key says what the value is, as in a tag.
deny contains finding if {
	some word in {"passw", "pwd", "secret", "token", "apikey", "api-key", "api_key"}
	contains(input.letters, word)
	some one in input.texts
	key := one.path[count(one.path) - 1]
	is_string(key)
	regex.match(`(?i)(password|passwd|pwd|secret|secret[-_]?access[-_]?key|token|api[-_]?key)$`, key)
	regex.match(`^\S{8,}$`, one.text)
	not is_reference(one.text)
	finding := {"msg": sprintf("the value of `%s` is written here", [key]), "path": one.path}
}

# Where a secret is kept is no secret: an ARN, or a name in the parameter store.
is_reference(text) if startswith(text, "arn:")

is_reference(text) if startswith(text, "/")
