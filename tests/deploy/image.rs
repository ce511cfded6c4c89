//! The image: its last stage is built as it stands over a base made from this machine's libc, and started without rights.
//! The first stage compiles, which the network and twenty minutes are needed for; here it is what the tests compiled already.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::control::{lines, put_load, resizes};
use crate::serve::running::ask;
use crate::support::emulators;

const SPEC: &str = "apiVersion: tidegate/v1
pipeline: shop
region: eu-west-1
alarms: { off: true }
streams:
  clicks: { capacity: { mode: provisioned, shards: { min: 2, max: 64 } } }
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Dockerfile before the first stage, the first stage, and the last.
fn stages() -> [String; 3] {
    let text = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    let parts: Vec<&str> = text.split("\nFROM ").collect();
    let [head, build, last] = parts[..] else { panic!("two stages are expected:\n{text}") };
    [head.to_owned(), build.to_owned(), last.to_owned()]
}

/// A store of images that goes with the test.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let found = Command::new("buildah").arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(found, "buildah, which this test needs: install the Debian package buildah");
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn buildah(&self, args: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command
            .arg("--root")
            .arg(self.folder.path().join("store"))
            .arg("--runroot")
            .arg(self.folder.path().join("run"));
        command.args(["--storage-driver", "vfs"]).args(args).env("BUILDAH_ISOLATION", "chroot").stdin(Stdio::null());
        command
    }

    fn says(&self, args: &[&str]) -> String {
        let output = self.buildah(args).output().expect("it starts");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn build(&self, dockerfile: &str, context: &Path, tag: &str, more: &[&str]) {
        let file = self.folder.path().join(format!("{tag}.dockerfile"));
        fs::write(&file, dockerfile).expect("it can be written");
        let (file, context) = (file.display().to_string(), context.display().to_string());
        let args =
            [&["bud", "--format", "docker", "--pull-never", "-t", tag, "-f", &file][..], more, &[&context]].concat();
        self.says(&args);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.buildah(&["rm", "--all"]).output();
    }
}

/// The program with the libraries that it names, and nothing else.
fn libc(program: &Path, into: &Path) {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8(output.stdout).expect("text");
    for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
        let to = into.join(library.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a folder")).expect("it can be made");
        fs::copy(library, to).expect("it can be copied");
    }
}

/// A run of the image that ends with the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // The program is a child of buildah's child: all of them are one group.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
}

fn image(store: &Store) {
    let context = store.folder.path().join("context");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tidegate"));
    libc(&program, &context.join("base"));
    fs::create_dir_all(context.join("base/var/lib")).expect("a folder, as every system has it");
    // Whom to trust is the base's as well; without it no call of AWS is made.
    let trusted = "etc/ssl/certs/ca-certificates.crt";
    fs::create_dir_all(context.join("base/etc/ssl/certs")).expect("a folder");
    fs::copy(Path::new("/").join(trusted), context.join("base").join(trusted))
        .expect("Debian's package ca-certificates, which this test needs");
    let built = context.join("built/src/target/release");
    fs::create_dir_all(&built).expect("a folder");
    fs::create_dir_all(context.join("built/empty")).expect("a folder");
    fs::copy(&program, built.join("tidegate")).expect("the program can be copied");
    store.build("FROM scratch\nCOPY base/ /\n", &context, "base", &[]);
    let [head, _, last] = stages();
    let dockerfile = format!("{head}\nFROM scratch AS build\nCOPY built/ /\n\nFROM {last}");
    store.build(&dockerfile, &context, "tidegate", &["--build-arg", "RUNTIME=localhost/base"]);
}

/// The container sizes a stream of an emulator by CloudWatch's metrics of another.
fn resizes_a_real_stream(store: &Store, container: &str) {
    let (account, stream) = ("510000000033", format!("contained-{}", std::process::id()));
    let specs = store.folder.path().join("real");
    fs::create_dir_all(&specs).expect("a folder");
    fs::set_permissions(&specs, fs::Permissions::from_mode(0o755)).expect("others may read it");
    let spec =
        SPEC.replace("pipeline: shop", "pipeline: contained\ndefaults: { key: none }").replace("clicks", &stream);
    fs::write(specs.join("tidegate.yaml"), spec).expect("a spec");
    let mount = format!("{}:/specs:ro", specs.display());
    let given = emulators::ministack().env().into_iter().filter(|(key, _)| *key != "AWS_ACCESS_KEY_ID");
    let mut env: Vec<String> = given.map(|(key, value)| format!("{key}={value}")).collect();
    env.push(format!("AWS_ACCESS_KEY_ID={account}"));
    env.push(format!("AWS_ENDPOINT_URL_KINESIS={}", emulators::kinesis_local().url));
    env.push(format!("TIDEGATE_LISTEN={}", free_port()));
    let says = |args: &[&str]| {
        let mut given = vec!["run", "--isolation", "chroot", "-v", &mount];
        env.iter().for_each(|pair| given.extend(["--env", pair]));
        given.extend([container, "tidegate"]);
        let output = store.buildah(&[&given[..], args].concat()).output().expect("it starts");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    says(&["apply", "-y", "-q", "--file", "/specs"]);
    put_load(account, &stream, 5.0);
    let run =
        ["run", "--file", "/specs", "--ledger", "/var/lib/tidegate/real", "--json", "--tick", "2s", "--ticks", "10"];
    let events = lines(&says(&run));
    let grown = resizes(&events);
    let first = grown.first().unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!((&first["from"], &first["to"], &first["outcome"]), (&2.into(), &4.into(), &"accepted".into()));
    assert!(events.iter().any(|event| event["verb"] == "settled" && event["to"] == 4), "{events:#?}");
    says(&["destroy", "-y", "-q", "--file", "/specs", "--allow-data-loss", &format!("stream/{stream}")]);
}

#[test]
fn the_image_runs_without_rights_and_tells_its_health() {
    let store = Store::new();
    image(&store);
    let inspected: Value =
        serde_json::from_str(&store.says(&["inspect", "--type", "image", "tidegate"])).expect("JSON");
    let config = &inspected["Docker"]["config"];
    assert_eq!((&config["User"], &config["Entrypoint"][0]), (&"10001:10001".into(), &"tidegate".into()));
    let words = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|word| word.as_str().expect("text").to_owned()).collect()
    };
    let check = words(&config["Healthcheck"]["Test"]);
    assert_eq!(check[..2], ["CMD", "tidegate"]);
    let container = store.says(&["from", "--pull-never", "tidegate"]).trim().to_owned();
    let specs = store.folder.path().join("specs");
    fs::create_dir_all(&specs).expect("a folder");
    fs::write(specs.join("tidegate.yaml"), SPEC).expect("a spec");
    for folder in [store.folder.path(), &specs] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("others may read it");
    }
    let address = free_port();
    let (mount, listen) = (format!("{}:/specs:ro", specs.display()), format!("TIDEGATE_LISTEN={address}"));
    let inside = |args: &[&str]| {
        let given = ["run", "--isolation", "chroot", "-v", &mount, "--env", &listen, &container];
        store.buildah(&[&given[..], args].concat())
    };
    let cloud = ["--cloud", "local:/var/lib/tidegate/cloud.json"];
    let applied = inside(&[&["tidegate", "apply", "-y", "-q", "--file", "/specs"][..], &cloud].concat()).output();
    let applied = applied.expect("it starts");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let command = words(&config["Cmd"]);
    let command: Vec<&str> = ["tidegate"].into_iter().chain(command.iter().map(String::as_str)).chain(cloud).collect();
    let health: Vec<&str> = check[1..].iter().map(String::as_str).collect();
    assert!(!inside(&health).output().expect("it starts").status.success(), "nobody runs yet");
    let mut started = inside(&[&command[..], &["--speed", "60"]].concat());
    let started = Started(started.stdout(Stdio::null()).process_group(0).spawn().expect("it starts"));
    let (began, until) = (Instant::now(), Instant::now() + Duration::from_secs(60));
    while !inside(&[&health[..], &["--ready"]].concat()).output().expect("it starts").status.success() {
        assert!(Instant::now() < until, "it never became ready");
        std::thread::sleep(Duration::from_millis(100));
    }
    // The check is a container's start as well.
    println!("ready {:.1} s after the start of the container", began.elapsed().as_secs_f64());
    let healthy = inside(&health).output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&healthy.stdout).get(..4), Some("ok: "));
    assert_eq!(ask(&address, "GET", "/", &[]).status, 200);
    drop(started);
    resizes_a_real_stream(&store, &container);
    // It wrote where it may, and nowhere else: everything outside its volume is the image's.
    let mounted = store.says(&["mount", &container]);
    let found = Command::new("find").arg(mounted.trim()).args(["-uid", "10001"]).output().expect("find");
    let found = String::from_utf8(found.stdout).expect("text");
    let outside: Vec<&str> = found.lines().filter(|path| !path.contains("/var/lib/tidegate")).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn the_first_stage_has_all_that_cargo_asks_for() {
    let [_, build, _] = stages();
    let folder = tempfile::tempdir().expect("a folder");
    let mut copied = Vec::new();
    for line in build.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let (sources, _) = line.rsplit_once(' ').expect("a target");
        for source in sources.split(' ') {
            symlink(root().join(source), folder.path().join(source)).expect("a link");
            assert!(root().join(source).exists(), "{source}");
            copied.push(source.to_owned());
        }
    }
    let run = build.split("RUN ").find(|run| run.contains("cargo build")).expect("the build").replace("\\\n", " ");
    let (stubs, _) = run.split_once("&& cargo build").expect("what goes before");
    let made = Command::new("sh").args(["-c", stubs]).current_dir(folder.path()).status().expect("sh");
    assert!(made.success(), "{stubs}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]).current_dir(folder.path());
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What the sources take in from beside `src`.
    let mut folders = vec![root().join("src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                // Inline tests stand last in a file.
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for taken in code.split("include_str!(").skip(1) {
                    let Some((_, beside)) = taken.split(')').next().and_then(|name| name.rsplit_once("../../")) else {
                        continue;
                    };
                    let name = beside.split(['/', '"']).next().unwrap_or_default();
                    seen += 1;
                    assert!(copied.iter().any(|copied| copied == name), "{}: {name} is not copied", path.display());
                }
            }
        }
    }
    assert!(seen > 0, "the built-in policies at least");
}
