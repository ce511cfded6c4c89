//! Credentials, regions, endpoints and proxies work as in every AWS tool: seen from the outside, by the hosts that the
//! program asks a proxy for, and by the calls that an emulator answers.

mod endless;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::emulators;

/// A proxy that notes which hosts are asked for and lets nobody through.
struct Proxy {
    url: String,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&asked);
        // The thread ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut line = String::new();
                let _ = BufReader::new(&stream).read_line(&mut line);
                if let Some(host) = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) {
                    noted.lock().expect("a set").insert(host.to_owned());
                }
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a set").iter().cloned().collect()
    }
}

const SPEC: &str = "apiVersion: tidegate/v1\npipeline: shop\nalarms: { off: true }\nstreams:\n  clicks: {}\n";

/// `tidegate plan` in an environment of its own; answers what it said.
fn plan(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    std::fs::write(folder.join("tidegate.yaml"), SPEC).expect("the spec can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("AWS_MAX_ATTEMPTS", "1");
    let output = command.args(["plan"]).args(arguments).envs(variables.iter().copied()).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// The hosts that a plan asks the proxy for.
fn hosts(more: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let mut variables = vec![("HTTPS_PROXY", proxy.url.as_str())];
    variables.extend(KEYS);
    variables.extend(more);
    let (_, said) = plan(folder.path(), &[], &variables);
    assert!(said.contains("no answer from AWS"), "{said}");
    proxy.asked()
}

#[test]
fn calls_go_through_the_proxy_to_the_hosts_of_the_region() {
    // Nothing else is asked before it is known who calls: here an emulator tells.
    let identity = &emulators::moto().url;
    let asked = hosts(&[("AWS_REGION", "ap-southeast-2"), ("AWS_ENDPOINT_URL_STS", identity)]);
    for host in ["kinesis.ap-southeast-2.amazonaws.com:443", "tagging.ap-southeast-2.amazonaws.com:443"] {
        assert!(asked.iter().any(|asked| asked == host), "{host} in {asked:?}");
    }
    assert!(asked.iter().all(|host| host.ends_with(".amazonaws.com:443")), "{asked:?}");
}

#[test]
fn fips_and_dual_stack_endpoints_are_used_where_asked_for() {
    let fips = hosts(&[("AWS_REGION", "us-east-1"), ("AWS_USE_FIPS_ENDPOINT", "true")]);
    assert_eq!(fips, ["sts-fips.us-east-1.amazonaws.com:443"]);
    let dual = hosts(&[("AWS_REGION", "eu-west-1"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")]);
    assert_eq!(dual, ["sts.eu-west-1.api.aws:443"]);
}

#[test]
fn a_host_in_no_proxy_is_asked_directly() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let cloud = emulators::ministack();
    let mut variables = vec![
        ("HTTP_PROXY", proxy.url.as_str()),
        ("HTTPS_PROXY", &proxy.url),
        ("NO_PROXY", "127.0.0.1,localhost"),
        ("AWS_ENDPOINT_URL", &cloud.url),
        ("AWS_REGION", cloud.region),
    ];
    variables.extend(KEYS);
    let (code, said) = plan(folder.path(), &[], &variables);
    assert_eq!((code, proxy.asked()), (Some(0), vec![]), "{said}");
}

#[test]
fn profiles_name_region_endpoint_and_a_credential_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = emulators::ministack();
    let answer = r#"{ "Version": 1, "AccessKeyId": "210987654321", "SecretAccessKey": "test" }"#;
    std::fs::write(folder.path().join("keys.json"), answer).expect("a file");
    let config = format!(
        "[profile work]\nregion = {}\nendpoint_url = {}\ncredential_process = cat {}\n",
        "eu-central-1",
        cloud.url,
        folder.path().join("keys.json").display()
    );
    std::fs::write(folder.path().join("config"), config).expect("a file");
    let file = folder.path().join("config").display().to_string();
    let by_flag = plan(folder.path(), &["--profile", "work"], &[("AWS_CONFIG_FILE", &file)]);
    let by_variable = plan(folder.path(), &[], &[("AWS_CONFIG_FILE", &file), ("AWS_PROFILE", "work")]);
    assert_eq!(by_flag, by_variable);
    assert!(by_flag.1.contains("account 210987654321, eu-central-1"), "{}", by_flag.1);
}

#[test]
fn a_web_identity_token_becomes_a_session_of_its_role() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = emulators::moto();
    let token = folder.path().join("token");
    // Emulators take any token; AWS would check its signature.
    std::fs::write(&token, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjaSJ9.").expect("a file");
    let token = token.display().to_string();
    let variables = [
        ("AWS_ENDPOINT_URL", cloud.url.as_str()),
        ("AWS_REGION", cloud.region),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
    ];
    let (code, said) = plan(folder.path(), &[], &variables);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Plan: 1 to add"), "{said}");
    let missing = [variables[0], variables[1], variables[2], ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")];
    let (code, said) = plan(folder.path(), &[], &missing);
    assert_eq!(code, Some(1), "the token was needed: {said}");
}

#[test]
fn a_cached_sso_session_is_exchanged_at_its_portal() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let config = "[profile sso]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Deployer\n\
                  region = eu-west-1\n[sso-session acme]\nsso_region = eu-north-1\n\
                  sso_start_url = https://acme.awsapps.com/start\nsso_registration_scopes = sso:account:access\n";
    std::fs::write(folder.path().join("config"), config).expect("a file");
    let cache = folder.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).expect("a folder");
    let session = r#"{ "startUrl": "https://acme.awsapps.com/start", "region": "eu-north-1",
        "accessToken": "canary-token", "expiresAt": "2099-01-01T00:00:00Z" }"#;
    // The SDKs name the file by the SHA-1 of the session's name.
    std::fs::write(cache.join(format!("{}.json", sha1_hex("acme"))), session).expect("a file");
    let file = folder.path().join("config").display().to_string();
    let (_, said) =
        plan(folder.path(), &["--profile", "sso"], &[("AWS_CONFIG_FILE", &file), ("HTTPS_PROXY", &proxy.url)]);
    assert!(proxy.asked().iter().any(|host| host.starts_with("portal.sso.eu-north-1.")), "{:?}\n{said}", proxy.asked());
    assert!(!said.contains("canary-token"), "{said}");
}

/// The SHA-1 by the system's own tool, so that no dependency is added for one file name.
fn sha1_hex(text: &str) -> String {
    let mut child = Command::new("sha1sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("coreutils are there");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_wrong_with_the_environment_is_said_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(&[&str], Variables, &str); 7] = [
        (&["--region", "eu-west-1"], &[("AWS_ENDPOINT_URL", "")], "AWS_ENDPOINT_URL is set, but empty"),
        (&["--region", "eu-west-1"], &[("AWS_ENDPOINT_URL_KINESIS", "")], "AWS_ENDPOINT_URL_KINESIS is set, but empty"),
        (&["--region", "eu-west-1", "--endpoint-url", "nonsense"], &[], "--endpoint-url is no address"),
        (&["--region", "eu-west-1", "--endpoint-url", ""], &[], "--endpoint-url is set, but empty"),
        (&[], &[("AWS_REGION", "")], "no region is set"),
        (&["--region", "EU WEST"], &[], "`EU WEST` is no region"),
        (&["--region", "eu-west-1", "--profile", "nope"], &[], "there is no profile `nope`"),
    ];
    for (arguments, variables, expected) in cases {
        let (code, said) = plan(folder.path(), arguments, variables);
        assert_eq!(code, Some(1), "{arguments:?} {variables:?}: {said}");
        assert!(said.contains(expected) && said.contains("help: "), "{arguments:?} {variables:?}: {said}");
        assert!(said.lines().count() < 6, "{said}");
    }
}
