//! Stories: scripts that a person can read, played by the real program on several clouds with one expected text.
//!
//! ```text
//! # What it is about, and why.
//! on: local kinesis-local            the clouds it is played on
//!
//! --- spec                           the following lines become tidegate.yaml (`--- file NAME`: another file)
//! ## A remark for the reader.
//! $ plan --detailed-exitcode         `tidegate plan …`, then what it says; `[exit 2]` where that is not 0
//! --- edit shards: 2 => shards: 10   in tidegate.yaml (`--- edit in NAME …`: in another file); `\n` is a new line
//! --- by hand stream clicks retention 48h    somebody changes it behind our back (see `cloud.rs`)
//! --- save plan.yaml                 the last command's standard output becomes a file
//! --- later 25h                      time passes (local cloud only)
//! ```
//!
//! `UPDATE=1 cargo test stories` writes what was said into the stories: read the difference before committing it.

mod cloud;
mod examples;
mod text;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloud::Cloud;

macro_rules! stories {
    ($($story:ident)*) => {
        $( #[test] fn $story() { play(stringify!($story)); } )*
        const STORIES: &[&str] = &[$(stringify!($story)),*];
    };
}

stories! {
    a_key_outlives_what_it_encrypts
    access
    adopt_a_stream
    adopt_an_endpoint
    adopt_buckets_and_roles
    alarms
    archives
    change_keys
    consumers_and_shares
    data_loss_needs_a_word
    destroy_leaves_nothing
    drift_is_found_and_healed
    endpoints
    exit_codes
    first_stream
    fixed_to_range_and_back
    foreign_streams_are_left_alone
    grow_and_shrink
    grow_and_shrink_over_true_states
    import_a_stream
    import_with_consumers_and_shares
    mistakes_all_at_once
    quota_of_resizes
    readers_hold_a_stream
    removed_from_the_spec
    rename_a_block
    rename_a_stream
    resizes_by_others_count
    retention_up_and_down
    saved_plans
    saved_plans_know_new_readers
    shard_metrics_of_the_autoscaler
    switch_modes
    switch_modes_with_a_range
    tags_come_and_go
    two_pipelines
    whole_pipeline
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories")
}

#[test]
fn every_story_is_played() {
    let files = std::fs::read_dir(folder()).expect("the stories can be listed");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let mut found: Vec<String> = names.filter_map(|name| name.strip_suffix(".txt").map(str::to_owned)).collect();
    found.sort();
    assert_eq!(found, STORIES, "tests/stories/mod.rs names every file of the folder, sorted");
}

/// One command, directive or remark with the lines below it.
#[derive(Clone)]
struct Block {
    line: usize,
    head: String,
    body: Vec<String>,
}

impl Block {
    fn is_command(&self) -> bool {
        self.head.starts_with("$ ")
    }
}

struct Story {
    file: PathBuf,
    header: Vec<String>,
    blocks: Vec<Block>,
}

impl Story {
    fn read(name: &str) -> Self {
        let file = folder().join(format!("{name}.txt"));
        let text = std::fs::read_to_string(&file).expect("the story can be read");
        let (mut header, mut blocks) = (Vec::new(), Vec::<Block>::new());
        for (at, line) in text.lines().enumerate() {
            let begins = ["$ ", "--- ", "## "].iter().any(|mark| line.starts_with(mark));
            match blocks.last_mut() {
                _ if begins => blocks.push(Block { line: at + 1, head: line.to_owned(), body: Vec::new() }),
                Some(block) => block.body.push(line.to_owned()),
                None => header.push(line.to_owned()),
            }
        }
        Self { file, header, blocks }
    }

    fn clouds(&self) -> Vec<Cloud> {
        let on = self.header.iter().find_map(|line| line.strip_prefix("on: ")).expect("a story says `on: CLOUD…`");
        on.split_whitespace().map(Cloud::named).collect()
    }

    fn write(&self) {
        let mut text = self.header.join("\n") + "\n";
        for block in &self.blocks {
            let mut body = block.body.clone();
            while body.last().is_some_and(String::is_empty) {
                body.pop();
            }
            let _ = writeln!(text, "{}", block.head);
            body.iter().for_each(|line| text += &format!("{line}\n"));
            // A block that stands alone keeps to the next one.
            if block.is_command() || block.body.last().is_some_and(String::is_empty) {
                text.push('\n');
            }
        }
        std::fs::write(&self.file, text.trim_end().to_owned() + "\n").expect("the story can be written");
    }
}

fn play(name: &str) {
    let mut story = Story::read(name);
    let mut clouds = story.clouds();
    if std::env::var_os("UPDATE").is_some() {
        for (at, said) in tell(&story, &mut clouds[0]) {
            story.blocks[at].body = said.lines().map(str::to_owned).collect();
        }
        story.write();
    }
    let story = &story;
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = clouds.iter_mut().map(|cloud| scope.spawn(move || compare(story, cloud))).collect();
        runs.into_iter()
            .filter_map(|run| run.join().unwrap_or_else(|_| Some("it panicked, see above".into())))
            .collect()
    });
    assert!(wrong.is_empty(), "{}\nIf that is right: UPDATE=1 cargo test stories", wrong.join("\n"));
}

/// The first command that says something else than the story.
fn compare(story: &Story, cloud: &mut Cloud) -> Option<String> {
    for (at, said) in tell(story, cloud) {
        let block = &story.blocks[at];
        let expected = block.body.join("\n");
        if expected.trim_matches('\n') != said {
            let file = story.file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&story.file).display();
            let difference = text::difference(expected.trim_matches('\n'), &said);
            return Some(format!("{file}:{}: on {} `{}` says\n{difference}", block.line, cloud.name, block.head));
        }
    }
    None
}

/// Plays a story in a folder and an account of its own; answers what each command said.
fn tell(story: &Story, cloud: &mut Cloud) -> Vec<(usize, String)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    cloud.begin(folder.path());
    let mut said = Vec::new();
    let mut last = String::new();
    for (at, block) in story.blocks.iter().enumerate() {
        let place = || format!("{}:{}: {}", story.file.display(), block.line, block.head);
        if let Some(command) = block.head.strip_prefix("$ ") {
            let (stdout, all) = run(command, cloud, folder.path());
            last = stdout;
            said.push((at, text::normal(&cloud.plain(&all), &cloud.account)));
        } else if let Some(directive) = block.head.strip_prefix("--- ") {
            direct(directive, block, cloud, folder.path(), &last).unwrap_or_else(|why| panic!("{}\n{why}", place()));
        }
    }
    said
}

fn direct(directive: &str, block: &Block, cloud: &Cloud, folder: &Path, last: &str) -> Result<(), String> {
    let words: Vec<&str> = directive.split_whitespace().collect();
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(|error| error.to_string())?;
        std::fs::write(file, text).map_err(|error| error.to_string())
    };
    match words.as_slice() {
        ["spec"] => write("tidegate.yaml", &(block.body.join("\n").trim_end().to_owned() + "\n")),
        ["file", name] => write(name, &(block.body.join("\n").trim_end().to_owned() + "\n")),
        ["save", name] => write(name, last),
        ["edit", ..] => {
            let rest = directive.trim_start_matches("edit ");
            let (name, rest) = match rest.strip_prefix("in ").and_then(|rest| rest.split_once(' ')) {
                Some((name, rest)) => (name, rest),
                None => ("tidegate.yaml", rest),
            };
            let (from, to) = rest.split_once(" =>").ok_or("write `edit OLD => NEW`")?;
            let (from, to) = (from.replace("\\n", "\n"), to.strip_prefix(' ').unwrap_or(to).replace("\\n", "\n"));
            let text = std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())?;
            let times = text.matches(&from).count();
            if times != 1 {
                return Err(format!("`{from}` is {times} times in {name}:\n{text}"));
            }
            write(name, &text.replace(&from, &to))
        }
        ["by", "hand", rest @ ..] => cloud.by_hand(rest),
        ["later", time] => cloud.later(time),
        _ => Err("nobody knows this directive".into()),
    }
}

/// Runs the program; answers its standard output, and everything it said with the exit code.
fn run(line: &str, cloud: &Cloud, folder: &Path) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).env_clear().envs(cloud.env()).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.env("HOME", folder).stdin(std::process::Stdio::null());
    // Names of variables are written in capitals, commands are not.
    let is_variable = |word: &&str| word.contains('=') && word.starts_with(|c: char| c.is_ascii_uppercase());
    command.envs(line.split_whitespace().take_while(is_variable).filter_map(|word| word.split_once('=')));
    command.args(line.split_whitespace().skip_while(is_variable));
    let output = command.output().expect("the program starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let mut all = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        let code = output.status.code().map_or_else(|| "by a signal".into(), |code| code.to_string());
        all = format!("{}\n[exit {code}]\n", all.trim_end());
    }
    (stdout, all)
}
