//! The corpus of mistakes: each input in `*.txt` with the words that a person reads. `UPDATE=1 cargo test hostile`
//! writes the words anew; whoever does that reads them.
//!
//! A case begins with `## `. `$ ` is a command line (without one: `$ plan`), `! ` changes a file between two of them, and
//! `--- NAME` begins a file; `...` as its first line stands for a version and a name. What the last command says stands
//! behind `===> EXIT`, its errors before its results.

use std::path::Path;
use std::process::{Command, Output};

/// What nobody wants to write again in each file.
const HEAD: &str = "apiVersion: tidegate/v1\npipeline: shop\n";
const SAYS: &str = "===> ";

#[derive(Default)]
struct Case {
    title: String,
    /// As it is written, without what it says.
    input: String,
    steps: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    expected: String,
}

impl Case {
    fn read(text: &str) -> Self {
        let (title, body) = text.split_once('\n').unwrap_or((text, ""));
        let at = body.find(SAYS).unwrap_or(body.len());
        let (input, says) = body.split_at(at);
        let mut case = Self { title: title.into(), input: input.trim_end().into(), ..Self::default() };
        let mut file: Option<(String, String)> = None;
        for line in case.input.clone().lines() {
            if let Some(name) = line.strip_prefix("--- ") {
                case.end(file.replace((name.into(), String::new())));
            } else if let Some((_, text)) = &mut file {
                text.push_str(if line == "..." && text.is_empty() { HEAD.trim_end() } else { line });
                text.push('\n');
            } else if !line.is_empty() {
                case.steps.push(line.into());
            }
        }
        case.end(file);
        if case.steps.is_empty() {
            case.steps.push("$ plan".into());
        }
        case.expected = says.trim_end().into();
        case
    }

    fn end(&mut self, file: Option<(String, String)>) {
        let Some((name, text)) = file else { return };
        match name.strip_suffix(" escaped") {
            Some(name) => self.files.push((name.into(), unescaped(text.trim_end()))),
            None => self.files.push((name, text.into_bytes())),
        }
    }

    /// What the last command says.
    fn said(&self) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        for (name, bytes) in &self.files {
            let path = at.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        let mut last = None;
        for step in &self.steps {
            match step.split_at(1) {
                ("$", words) => last = Some(run(at, words)),
                ("!", words) => change(at, words.trim()),
                _ => panic!("{}: `{step}` is no step", self.title),
            }
        }
        let output = last.unwrap_or_else(|| panic!("{}: no command", self.title));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let (errors, results) = (text(&output.stderr), text(&output.stdout));
        assert!(!errors.contains("panicked"), "{}: {errors}", self.title);
        let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let said = format!("{SAYS}{code}\n{errors}{results}");
        said.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    fn text(&self) -> String {
        format!("## {}\n{}\n{}\n", self.title, self.input, self.expected).replace("\n\n===>", "\n===>")
    }
}

fn run(at: &Path, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(at).env_clear().env("HOME", at).env("NO_COLOR", "1").env("COLUMNS", "100");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TIDEGATE_CLOUD", "local:cloud.json");
    // Lint would find the repository that the temporary folder may lie in.
    command.env("GIT_CEILING_DIRECTORIES", at.parent().unwrap_or(at)).stdin(std::process::Stdio::null());
    command.args(words.split_whitespace()).output().expect("the program starts")
}

/// `edit FILE THIS => THAT` or `cut FILE BYTES`.
fn change(at: &Path, words: &str) {
    let (verb, rest) = words.split_once(' ').expect("a verb");
    let (file, rest) = rest.split_once(' ').expect("a file");
    let path = at.join(file);
    let text = std::fs::read_to_string(&path).expect("the file can be read");
    let changed = match verb {
        "edit" => {
            let (this, that) = rest.split_once(" => ").expect("this => that");
            assert!(text.contains(this), "`{this}` is not in {file}");
            text.replace(this, that)
        }
        "cut" => text[..rest.parse().expect("a number of bytes")].to_owned(),
        _ => panic!("`{verb}` is no change"),
    };
    std::fs::write(path, changed).expect("the file can be written");
}

/// `\n`, `\xNN` and `\u{N}` as the bytes that they stand for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (kind, after) = after.split_at(1);
        rest = match kind {
            "n" => {
                bytes.push(b'\n');
                after
            }
            "x" => {
                bytes.push(u8::from_str_radix(&after[..2], 16).expect("two digits"));
                &after[2..]
            }
            "u" => {
                let (code, after) = after[1..].split_once('}').expect("a brace");
                let c = char::from_u32(u32::from_str_radix(code, 16).expect("a number")).expect("a character");
                bytes.extend_from_slice(c.to_string().as_bytes());
                after
            }
            _ => panic!("`\\{kind}` is no escape"),
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Answers how many cases a file has and those whose words differ.
fn check(path: &Path) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(path).expect("the corpus can be read");
    let mut parts = text.split("\n## ");
    let about = parts.next().unwrap_or_default().trim_end().to_owned();
    let mut cases: Vec<Case> = parts.map(Case::read).collect();
    let half = cases.len().div_ceil(2);
    let said: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = cases
            .chunks(half.max(1))
            .map(|part| scope.spawn(move || part.iter().map(Case::said).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a case ends")).collect()
    });
    let mut wrong = Vec::new();
    for (case, said) in cases.iter_mut().zip(said) {
        if case.expected != said {
            wrong.push(format!("{}: {}\n{said}\n", path.display(), case.title));
            case.expected = said;
        }
    }
    if std::env::var_os("UPDATE").is_some() && !wrong.is_empty() {
        let cases: Vec<String> = cases.iter().map(Case::text).collect();
        std::fs::write(path, format!("{about}\n\n{}", cases.join("\n"))).expect("the corpus can be written");
    }
    (cases.len(), wrong)
}

#[test]
fn every_mistake_is_told_as_it_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for path in paths {
        let (cases, differ) = check(&path);
        count += cases;
        wrong.extend(differ);
    }
    println!("{count} broken inputs");
    assert!(count >= 150, "{count}");
    assert!(wrong.is_empty() || std::env::var_os("UPDATE").is_some(), "{}", wrong.join("\n"));
}
