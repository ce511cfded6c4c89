//! What is wrong with the AWS environment before anything is asked of it: the SDK takes some of it for granted and panics, or tells
//! it in words that nobody can act on.

use std::path::{Path, PathBuf};

use super::clients::Connect;
use super::http::names_host;
use crate::cloud::{Class, Fault};
use crate::disk;

/// Bytes of a file of profiles, which take some hundred each.
const MOST_PROFILES: u64 = 16 << 20;

/// The variables that name files which the SDK or the HTTPS client opens, besides those of profiles.
const FILES: [&str; 3] = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE"];

/// Looks at addresses, files, profile and region that were set by flags or variables.
///
/// # Errors
/// The first that cannot be used, with what to do.
pub fn check(connect: &Connect) -> Result<(), Fault> {
    if let Some(url) = &connect.endpoint_url {
        check_url("--endpoint-url", url)?;
    }
    for (name, url) in endpoints().filter(|_| connect.endpoint_url.is_none()) {
        check_url(&name, &url)?;
    }
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        check_key(name, &std::env::var(name).unwrap_or_default())?;
    }
    for path in FILES.into_iter().filter_map(std::env::var_os) {
        check_file(Path::new(&path))?;
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match connect.profile.clone().or_else(|| variable("AWS_PROFILE")) {
        Some(profile) => check_profile(&profile, connect.endpoint_url.is_none()),
        None => check_profile("default", connect.endpoint_url.is_none()),
    }
}

/// The variables that name endpoints, unless they are to be ignored.
pub fn endpoints() -> impl Iterator<Item = (String, String)> {
    let ignored = are_ignored();
    let all = std::env::vars_os().map(|(name, url)| (name.to_string_lossy().into_owned(), url));
    let named = all.filter(move |(name, _)| !ignored && name.starts_with("AWS_ENDPOINT_URL"));
    named.map(|(name, url)| (name, url.to_string_lossy().into_owned()))
}

fn are_ignored() -> bool {
    std::env::var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_ok_and(|value| value == "true")
}

/// Whether calls may do without HTTPS. Where the endpoint of one service is plain, those of the others may be as well: then the
/// call itself tells.
pub fn is_plain(endpoint: Option<&str>) -> bool {
    let is_plain = |url: &str| url.starts_with("http://");
    endpoint.map_or_else(|| endpoints().any(|(_, url)| is_plain(&url)), is_plain)
}

fn refused(code: &str, what: String, help: &str) -> Fault {
    Fault::new(Class::Refused, "connecting to AWS", code, what).help(help)
}

fn check_url(name: &str, url: &str) -> Result<(), Fault> {
    if url.is_empty() {
        let what = format!("{name} is set, but empty");
        return Err(refused("BadEndpoint", what, "unset it, or write an address such as http://127.0.0.1:4566"));
    }
    // Calls are signed, so that a user in the address is of no use; and the SDK tells addresses in its errors and logs.
    if url.contains('@') {
        let what = format!("the address of {name} holds a user or a password");
        let help = "write http://HOST:PORT; credentials come from the AWS environment";
        return Err(refused("BadEndpoint", what, help));
    }
    // What is no address may be a secret all the same.
    if !names_host(url) || url.contains(char::is_whitespace) {
        let what = format!("{name} is no address");
        return Err(refused("BadEndpoint", what, "write one such as http://127.0.0.1:4566"));
    }
    Ok(())
}

/// A key that was written by `echo` ends with a line end. A request has no header for it, and the SDK panics.
fn check_key(name: &str, key: &str) -> Result<(), Fault> {
    if key.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    let what = format!("{name} has a line end, a blank or another character that no key has");
    Err(refused("BadKey", what, "write it without, for example with `printf %s` in place of `echo`"))
}

/// The SDK reads these files more than once and without a bound: of a named pipe it would get nothing the second time, and wait for ever.
fn check_file(path: &Path) -> Result<(), Fault> {
    if !disk::is_pipe(path) {
        return Ok(());
    }
    let what = format!("{} is a named pipe, and AWS's SDK reads it more than once", path.display());
    Err(refused("BadFile", what, "write its text into a file that only you may read, and name that"))
}

/// The region as the SDK has read it; `None` and empty are the same.
///
/// # Errors
/// There is none, or it cannot be one.
pub fn region(named: Option<&str>) -> Result<String, Fault> {
    let help = "write `region:` into the spec, pass --region, or set AWS_REGION";
    match named.filter(|region| !region.is_empty()) {
        None => Err(refused("NoRegion", "no region is set".into(), help)),
        Some(region) if region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') => {
            Ok(region.to_owned())
        }
        Some(region) => {
            let what = format!("`{}` is no region", region.escape_default());
            Err(refused("BadRegion", what, "write its code, for example eu-west-1"))
        }
    }
}

/// A profile that stands in neither file has no credentials, which the SDK tells as if nothing at all had been set. With
/// `endpoints`, the addresses that it names are looked at as well.
fn check_profile(profile: &str, endpoints: bool) -> Result<(), Fault> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let file = |variable: &str, name: &str| {
        let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        named.unwrap_or_else(|| home.join(".aws").join(name))
    };
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    files.iter().try_for_each(|path| check_file(path))?;
    let texts: Vec<String> = files.iter().filter_map(|path| disk::text(path, MOST_PROFILES).ok()).collect();
    if profile == "default" || texts.iter().any(|text| has_profile(text, profile)) {
        let mut named = texts.iter().flat_map(|text| addresses(text, profile)).filter(|_| endpoints && !are_ignored());
        return named.try_for_each(|url| check_url(&format!("endpoint_url of the profile `{profile}`"), url));
    }
    let what = format!("there is no profile `{profile}` in {} or {}", files[0].display(), files[1].display());
    Err(refused(
        "NoProfile",
        what,
        "check --profile and AWS_PROFILE; `aws configure list-profiles` shows what there is",
    ))
}

fn has_profile(text: &str, profile: &str) -> bool {
    text.lines().any(|line| section(line).is_some_and(|(_, name)| name == profile))
}

/// What a line opens: the word before the name, if there is one, and the name of `[profile web]`.
fn section(line: &str) -> Option<(&str, &str)> {
    let head = line.trim().strip_prefix('[')?.split(']').next()?.trim();
    let typed = ["profile", "services", "sso-session"].into_iter().find_map(|word| {
        let name = head.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace))?;
        Some((word, name))
    });
    let (word, name) = typed.unwrap_or(("", head));
    Some((word, name.trim().trim_matches(['"', '\''])))
}

/// The addresses that a profile names, for all services and, in the section of its `services`, for single ones.
fn addresses<'a>(text: &'a str, profile: &str) -> Vec<&'a str> {
    let settings = |is_wanted: &dyn Fn(&str, &str) -> bool, key: &str| -> Vec<&'a str> {
        let mut inside = false;
        let mut found = Vec::new();
        for line in text.lines() {
            if let Some((word, name)) = section(line) {
                inside = is_wanted(word, name);
            } else if let Some((_, value)) = line.split_once('=').filter(|(name, _)| inside && name.trim() == key) {
                found.push(value.trim());
            }
        }
        found
    };
    let is_profile = |word: &str, name: &str| word != "services" && word != "sso-session" && name == profile;
    let services = settings(&is_profile, "services");
    let of_services = |word: &str, name: &str| word == "services" && services.contains(&name);
    [settings(&is_profile, "endpoint_url"), settings(&of_services, "endpoint_url")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole() {
        for good in ["http://127.0.0.1:4566", "https://kinesis.eu-west-1.amazonaws.com", "http://[::1]:4566/path"] {
            assert!(check_url("--endpoint-url", good).is_ok(), "{good}");
        }
        for bad in ["", "nonsense", "http://", "127.0.0.1:4566", "http://a b"] {
            assert!(check_url("--endpoint-url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_one_word() {
        assert!(
            check_key("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjE/+8=").is_ok()
                && check_key("AWS_SESSION_TOKEN", "").is_ok()
        );
        for bad in ["AKIA\n", "AKIA\r", " AKIA", "AK IA", "AKIA\u{e9}", "AKIA\u{7f}"] {
            let fault = check_key("AWS_ACCESS_KEY_ID", bad).unwrap_err();
            assert!(fault.message.contains("AWS_ACCESS_KEY_ID") && !fault.message.contains("AKIA"), "{fault:?}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_never_told() {
        for bad in ["http://me:hunter2@host", "http://me:hunt/er2@host", "http://me:hunter2@[bad", "me:hunter2@host"] {
            let fault = check_url("AWS_ENDPOINT_URL", bad).unwrap_err();
            assert!(!format!("{fault:?}").contains("hunt"), "{fault:?}");
        }
        let text = "[profile a]\nendpoint_url = http://one\nservices = s\n[profile b]\nendpoint_url = http://two\n\
                    [services s]\nsts =\n  endpoint_url = http://three\n[services t]\nsts =\n  endpoint_url = http://four\n";
        assert_eq!(addresses(text, "a"), ["http://one", "http://three"]);
        assert_eq!(addresses(text, "b"), ["http://two"]);
    }

    #[test]
    fn an_empty_region_is_none() {
        assert_eq!(region(Some("eu-west-1")).as_deref(), Ok("eu-west-1"));
        assert_eq!(region(Some("")).unwrap_err().code, "NoRegion");
        assert_eq!(region(None).unwrap_err().code, "NoRegion");
        assert_eq!(region(Some("EU WEST")).unwrap_err().code, "BadRegion");
    }

    #[test]
    fn profiles_are_found_in_both_spellings() {
        let text = "[default]\nregion = x\n[profile web]\n# [profile old]\n[ \"two words\" ]\n[plain]\n";
        for there in ["web", "plain", "two words"] {
            assert!(has_profile(text, there), "{there}");
        }
        assert!(!has_profile(text, "old") && !has_profile(text, "nope"));
    }
}
