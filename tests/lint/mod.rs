//! `tidegate lint` and `tidegate policy` as a build server and a person use them.

mod action;
mod docs;
mod formats;
mod gitlab;
mod memory;
mod own_policies;
mod team;

use std::path::Path;
use std::process::{Command, Output};

/// A folder of files and the program in it.
pub struct Place(tempfile::TempDir);

impl Place {
    /// A folder with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn run(&self, command: &str) -> Run {
        Run::of(self.program(command).output().unwrap())
    }

    /// The same with a text on standard input.
    pub fn run_with(&self, command: &str, text: &str) -> Run {
        self.write("stdin", text);
        let stdin = std::fs::File::open(self.path().join("stdin")).unwrap();
        Run::of(self.program(command).stdin(stdin).output().unwrap())
    }

    fn program(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        // No credentials: lint asks for none.
        program.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        program.current_dir(self.path()).args(command.split_whitespace());
        program
    }

    pub fn git(&self, command: &str) {
        let mut git = Command::new("git");
        git.current_dir(self.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        let output = git.args(command.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "git {command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The ids of what was found, from `--format json`.
    pub fn rules(&self) -> Vec<String> {
        let json: serde_json::Value = serde_json::from_str(&self.out).unwrap();
        let findings = json["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    }
}

pub const BAD: &str = "apiVersion: tidegate/v1\npipeline: demo\nstreams:\n  clicks:\n    encryption: { key: none }\n";

/// The YAML of the README that follows a line which begins so.
pub fn from_readme(line: &str) -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("\n{line}")).expect(line);
    let (_, rest) = rest.split_once("```yaml\n").expect(line);
    rest.split_once("```").expect(line).0.to_owned()
}

#[test]
fn exit_codes_are_those_of_linters() {
    let clean = "apiVersion: tidegate/v1\npipeline: demo\ntags: { team: web }\nalarms: { off: true }\nstreams: {}\n";
    let place = Place::with(&[
        ("clean.yaml", clean),
        ("bad.yaml", BAD),
        ("broken.yaml", "apiVersion: tidegate/v1\npipeline: demo\nstreams: { a: { retentoin: 24h } }\n"),
        ("slow/slow.rego", "package tidegate.slow\ndeny contains \"x\" if { numbers.range(1, 10)[_] == y }\n"),
    ]);
    let code = |command: &str| place.run(command).code;
    assert_eq!(code("lint clean.yaml"), 0);
    assert_eq!(code("lint bad.yaml"), 1);
    assert_eq!(code("lint bad.yaml --exit-zero"), 0);
    assert_eq!(code("lint bad.yaml --select cost"), 0);
    assert_eq!(code("lint bad.yaml --select CKV_AWS_43 --fail-on error"), 1);
    for wrong in [
        "lint broken.yaml",
        "lint nothing.yaml",
        "lint --nonsense",
        "lint bad.yaml --select nonsense",
        "lint broken.yaml --exit-zero",
    ] {
        assert_eq!(code(wrong), 2, "{wrong}");
    }
    for format in ["human", "json", "sarif", "junit", "github", "markdown"] {
        let run = place.run(&format!("lint clean.yaml --policies slow --format {format}"));
        assert_eq!(run.code, 3, "{format} does not swallow a policy that fails: {}", run.err);
        assert!(run.err.contains("slow.rego:2:"), "{}", run.err);
    }
}

#[test]
fn nothing_swallows_a_policy_that_failed() {
    let broken = "package a\np := [\n";
    let place = Place::with(&[("a.yaml", BAD), ("policies/broken.rego", broken)]);
    for command in [
        "lint a.yaml --exit-zero",
        "lint a.yaml --diff",
        "lint --list-rules",
        "lint --explain stream-unencrypted",
        "lint --explain broken",
        "lint a.yaml --since nowhere",
        "lint a.yaml --format sarif=nowhere/x.sarif",
        "lint a.yaml --write-baseline nowhere/x.json",
    ] {
        let run = place.run(command);
        assert_eq!(run.code, 3, "{command}: {}", run.err);
        assert!(run.err.contains("policies/broken.rego:3:1"), "{command}: {}", run.err);
    }
}

#[test]
fn what_cannot_be_written_is_no_finding() {
    let place = Place::with(&[("a.yaml", BAD)]);
    let run = place.run("lint a.yaml --format sarif=nowhere/x.sarif --format json=there.json");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("nowhere/x.sarif"), "{}", run.err);
    assert!(place.read("there.json").contains("stream-unencrypted"), "the other forms are written");
    assert_eq!(place.run("lint a.yaml --write-baseline nowhere/x.json").code, 2);
    place.write("b.yaml", "apiVersion: tidegate/v1\npipeline: demo\nstreams: { a: { retentoin: 24h } }\n");
    let run = place.run("lint a.yaml b.yaml --diff");
    assert_eq!(run.code, 2, "a spec with mistakes is not mended, and that is told");
    assert!(run.out.starts_with("--- a/a.yaml") && run.err.contains("b.yaml: "), "{}{}", run.out, run.err);
}

#[test]
fn files_that_cannot_be_read_are_told_and_the_others_judged() {
    let place = Place::with(&[("all/a.yaml", BAD), ("all/chart.yaml", "kind: List\n")]);
    let write = |name: &str, bytes: &[u8]| std::fs::write(place.path().join(name), bytes).unwrap();
    write("all/chart.yaml", b"kind: Secret\n# \xFF\n");
    write("all/large.yaml", format!("kind: List\n{}", "# more\n".repeat(700_000)).as_bytes());
    let run = place.run("lint all --format json --select stream-unencrypted");
    assert_eq!(
        (run.rules(), run.code),
        (vec!["stream-unencrypted".to_owned()], 1),
        "other programs' files are left alone"
    );
    write("all/wide.yaml", b"apiVersion: tidegate/v1\n# \xFF\n");
    let run = place.run("lint all --format json --select stream-unencrypted --format junit=out.xml --format sarif=out.sarif --format github=out.txt --format markdown=out.md");
    assert_eq!((run.rules(), run.code), (vec!["stream-unencrypted".to_owned(), "not-utf8".to_owned()], 2));
    for form in ["out.xml", "out.sarif", "out.txt", "out.md"] {
        assert!(place.read(form).contains("all/wide.yaml"), "{form}");
    }
    assert!(place.run("lint all").out.contains("--> all/wide.yaml"));
    assert_eq!(place.run("lint all/chart.yaml --format json").rules(), ["not-utf8"], "what is named is read");
}

#[test]
fn paths_are_relative_to_where_one_stands() {
    let place = Place::with(&[("specs/a.yaml", BAD), ("elsewhere/x.txt", "")]);
    let whole = place.path().join("specs").display().to_string();
    let uri = |from: &str, path: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        program.current_dir(place.path().join(from));
        let run = Run::of(
            program.args(["lint", path, "--select", "stream-unencrypted", "--format", "json"]).output().unwrap(),
        );
        let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        json["findings"][0]["file"].as_str().unwrap().to_owned()
    };
    assert_eq!(uri("", &whole), "specs/a.yaml");
    assert_eq!(uri("", "./specs/../specs//a.yaml"), "specs/a.yaml");
    assert_eq!(uri("specs", "../specs/a.yaml"), "a.yaml");
    assert_eq!(uri("elsewhere", &whole), "../specs/a.yaml");
}

#[test]
fn mistakes_of_the_spec_are_told_in_every_form() {
    let place =
        Place::with(&[("a.yaml", "apiVersion: tidegate/v1\npipeline: demo\nstreams: { a: { retentoin: 24h } }\n")]);
    assert_eq!(place.run("lint a.yaml --format json").rules(), ["unknown-field"]);
    assert!(
        place
            .run("lint a.yaml --format github")
            .out
            .starts_with("::error file=a.yaml,line=3,endLine=3,col=17,endColumn=26,title=unknown-field::")
    );
    assert!(place.run("lint a.yaml").out.contains("did you mean `retention`?"));
}

#[test]
fn folders_are_searched_for_specs_only() {
    let place =
        Place::with(&[("all/a.yaml", BAD), ("all/deeper/b.yaml", BAD), ("all/other.yaml", "kind: Deployment\n")]);
    let run = place.run("lint all --format json --select stream-unencrypted");
    assert_eq!(run.rules(), ["stream-unencrypted", "stream-unencrypted"]);
    let run = place.run("lint all all/a.yaml all/deeper --format json --select stream-unencrypted");
    assert_eq!(run.rules().len(), 2, "each file is judged once");
    assert_eq!(place.run("lint all/other.yaml").code, 2, "what is named is read");
}
