//! What looks like a secret, by its name or by its form, so that nothing shows it. One list for plans, mistakes, excerpts and logs.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What stands in place of a secret in running text.
pub const HIDDEN: &str = "(hidden)";

/// Parts of names of fields, tags and variables that hold secrets.
const NAMES: [&str; 10] =
    ["password", "passwd", "passphrase", "pwd", "secret", "privatekey", "accesskey", "apikey", "token", "credential"];

/// Words of such names that are parts of other words as well (`bypass`, `author`, `checks`).
const WORDS: [&str; 5] = ["pass", "pw", "auth", "authorization", "hec"];

/// Secrets that are known by their form; a group is the part that is secret, else the whole is. The forms are those of the
/// rule `secret-in-spec`, of AWS's and GitHub's documents and of RFC 7519.
const FORMS: [&str; 9] = [
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{20,})",
    r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
    r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
    // A user and a password in an address.
    r#"://([^\s"'`<>]+)@"#,
    // What somebody wrote as the default of a variable.
    r"\$\{(?:env|var):[A-Za-z0-9_.-]*[^A-Za-z0-9_.\-}\s]([^}\n]+)",
    r"\$\{[A-Za-z0-9_]+:?[-=?+]([^}\n]+)",
    // The way behind the host of a webhook.
    r#"(?i)://[^\s"'`<>/]*(?:hook[^\s"'`<>/]*/|/[^\s"'`<>]*?hooks?/)([^\s"'`<>]+)"#,
];

/// What nearly every text has none of, so that the patterns need not be tried.
const SIGNS: &str = r"(?i)\$\{|://|akia|asia|pass|pwd|pw|auth|hec|bearer|basic|splunk|secret|private|access|api|token|cred|gh[pousr]_|github_pat|xox|eyj";

static SIGN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SIGNS).ok());

/// What is shown to a server, behind the name of its scheme.
static SCHEME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:[Bb]earer|[Bb]asic|[Ss]plunk)[ \t]+([A-Za-z0-9+/=._~-]{6,})").ok());
/// An access key's id, and what its secret half looks like.
static KEY_ID: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FORMS[0]).ok());
static HALF: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])").ok());

/// What stands between a name and its value: blanks, colours, and escapes where a text is quoted within another.
const GAP: &str = r"(?:\s|\\[nrt]|\x1b\[[0-9;]*m)*";

static KNOWN: LazyLock<Vec<Regex>> = LazyLock::new(|| FORMS.iter().filter_map(|form| Regex::new(form).ok()).collect());
/// `<Name>value`, `"Name": "value"`, `name: Some("value")` and `Name=value`, also with quotes that are escaped.
static GIVEN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = name();
    let quoted = r#"(?:Some\()?(?:\\*"([^"]+)|'([^']+))"#;
    let bare = r#"([^\s"'`\\<>&,;(){}\[\]$]+)"#;
    // What the rule `secret-in-spec` takes for a password in a sentence; in an ARN the name of a secret stands behind that word.
    let said = r"(?i:password|passwd|pwd|secret|token|api[-_]?key)";
    let value = r#"[^\s"'`<(\[{][^\s"'`&]{5,}[^\s"'`&,;.)\]}]"#;
    let sentence = format!(r"(?:^|[^:A-Za-z0-9_.-])([A-Za-z0-9_.-]*{said})[ \t]*[:=][ \t]*({value})");
    let word = word();
    [
        sentence,
        format!("<({name})>([^<]+)"),
        format!(r#"\b({word}){GAP}\\*["'`]?{GAP}(?:[:=]{GAP}{quoted}|=>?{GAP}{bare}|:{bare})"#),
        format!(r#"({name}){GAP}\\*["'`]?{GAP}(?:[:=]{GAP}{quoted}|=>?{GAP}{bare}|:{bare})"#),
    ]
    .iter()
    .filter_map(|form| Regex::new(form).ok())
    .collect()
});
/// `name: value` and `NAME=value` of a file of settings, up to the end of the line or of the braces around it.
static SET: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let value = r#""((?:[^"\\\n]|\\.)+)|'([^'\n]+)|([^\s"'{}\[\]|>&*#,][^\n{}\[\],]*)"#;
    let forms = [name(), format!(r"\b{}", word())];
    forms.iter().filter_map(|name| Regex::new(&format!(r#"({name})["']?[ \t]*[:=][ \t]*(?:{value})"#)).ok()).collect()
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

/// The pattern of a name in which one of the words stands by itself: `db_pass`, `dbPass`, `pass.db`.
fn word() -> String {
    let capital = |word: &&str| word[..1].to_uppercase() + &word[1..];
    let (words, capitals) = (WORDS.join("|"), WORDS.iter().map(capital).collect::<Vec<_>>().join("|"));
    let before = format!("(?:(?:[A-Za-z0-9_.-]*[_.-])?(?i:{words})|[A-Za-z0-9_.-]*[a-z0-9](?:{capitals}))");
    format!("{before}(?:[A-Z_.-][A-Za-z0-9_.-]*)?")
}

/// The words of a name in small letters: `dbPass` is `db` and `pass`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_small) {
            words.push(String::new());
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
}

/// Whether a field, tag or variable holds a secret, judged by its name. The ARN of a secret is none.
pub fn is_name(name: &str) -> bool {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let is_marked = NAMES.iter().any(|mark| plain.contains(mark));
    !plain.ends_with("arn") && (is_marked || words(name).iter().any(|word| WORDS.contains(&word.as_str())))
}

/// Where the secrets of a running text stand, such as a line of a log or the words of a server: bytes, in order, apart.
pub fn in_words(text: &str) -> Vec<Range<usize>> {
    if SIGN.as_ref().is_some_and(|sign| !sign.is_match(text)) {
        return Vec::new();
    }
    apart(known(&KNOWN, text).chain(given(&GIVEN, text)).chain(shown(text)).collect())
}

/// The same of the text of a file, in which each line gives a value to a name.
pub fn in_file(text: &str) -> Vec<Range<usize>> {
    let by_form = known(&KNOWN, text).chain(known(&WRITTEN, text));
    apart(by_form.chain(given(&GIVEN, text)).chain(given(&SET, text)).chain(shown(text)).collect())
}

/// The same of what was written in the place of a name.
pub fn in_name(name: &str) -> Vec<Range<usize>> {
    if SIGN.as_ref().is_some_and(|sign| !sign.is_match(name)) {
        return Vec::new();
    }
    in_file(name)
}

/// The running text without its secrets.
pub fn hide(text: &str) -> Cow<'_, str> {
    without(text, in_words(text))
}

/// A name of the user's, such as that of a tag, without the secret that somebody wrote in its place.
pub fn hide_name(name: &str) -> Cow<'_, str> {
    without(name, in_name(name))
}

fn without(text: &str, found: Vec<Range<usize>>) -> Cow<'_, str> {
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

/// What is shown to a server behind the name of a scheme, and the secret half of an access key beside its id.
fn shown(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let groups = |pattern: &'static LazyLock<Option<Regex>>| {
        let caught = pattern.iter().flat_map(move |pattern| pattern.captures_iter(text));
        caught.filter_map(|caught| caught.get(1).map(|group| group.range()))
    };
    // "Basic monitoring" is none.
    let is_random = move |range: &Range<usize>| {
        let token = &text[range.clone()];
        token.contains(|c: char| c.is_ascii_digit() || c == '=')
            || token[1..].contains(|c: char| c.is_ascii_uppercase()) && token.contains(|c: char| c.is_ascii_lowercase())
    };
    let has_id = KEY_ID.as_ref().is_some_and(|id| id.is_match(text));
    groups(&SCHEME).filter(is_random).chain(groups(&HALF).filter(move |_| has_id))
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
        assert!(SIGN.is_some() && SCHEME.is_some() && KEY_ID.is_some() && HALF.is_some());
        assert_eq!((KNOWN.len(), GIVEN.len(), SET.len(), WRITTEN.len()), (FORMS.len(), 4, 2, 2));
    }

    #[test]
    fn names_say_what_is_secret() {
        let secret = "password splunkToken API-Key AWS_SECRET_ACCESS_KEY db.passwd DB_PWD pwd pass dbPass db-pass PASS pw userPw auth \
                      Authorization splunkHec hec hecUrl auth.header";
        for name in secret.split_whitespace() {
            assert!(is_name(name), "{name}");
        }
        for name in ["key", "secretArn", "partitionKey", "retention", "bypass", "author", "checks", "compass", "power"]
        {
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
            ("`${var:X:-hunter2 x}` and", "`${var:X:(hidden)}` and"),
            ("${TOKEN:-hunter2}", "${TOKEN:-(hidden)}"),
            ("https://discord.com/api/webhooks/1/hunter2", "https://discord.com/api/webhooks/(hidden)"),
            (&format!("key {key}."), "key (hidden)."),
            ("-----BEGIN PRIVATE KEY-----\nhunter2", "(hidden)"),
            ("Authorization: Bearer hunter2", "Authorization: Bearer (hidden)"),
            ("Basic aHVudGVyMjp4hunter2==", "Basic (hidden)"),
            ("Splunk hunter2-12345678", "Splunk (hidden)"),
            ("pwd: hunter2-1 x", "pwd: (hidden) x"),
            ("db_pass=hunter2 x", "db_pass=(hidden) x"),
            ("dbPass=\"hunter2\"", "dbPass=\"(hidden)\""),
            (&format!("{key} hunter2hunter2hunter2hunter2hunter2/+abX x"), "(hidden) (hidden) x"),
        ] {
            let told = hide(text);
            assert!(told.starts_with(shown) && !told.contains("hunter2"), "{text}: {told}");
        }
        for plain in [
            "Basic monitoring of clicks, a bearer of tidings",
            "bypass=yes author=someone checks=all",
            "hunter2hunter2hunter2hunter2hunter2/+abX alone is no secret of AWS",
            "loading credentials: an error occurred",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; to look around run `tidegate demo`",
            "arn:aws:iam::123456789012:role/x",
            "secretArn=arn:aws:secretsmanager:x",
            "${env:DB-NAME} ${var:a b} ${HOME} ${var:X:} !{timestamp:yyyy-MM-dd}",
            "see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        ] {
            assert_eq!(hide(plain), plain);
        }
    }

    #[test]
    fn names_are_shown_without_what_was_written_in_their_place() {
        for (name, shown) in [
            ("postgres://u:hunter2@h/db", "postgres://(hidden)@h/db"),
            ("https://example.com/hunter2", "https://example.com/(hidden)"),
            ("password", "password"),
            (
                "streams.clicks-of-the-web-shop-and-of-its-many-branches",
                "streams.clicks-of-the-web-shop-and-of-its-many-branches",
            ),
        ] {
            assert_eq!(hide_name(name), shown);
        }
    }

    /// What the lint rule finds written in a spec, a plan must not show either.
    #[test]
    fn what_the_rule_secret_in_spec_finds_is_hidden() {
        let cases = include_str!("../../policies/security/secret-in-spec.cases.yaml");
        let cases: serde_json::Value = serde_yaml::from_str(cases).expect("the cases are YAML");
        let bad = cases["bad"].as_array().expect("cases");
        assert!(bad.len() >= 7, "{}", bad.len());
        for case in bad {
            let (at, spec) = (case["at"].as_str().expect("a place"), case["spec"].as_str().expect("a spec"));
            let spec: serde_json::Value = serde_yaml::from_str(spec).expect("a spec is YAML");
            let found = at.split('.').fold(&spec, |value, key| &value[key]);
            let (name, text) = (at.rsplit('.').next().expect("a key"), found.as_str().expect("a text"));
            assert!(is_name(name) || hide(text) != text, "{at}: {text}");
        }
        // What else its patterns match.
        for text in ["pwd=12345678", "my password: correcthorse", "api-key : 0123456789", "TOKEN= abcdefgh1"] {
            assert_ne!(hide(text), text, "{text}");
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
