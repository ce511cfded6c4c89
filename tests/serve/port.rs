use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::running::{Running, ask, command, exchange};

const TOKEN: &str = "a-token-of-32-characters-or-more";

#[test]
fn the_port_tells_what_the_controller_knows() {
    let running = Running::start(2, &["--speed", "600"], None);
    running.wait("the first tick ends", |running| running.get("/readyz").status == 200);
    let alive = running.get("/healthz");
    assert_eq!((alive.status, alive.body.starts_with("ok: ")), (200, true), "{}", alive.body);
    running.wait("a resize has ended", |running| running.json("/api/streams/shop/clicks")["shards"].as_u64() > Some(1));
    // A step of a series is five minutes.
    let steps = |report: &serde_json::Value| report["series"]["demand"].as_array().map_or(0, Vec::len);
    running.wait("two steps have passed", |running| steps(&running.json("/api/streams/shop/clicks")) > 1);
    let report = running.json("/api/report");
    assert_eq!((&report["format_version"], report["streams"].as_array().unwrap().len()), (&1.into(), 2));
    let clicks = &report["streams"][0];
    assert!(!clicks["decisions"].as_array().unwrap().is_empty() && report["ticks"]["resizes"].as_u64() > Some(0));
    assert!(steps(clicks) > 1);
    let brief = running.json("/api/streams");
    assert_eq!(brief["streams"][0]["series"]["demand"], serde_json::json!([]));
    assert_eq!((&brief["streams"][0]["stream"], &brief["streams"][0]["min"]), (&"clicks".into(), &1.into()));
    assert_eq!(running.json("/api/streams/shop/clicks")["physical"], "clicks");
    assert_eq!(running.get("/api/streams/shop/nobody").status, 404);
    assert_eq!(running.get("/etc/passwd").status, 404);
}

#[test]
fn it_only_reads_and_every_answer_is_guarded() {
    let running = Running::start(1, &["--speed", "60"], None);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"] {
        for path in ["/", "/healthz", "/api/report", "/nowhere"] {
            let answer = ask(&running.address, method, path, &[]);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
    for path in ["/", "/healthz", "/readyz", "/metrics", "/api/report", "/nowhere"] {
        for method in ["GET", "HEAD"] {
            let answer = ask(&running.address, method, path, &[]);
            assert!(method == "GET" || answer.body.is_empty(), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            let policy = answer.header("content-security-policy").expect("a policy");
            assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
        }
    }
    // A page elsewhere that turned its name to this machine.
    assert_eq!(ask(&running.address, "GET", "/api/report", &["Host: evil.example"]).status, 421);
    assert_eq!(ask(&running.address, "GET", "/api/report", &["Host: localhost:1"]).status, 200);
}

#[test]
fn a_token_guards_all_but_the_probes() {
    let running = Running::start(1, &["--speed", "60"], Some(TOKEN));
    assert_eq!(running.get("/healthz").status, 200);
    for path in ["/", "/metrics", "/api/report", "/api/streams/shop/clicks", "/nowhere"] {
        let answer = running.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="));
        assert_eq!(
            ask(&running.address, "GET", path, &["Authorization: Bearer a-token-of-32-characters-or-mor"]).status,
            401
        );
    }
    let bearer = format!("Authorization: Bearer {TOKEN}");
    // Any user, with the token as the password.
    let basic = "Authorization: Basic bWU6YS10b2tlbi1vZi0zMi1jaGFyYWN0ZXJzLW9yLW1vcmU=";
    for header in [bearer.as_str(), basic] {
        for path in ["/", "/metrics", "/api/report"] {
            // A name is no matter where a token is needed.
            let answer = ask(&running.address, "GET", path, &[header, "Host: tidegate.example"]);
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.body.contains(TOKEN) && !answer.head.contains(TOKEN));
        }
    }
}

#[test]
fn misuse_is_bounded() {
    let running = Running::start(1, &["--speed", "60"], None);
    let long = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert!(exchange(&running.address, long.as_bytes()).starts_with("HTTP/1.1 431 "), "a head has a bound");
    let many = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    assert!(exchange(&running.address, many.as_bytes()).starts_with("HTTP/1.1 431 "), "so do headers");
    assert!(exchange(&running.address, b"\x16\x03\x01 no http\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let body = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\nConnection: close\r\n\r\nxxx";
    assert!(exchange(&running.address, body.as_bytes()).starts_with("HTTP/1.1 200 "), "a body is not waited for");
    // Who begins and does not go on is sent away, and others are served meanwhile.
    let slow = (0..40).map(|_| {
        let mut stream = TcpStream::connect(&running.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out can be set");
        stream.write_all(b"GET /hea").expect("it is open");
        stream
    });
    let slow: Vec<TcpStream> = slow.collect();
    assert_eq!(running.get("/healthz").status, 200);
    for mut stream in slow {
        let mut said = Vec::new();
        let ended = stream.read_to_end(&mut said).map_err(|error| error.kind());
        assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "it is closed by the other end: {ended:?}");
    }
    // The loop went on.
    let before = running.json("/api/streams")["ticks"]["count"].as_u64();
    running.wait("more ticks", |running| running.json("/api/streams")["ticks"]["count"].as_u64() > before);
}

#[test]
fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |args: &[&str], token: Option<&str>| {
        let mut command = command(folder.path(), &[&["run", "--cloud", "local"], args].concat());
        command.envs(token.map(|token| ("TIDEGATE_TOKEN", token)));
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(5), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let open = refused(&["--listen", "0.0.0.0:0"], None);
    assert!(open.contains("there is no token") && open.contains("--token-file FILE or TIDEGATE_TOKEN"), "{open}");
    let weak = refused(&["--listen", "0.0.0.0:0"], Some("hunter2"));
    assert!(weak.contains("TIDEGATE_TOKEN cannot be used") && !weak.contains("hunter2"), "{weak}");
    let absent = refused(&["--listen", "127.0.0.1:0", "--token-file", "absent"], None);
    assert!(absent.contains("reading --token-file absent"), "{absent}");
    assert!(refused(&["--token-file", "absent"], None).contains("no port to guard"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy = refused(&["--listen", &address], None);
    assert!(busy.contains(&format!("listening on {address}")) && busy.contains("choose another port"), "{busy}");
}

#[test]
fn a_health_check_needs_no_curl() {
    let running = Running::start(1, &["--speed", "60"], Some(TOKEN));
    running.wait("the first tick ends", |running| running.get("/readyz").status == 200);
    let health = |args: &[&str]| command(running.folder.path(), &[&["health"], args].concat()).output().unwrap();
    for args in [&[running.address.as_str()][..], &[&running.address, "--ready"]] {
        let output = health(args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let every = running.address.replace("127.0.0.1", "0.0.0.0");
    let asked = command(running.folder.path(), &["health"]).env("TIDEGATE_LISTEN", every).output().unwrap();
    assert!(String::from_utf8_lossy(&asked.stdout).starts_with("ok: the last tick ended "));
    // A stopped process still takes connections, and answers none.
    running.signal("-STOP");
    let stuck = health(&[&running.address]);
    running.signal("-CONT");
    assert_eq!(stuck.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&stuck.stderr).contains("of a running controller: timed out"), "{stuck:?}");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(health(&[&address]).status.code(), Some(1), "nobody listens");
}
