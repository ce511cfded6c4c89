//! A machine that is not well: disks that fill up in the middle, files that cannot be read, streams that are closed, and
//! variables that are no text. Clear words, no panic, and what was there before stays.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{program, program_at};

const SPEC: &str = "apiVersion: tidegate/v1\npipeline: p\nregion: eu-west-1\nstreams:\n  s: { capacity: { mode: provisioned, \
                    shards: { min: 2, max: 8 } } }\n  t: {}\n  u: {}\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tidegate.yaml"), SPEC).expect("a file");
    folder
}

fn said(output: &Output) -> String {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    said
}

/// Through a shell, which prepares what the program then finds; `$T` is the program.
fn shell(folder: &Path, script: &str) -> Output {
    let mut command = Command::new("sh");
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .env("TIDEGATE_CLOUD", "local:c.json");
    command.env("PATH", "/usr/bin:/bin").env("T", env!("CARGO_BIN_EXE_tidegate")).args(["-c", script]);
    command.stdin(Stdio::null()).output().expect("a shell starts")
}

/// Bytes of a file beyond which the disk is full: the kernel refuses the rest, as it does on a disk that fills up.
fn on_a_disk_with_room_for(blocks: u32, words: &str) -> String {
    format!("ulimit -f {blocks}; exec $T {words}")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_disk_that_fills_up_in_the_middle_leaves_what_was_there() {
    let folder = folder();
    let at = folder.path();
    let old = r#"{"plan":{"made_by":"another time"}}"#;
    std::fs::write(at.join("p.json"), old).expect("a file");
    let output = shell(at, &on_a_disk_with_room_for(1, "plan -q --out p.json"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("writing p.json: File too large"), "{}", said(&output));
    assert!(said(&output).contains("help: make room on the disk"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(at.join("p.json")).expect("it is there"), old);
    assert_eq!(names(at), ["p.json", "tidegate.yaml"], "nothing half-written lies about");
    // The local cloud: what is told as made is there afterwards, and the file can be read.
    let output = shell(at, &on_a_disk_with_room_for(4, "apply -y"));
    assert_ne!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("File too large"), "{}", said(&output));
    let output = shell(at, "exec $T apply -y");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // The ledger: a controller that cannot keep its books resizes nothing, says so, and does not claim at its end that they
    // are written; what it has written is read again.
    let output = shell(at, &on_a_disk_with_room_for(40, "run --speed max --traffic 12 --for 24h"));
    let words = said(&output);
    let trouble = "writing the ledger tidegate-ledger: File too large";
    assert!(words.contains(trouble) && words.contains("nothing is resized in p until it can be written"), "{words}");
    assert!(words.contains("  stopped;") && !words.contains("the ledger is written"), "{words}");
    assert!(words.contains("the last tick of p could not be written into the ledger"), "{words}");
    let output = shell(at, &on_a_disk_with_room_for(40, "run --json --speed max --traffic 12 --for 24h"));
    let words = said(&output);
    let stopped =
        words.lines().find(|line| line.contains("\"event\":\"stopped\"")).unwrap_or_else(|| panic!("{words}"));
    assert!(stopped.contains("\"unwritten\":[\"p\"]"), "{stopped}");
    // Where the embedded cloud's own file has no room, making the pipeline again would not help.
    let output = shell(at, &on_a_disk_with_room_for(0, "run --speed max --traffic 12 --ticks 1"));
    let words = said(&output);
    assert!(words.contains("that the disk has room") && !words.contains("make the pipeline first"), "{words}");
    let output = shell(at, "exec $T run --speed max --ticks 3");
    assert!(output.status.success() && said(&output).contains("the ledger is written"), "{}", said(&output));
}

#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let folder = folder();
    let at = folder.path();
    for words in [
        "plan",
        "plan --format json",
        "lint",
        "schema",
        "man",
        "completions bash",
        "apply --json",
        "--help",
        "lint --help",
        "--version",
    ] {
        let output = shell(at, &format!("exec $T {words} > /dev/full"));
        let words = format!("{words}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains("writing the results: No space left on device"), "{words}");
        assert!(words.contains("nothing was changed; make room and try again"), "{words}");
    }
    // Before it begins, nothing is changed; what has begun is carried out to its end, and told as a failure.
    let output = shell(at, "exec $T apply -y > /dev/full");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nothing was changed"), "{}", said(&output));
    let output = shell(at, "exec $T apply -y -q > /dev/full");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("what has begun goes on"), "{}", said(&output));
    let output = shell(at, "exec $T plan --detailed-exitcode");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// A pipe whose reader has gone is success for what only tells, and never for what was to change something and did not.
#[test]
fn a_reader_who_goes_away_is_no_silent_success() {
    let folder = folder();
    let at = folder.path();
    let without_reader = |words: &str| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = program(at);
        command.env("TIDEGATE_CLOUD", "local:c.json").args(words.split(' ')).stdout(writer);
        command.output().expect("it starts")
    };
    for words in ["apply -y", "apply -y --json"] {
        let output = without_reader(words);
        assert_eq!(output.status.code(), Some(1), "{words}: {}", said(&output));
        assert!(
            said(&output).contains("nothing was changed; let somebody read the plan"),
            "{words}: {}",
            said(&output)
        );
        assert_eq!(shell(at, "exec $T plan --detailed-exitcode").status.code(), Some(2), "{words}");
    }
    // Where the plan is not told, it has begun before anybody could have read a word.
    let output = without_reader("apply -y -q");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(shell(at, "exec $T plan --detailed-exitcode").status.code(), Some(0));
    assert_eq!(without_reader("apply -y").status.code(), Some(0), "there is nothing to change");
}

#[test]
fn streams_that_are_closed_and_a_folder_that_is_gone() {
    let folder = folder();
    let at = folder.path();
    for script in
        ["exec $T plan >&-", "exec $T plan <&- >&- 2>&-", "exec $T plan 2>&-", "exec $T plan -vv 2> /dev/full"]
    {
        let output = shell(at, script);
        assert_eq!(output.status.code(), Some(0), "{script}: {}", said(&output));
    }
    let output = shell(at, "exec $T apply <&-");
    assert_eq!(output.status.code(), Some(5), "nobody can be asked: {}", said(&output));
    for words in ["plan", "lint", "apply -y", "schema"] {
        let output = shell(at, &format!("mkdir gone && cd gone && rmdir ../gone && exec $T {words}"));
        let code = ["schema", "plan", "apply -y", "lint"].iter().zip([0, 1, 1, 2]).find(|(name, _)| **name == words);
        let code = code.map_or(1, |(_, code)| code);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        assert!(code == 0 || said(&output).contains("tidegate.yaml"), "{words}: {}", said(&output));
    }
}

/// What the kernel lets a program open and not read, a link to itself, and a folder, wherever a file is named.
#[test]
fn files_that_cannot_be_read_are_named_with_the_reason() {
    let folder = folder();
    let at = folder.path();
    symlink("/proc/self/mem", at.join("unreadable")).expect("a link");
    symlink("loop", at.join("loop")).expect("a link to itself");
    std::fs::create_dir(at.join("deeper")).expect("a folder");
    for words in [
        "apply FILE",
        "plan --out FILE",
        "plan --var-file FILE",
        "plan -f FILE",
        "apply -y --cloud local:FILE",
        "lint --baseline FILE",
        "lint --config FILE",
        "run --ticks 1 --ledger FILE --speed max",
        "run --ticks 1 --speed max --listen 127.0.0.1:0 --token-file FILE",
    ] {
        for file in ["unreadable", "loop", "deeper"] {
            let words = words.replace("FILE", file);
            let output = shell(at, &format!("exec $T {words}"));
            let words = format!("{words}: {}", said(&output));
            assert!(matches!(output.status.code(), Some(1 | 2 | 5)), "{:?} {words}", output.status);
            assert!(!words.contains("unexpected argument"), "{words}");
            assert!(words.matches(file).count() > 1, "it does not name the file: {words}");
        }
    }
    assert!(at.join("unreadable").is_symlink() && at.join("loop").is_symlink(), "links stay what they are");
    symlink("deeper/real.json", at.join("linked")).expect("a link");
    std::fs::write(at.join("deeper/real.json"), "").expect("a file");
    let output = shell(at, "exec $T apply -y --cloud local:linked");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(at.join("linked").is_symlink(), "the link stays one");
    assert!(std::fs::metadata(at.join("deeper/real.json")).is_ok_and(|meta| meta.len() > 100), "its file is written");
}

/// Who may not read or write is told so, and what to do; of a folder that cannot be read nobody says what is in it.
#[test]
fn without_permission_the_remedy_is_about_permissions() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = folder();
    let at = folder.path();
    std::fs::create_dir(at.join("closed")).expect("a folder");
    let set = |name: &str, mode| {
        std::fs::set_permissions(at.join(name), std::fs::Permissions::from_mode(mode)).expect("they can be set");
    };
    // Where it was built others may not be let in.
    let (built, reachable) = (env!("CARGO_BIN_EXE_tidegate"), at.join("tidegate"));
    let copied = Command::new("install").args(["-m", "755", built]).arg(&reachable).status().expect("coreutils");
    assert!(copied.success(), "it can be copied");
    let says = |words: &str| {
        let mut command = program_at(&reachable, at);
        // Root may do everything.
        if std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0) {
            command.uid(65_534).gid(65_534);
        }
        let output = command.args(words.split(' ')).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{words}: {}", said(&output));
        said(&output)
    };
    set("", 0o755);
    set("closed", 0o000);
    let told = says("plan --cloud local:c.json -f closed");
    assert!(told.contains("Permission denied") && told.contains("1 mistake"), "{told}");
    assert!(!told.contains("there is no .yaml") && told.contains("you may not read it"), "{told}");
    for words in ["init closed/x.yaml", "demo --dir closed/demo", "plan --cloud local:c.json --out closed/p.json"] {
        let told = says(words);
        assert!(told.contains("Permission denied") && told.contains("help: you may not do that there"), "{told}");
    }
    set("closed", 0o755);
}

/// A link whose file is not there yet: the file is made where it leads, and the link stays one.
#[test]
fn what_is_written_goes_where_a_link_leads() {
    let folder = folder();
    let at = folder.path();
    std::fs::create_dir(at.join("real")).expect("a folder");
    for (nth, words) in [
        "plan --cloud local:c.json --out LINK",
        "apply -y --cloud local:LINK",
        "lint --format json=LINK",
        "lint --write-baseline LINK",
    ]
    .iter()
    .enumerate()
    {
        let (link, file) = (at.join(format!("link{nth}")), at.join(format!("real/{nth}.json")));
        symlink(format!("real/{nth}.json"), &link).expect("a link");
        let output = shell(at, &format!("exec $T {}", words.replace("LINK", &format!("link{nth}"))));
        assert!(link.is_symlink(), "{words}: {}", said(&output));
        assert!(file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0), "{words}: {}", said(&output));
    }
}

#[test]
fn the_log_has_colours_only_where_they_are_wanted() {
    let folder = folder();
    let log = |color: &str| {
        let mut command = program(folder.path());
        command.env_remove("NO_COLOR").env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        command.env("AWS_MAX_ATTEMPTS", "1").args(["drift", "-vv", "--endpoint-url", "http://127.0.0.1:1"]);
        let told = said(&command.args(color.split_whitespace()).output().expect("it starts"));
        assert!(told.contains("call failed"), "{told}");
        told.contains('\u{1b}')
    };
    // Standard error is no terminal here.
    assert_eq!(["", "--color never", "--color always"].map(log), [false, false, true]);
}

#[test]
fn variables_and_words_that_are_no_text_are_refused_or_left_alone() {
    let folder = folder();
    let none = OsStr::from_bytes(b"\xff\xfe");
    for name in ["HOME", "LANG", "LC_ALL", "TERM", "COLUMNS", "XDG_CONFIG_HOME", "AWS_PROFILE", "TIDEGATE_LOG", "OTHER"]
    {
        let mut command = program(folder.path());
        let output = command.args(["plan", "--cloud", "local:c.json"]).env(name, none).output().expect("it starts");
        assert!(matches!(output.status.code(), Some(0 | 1 | 2 | 5)), "{name}: {}", said(&output));
        said(&output);
    }
    for before in ["plan", "-f", "--var", "--cloud", "--out", "--region"] {
        let mut command = program(folder.path());
        command.args(["plan", "--cloud", "local:c.json"]).args((before != "plan").then_some(before)).arg(none);
        let output = command.output().expect("it starts");
        assert!(output.status.code().is_some_and(|code| code <= 5), "{before}: {}", said(&output));
        said(&output);
    }
}

/// The SDK would wait for ever for somebody who writes to them.
#[test]
fn named_pipes_in_the_place_of_files_of_aws_are_refused() {
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"] {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let mut command = program(folder.path());
        command.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "word").env(name, &pipe);
        let output = command.args(["plan", "--endpoint-url", "http://127.0.0.1:1"]).output().expect("it starts");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains("pipe is a named pipe"), "{name}: {said}");
    }
}

/// A value without a name may be nothing but the secret.
#[test]
fn a_variable_without_a_name_is_not_repeated() {
    for words in [["--var", "planted-word"], ["--var", "=planted-word"]] {
        let folder = folder();
        let output = program(folder.path()).arg("plan").args(words).output().expect("it starts");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("write NAME=VALUE") && !said.contains("planted"), "{said}");
    }
}

#[test]
fn keys_that_end_a_line_are_refused_by_their_name() {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        let folder = folder();
        let mut command = program(folder.path());
        command.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "word").env(name, "planted\n");
        let output = command.args(["plan", "--endpoint-url", "http://127.0.0.1:1"]).output().expect("it starts");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{name} has a line end")) && !said.contains("planted"), "{said}");
    }
}

/// No home, no settings, no credentials: it says what is missing, and does not look for a machine in EC2 for ever.
#[test]
fn an_account_without_any_settings_is_told_what_is_missing() {
    let folder = folder();
    let aws = ["plan", "--cloud", "aws", "--endpoint-url", "http://127.0.0.1:1"];
    let surroundings: [&[(&str, &str)]; 4] = [
        &[],
        &[("HOME", ""), ("AWS_PROFILE", "nobody")],
        &[("HOME", "/proc/self/mem")],
        &[("AWS_CONFIG_FILE", "."), ("AWS_SHARED_CREDENTIALS_FILE", "/proc/self/mem")],
    ];
    for surroundings in surroundings {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(folder.path()).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.envs(surroundings.iter().copied()).args(aws).output().expect("it starts");
        let words = said(&output);
        assert!(matches!(output.status.code(), Some(1 | 5)), "{surroundings:?}: {words}");
        assert!(words.contains("error: ") && words.contains("help: "), "{surroundings:?}: {words}");
        let named = ["credentials", "profile", "config", "AWS_CONFIG_FILE"];
        assert!(named.iter().any(|name| words.contains(name)), "{surroundings:?}: {words}");
    }
}

/// Of an authority that exists for this test alone.
const AUTHORITY: &str = include_str!("authority.pem");

/// As in an image whose base has no certificates. Nothing may be asked of anybody before that is told.
#[test]
fn without_root_certificates_it_says_so_before_any_call() {
    let folder = folder();
    let at = folder.path();
    std::fs::write(at.join("empty.pem"), "").expect("a file");
    std::fs::write(at.join("damaged.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("a file");
    std::fs::write(at.join("words.pem"), "no certificate\n").expect("a file");
    std::fs::write(at.join("authority.pem"), AUTHORITY).expect("a file");
    std::fs::create_dir(at.join("empty")).expect("a folder");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it need not wait");
    let port = listener.local_addr().expect("an address").port();
    let called = || listener.accept().is_ok();
    let run = |variables: &[(&str, &str)], words: &str| {
        let mut command = program(at);
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").env("AWS_MAX_ATTEMPTS", "1");
        command.envs(variables.iter().copied()).args(words.replace("PORT", &port.to_string()).split(' '));
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        (output.status.code(), said(&output))
    };
    let https = "plan --endpoint-url https://127.0.0.1:PORT";
    for (variables, place) in [
        (vec![("SSL_CERT_FILE", "empty.pem")], "SSL_CERT_FILE=empty.pem has no root certificate"),
        (vec![("SSL_CERT_FILE", "gone.pem")], "SSL_CERT_FILE=gone.pem has no root certificate"),
        (vec![("SSL_CERT_FILE", "damaged.pem")], "SSL_CERT_FILE=damaged.pem has no root certificate"),
        (vec![("SSL_CERT_DIR", "empty")], "SSL_CERT_DIR=empty has no root certificate"),
        (
            vec![("SSL_CERT_FILE", "empty.pem"), ("SSL_CERT_DIR", "empty")],
            "SSL_CERT_FILE=empty.pem and SSL_CERT_DIR=empty has no root certificate",
        ),
    ] {
        for words in [
            https,
            "run --ticks 1 --endpoint-url https://127.0.0.1:PORT",
            "plan",
            "import --stream s --region eu-west-1",
        ] {
            let (code, words) = run(&variables, words);
            assert!(
                code == Some(1) && words.contains("error: connecting to AWS: ") && words.contains(place),
                "{words}"
            );
            assert!(words.contains("ca-certificates") && words.contains("AWS_CA_BUNDLE"), "{words}");
        }
        let webhook = "run --cloud local:c.json --speed max --ticks 1 --notify https://127.0.0.1:PORT/secret";
        let (code, words) = run(&variables, webhook);
        assert!(code != Some(0) && words.contains("connecting to a webhook: ") && words.contains(place), "{words}");
        assert!(!called(), "{words}");
    }
    for (file, why) in [
        ("damaged.pem", "it holds no certificate that can be used"),
        ("words.pem", "it holds no PEM certificate"),
        ("gone.pem", "No such file"),
    ] {
        let (code, words) = run(&[("AWS_CA_BUNDLE", file)], https);
        assert!(code == Some(1) && words.contains("reading AWS_CA_BUNDLE: ") && words.contains(why), "{words}");
        assert!(!called(), "{words}");
    }
    // Who names an authority, or speaks to an emulator without HTTPS, needs none of the machine's.
    let empty = ("SSL_CERT_FILE", "empty.pem");
    drop(listener);
    for (variables, words) in [
        (vec![empty, ("AWS_CA_BUNDLE", "authority.pem")], https),
        (vec![("SSL_CERT_FILE", "authority.pem")], https),
        (vec![empty], "plan --endpoint-url http://127.0.0.1:PORT"),
    ] {
        let (code, words) = run(&variables, words);
        assert!(code == Some(1) && words.contains("no answer from AWS") && words.contains("refused"), "{words}");
    }
}
