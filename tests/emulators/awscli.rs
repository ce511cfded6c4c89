//! The AWS CLI, as somebody who knows nothing of ours.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::emulators::{ACCESS_KEY, REGION};
use crate::support::python;

/// Whoever talks to AWS here: where, and as whom.
#[derive(Clone)]
pub struct Session {
    pub url: String,
    pub ec2: String,
    pub kinesis: String,
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
}

/// What a command of the CLI answers; what it says where it fails.
type Answer = Result<Value, String>;

impl Session {
    /// Everything at one place.
    pub fn at(url: &str, key: &str) -> Self {
        let [url, ec2, kinesis] = [(); 3].map(|()| url.to_owned());
        Self { url, ec2, kinesis, key: key.into(), secret: ACCESS_KEY.into(), token: None }
    }

    fn env(&self, command: &mut Command) {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ENDPOINT_URL", &self.url).env("AWS_ENDPOINT_URL_EC2", &self.ec2);
        command.env("AWS_ENDPOINT_URL_KINESIS", &self.kinesis).env("AWS_DEFAULT_OUTPUT", "json");
        command.env("AWS_ACCESS_KEY_ID", &self.key).env("AWS_SECRET_ACCESS_KEY", &self.secret);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
        command.envs(self.token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)));
    }

    /// What the AWS CLI answers to each of these, in one process, since it takes a second to start.
    pub fn aws_all(&self, commands: &[String]) -> Vec<Answer> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulators/awscli.py");
        let mut python = Command::new(python::aws_cli().with_file_name("python"));
        self.env(&mut python);
        python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = python.spawn().expect("the AWS CLI starts");
        let mut words: Vec<Vec<&str>> = commands.iter().map(|words| words.split_whitespace().collect()).collect();
        // For SQS the CLI asks its oldest name, whatever the environment says.
        let queues = words.iter_mut().filter(|words| words.first() == Some(&"sqs"));
        queues.for_each(|words| words.extend(["--endpoint-url", &self.url]));
        let text = serde_json::to_vec(&words).expect("plain data");
        child.stdin.take().expect("a pipe").write_all(&text).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
        assert_eq!(answers.len(), commands.len());
        let told = |(words, answer): (&String, &Value)| {
            let text = |name: &str| answer[name].as_str().unwrap_or_default();
            if answer["code"] != 0 {
                return Err(format!("aws {words}: {}{}", text("said"), text("wrong")));
            }
            let said = text("said").trim();
            Ok(if said.is_empty() { Value::Null } else { serde_json::from_str(said).expect("JSON") })
        };
        commands.iter().zip(&answers).map(told).collect()
    }

    /// The same where all must succeed.
    pub fn read_all<const N: usize>(&self, commands: [&str; N]) -> [Value; N] {
        let commands = commands.map(str::to_owned);
        let mut answers = self.aws_all(&commands).into_iter();
        commands.map(|_| answers.next().expect("an answer to each").unwrap_or_else(|why| panic!("{why}")))
    }

    pub fn aws(&self, words: &str) -> Answer {
        self.aws_all(&[words.to_owned()]).remove(0)
    }

    pub fn read(&self, words: &str) -> Value {
        self.aws(words).unwrap_or_else(|why| panic!("{why}"))
    }

    pub fn tidegate(&self, folder: &Path, words: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        self.env(&mut command);
        let output = command.env("HOME", folder).current_dir(folder).args(words).stdin(Stdio::null()).output();
        let output = output.expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
    }

    /// The same place, as this role.
    pub fn assuming(&self, role: &str) -> Self {
        let answer = self.read(&format!("sts assume-role --role-arn {role} --role-session-name test"));
        let text = |name: &str| answer["Credentials"][name].as_str().expect("credentials").to_owned();
        Self {
            key: text("AccessKeyId"),
            secret: text("SecretAccessKey"),
            token: Some(text("SessionToken")),
            ..self.clone()
        }
    }
}
