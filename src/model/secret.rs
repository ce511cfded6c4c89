//! What looks like a secret, by its name or by its form, so that nothing shows it. One list for plans, mistakes, excerpts and logs.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What stands in place of a secret in running text.
pub const HIDDEN: &str = "(hidden)";

/// Parts of names of fields, tags and variables that hold secrets.
const NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "privatekey", "accesskey", "apikey", "token", "credential"];

/// Secrets that are known by their form; a group is the part that is secret, else the whole is. The forms are those of the
/// rule `secret-in-spec`, of AWS's and GitHub's documents and of RFC 7519.
const FORMS: [&str; 7] = [
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{20,})",
    r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
    r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
    // A user and a password in an address.
    r#"://([^\s"'`<>]+)@"#,
    // The way behind the host of a webhook.
    r#"(?i)://[^\s"'`<>/]*(?:hook[^\s"'`<>/]*/|/[^\s"'`<>]*?hooks?/)([^\s"'`<>]+)"#,
];

/// What nearly every text has none of, so that the patterns need not be tried.
const SIGNS: &str = "(?i)://|akia|asia|pass|secret|private|access|api|token|cred|gh[pousr]_|github_pat|xox|eyj";

static SIGN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SIGNS).ok());

/// What stands between a name and its value: blanks, colours, and escapes where a text is quoted within another.
const GAP: &str = r"(?:\s|\\[nrt]|\x1b\[[0-9;]*m)*";

static KNOWN: LazyLock<Vec<Regex>> = LazyLock::new(|| FORMS.iter().filter_map(|form| Regex::new(form).ok()).collect());
/// `<Name>value`, `"Name": "value"`, `name: Some("value")` and `Name=value`, also with quotes that are escaped.
static GIVEN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = name();
    let quoted = r#"(?:Some\()?(?:\\*"([^"]+)|'([^']+))"#;
    let bare = r#"([^\s"'`\\<>&,;(){}\[\]$]+)"#;
    [
        format!("<({name})>([^<]+)"),
        format!(r#"({name}){GAP}\\*["'`]?{GAP}(?:[:=]{GAP}{quoted}|=>?{GAP}{bare}|:{bare})"#),
    ]
    .iter()
    .filter_map(|form| Regex::new(form).ok())
    .collect()
});
/// `name: value` and `NAME=value` of a file of settings, up to the end of the line or of the braces around it.
static SET: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let value = r#""((?:[^"\\\n]|\\.)+)|'([^'\n]+)|([^\s"'{}\[\]|>&*#,][^\n{}\[\],]*)"#;
    Regex::new(&format!(r#"({})["']?[ \t]*[:=][ \t]*(?:{value})"#, name())).into_iter().collect()
});
/// Lines of a key in PEM or Base64, whose first one may lie elsewhere, and addresses with more than a host: no field of a spec
/// takes one, and many are secrets.
static WRITTEN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let forms = [r"(?m)^[ \t]*([A-Za-z0-9+/]{40,}={0,2})[ \t\r]*$", r#"https?://[^\s"'`<>/]+/([^\s"'`<>,})\]]+)"#];
    forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
});

/// The pattern of a name that [`is_name`] may know: a name that is none must not take the text behind it away from one that is.
fn name() -> String {
    let marks =
        NAMES.map(|mark| mark.strip_suffix("key").map_or_else(|| mark.to_owned(), |of| format!("{of}[-_]?key")));
    format!("[A-Za-z0-9_.-]*(?i:{})[A-Za-z0-9_.-]*", marks.join("|"))
}

/// Whether a field, tag or variable holds a secret, judged by its name. The ARN of a secret is none.
pub fn is_name(name: &str) -> bool {
    let name: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    !name.ends_with("arn") && NAMES.iter().any(|mark| name.contains(mark))
}

/// Where the secrets of a running text stand, such as a line of a log or the words of a server: bytes, in order, apart.
pub fn in_words(text: &str) -> Vec<Range<usize>> {
    if SIGN.as_ref().is_some_and(|sign| !sign.is_match(text)) {
        return Vec::new();
    }
    apart(known(&KNOWN, text).chain(given(&GIVEN, text)).collect())
}

/// The same of the text of a file, in which each line gives a value to a name.
pub fn in_file(text: &str) -> Vec<Range<usize>> {
    let by_form = known(&KNOWN, text).chain(known(&WRITTEN, text));
    apart(by_form.chain(given(&GIVEN, text)).chain(given(&SET, text)).collect())
}

/// The running text without its secrets.
pub fn hide(text: &str) -> Cow<'_, str> {
    let found = in_words(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut hidden = String::with_capacity(text.len());
    let mut end = 0;
    for secret in found {
        hidden.push_str(&text[end..secret.start]);
        hidden.push_str(HIDDEN);
        end = secret.end;
    }
    Cow::Owned(hidden + &text[end..])
}

fn known<'a>(patterns: &'a [Regex], text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let caught = patterns.iter().flat_map(move |pattern| pattern.captures_iter(text));
    caught.filter_map(|caught| caught.iter().flatten().last().map(|group| group.range()))
}

/// The values behind names of secrets.
fn given<'a>(patterns: &'a [Regex], text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let caught = patterns.iter().flat_map(move |pattern| pattern.captures_iter(text));
    caught.filter_map(|caught| {
        let mut groups = caught.iter().skip(1).flatten();
        let (name, value) = (groups.next()?, groups.next()?);
        // What a variable brings is not written there.
        let told = value.as_str().trim_end();
        let is_variable = text[value.start()..].starts_with("${") || text[..name.start()].ends_with("${");
        let is_secret = is_name(name.as_str()) && !is_variable && told != HIDDEN;
        is_secret.then(|| value.start()..value.start() + told.len())
    })
}

fn apart(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| range.start);
    let mut whole: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match whole.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => whole.push(range),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_well_formed() {
        assert!(SIGN.is_some());
        assert_eq!((KNOWN.len(), GIVEN.len(), SET.len(), WRITTEN.len()), (FORMS.len(), 2, 1, 2));
    }

    #[test]
    fn names_say_what_is_secret() {
        for name in ["password", "splunkToken", "API-Key", "AWS_SECRET_ACCESS_KEY", "db.passwd"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["key", "secretArn", "partitionKey", "retention"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn words_are_shown_without_the_secrets_in_them() {
        let key = "AKIAIOSFODNN7EXAMPLE";
        for (text, shown) in [
            (r"<SecretAccessKey>\n hunter2/a+b\n</SecretAccessKey>", r"<SecretAccessKey>(hidden)</SecretAccessKey>"),
            ("<SessionToken>hunter2", "<SessionToken>(hidden)"),
            (r#"{\"SecretAccessKey\": \"hunter2\", \"x\": 1}"#, r#"{\"SecretAccessKey\": \"(hidden)"#),
            (r#"{"Token":"hunter2","Expiration":"never""#, r#"{"Token":"(hidden)","Expiration":"never""#),
            (r#"session_token: Some("hunter2 x")"#, r#"session_token: Some("(hidden)")"#),
            ("SessionToken=hunter2&Version=1", "SessionToken=(hidden)&Version=1"),
            ("token\u{1b}[0m\u{1b}[2m=\u{1b}[0mhunter2 x", "token\u{1b}[0m\u{1b}[2m=\u{1b}[0m(hidden) x"),
            ("to http://me:hunter2@host/a", "to http://(hidden)@host/a"),
            ("`http://me:hunt/er2@[bad`", "`http://(hidden)@[bad`"),
            ("https://hooks.slack.com/services/T0/hunter2", "https://hooks.slack.com/(hidden)"),
            ("https://discord.com/api/webhooks/1/hunter2", "https://discord.com/api/webhooks/(hidden)"),
            (&format!("key {key}."), "key (hidden)."),
            ("-----BEGIN PRIVATE KEY-----\nhunter2", "(hidden)"),
        ] {
            let told = hide(text);
            assert!(told.starts_with(shown) && !told.contains("hunter2"), "{text}: {told}");
        }
        for plain in [
            "loading credentials: an error occurred",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; to look around run `tidegate demo`",
            "arn:aws:iam::123456789012:role/x",
            "secretArn=arn:aws:secretsmanager:x",
            "see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        ] {
            assert_eq!(hide(plain), plain);
        }
    }

    #[test]
    fn files_are_shown_without_the_values_of_secrets() {
        for (text, secrets) in [
            ("s: { splunkToken: \"hunter2, 1234\" }", vec!["hunter2, 1234"]),
            ("password: hunter 2\nretention: 24h", vec!["hunter 2"]),
            ("s: { password: hunter2, b: 1 }", vec!["hunter2"]),
            ("AWS_SECRET_ACCESS_KEY=hunter2/a+b", vec!["hunter2/a+b"]),
            ("notify: [\"https://example.com/hunter2\"]", vec!["hunter2"]),
            (
                "  QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2w=\n",
                vec!["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2w="],
            ),
            (
                "token: ${var:TOKEN}\nx: \"${secret:name}\"\nsecret: { arn: x }\nkey: clicks\npassword:\n  x: 1\n",
                vec![],
            ),
        ] {
            let found: Vec<&str> = in_file(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, secrets, "{text}");
        }
    }
}
