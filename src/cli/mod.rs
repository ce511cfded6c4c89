//! The commands. One file each: its arguments, whose doc comments are the help, and what it does.

mod advise;
mod apply;
mod bench;
mod demo;
mod destroy;
mod drift;
mod example;
mod exit;
mod failure;
mod files;
mod fleet;
mod hand;
mod health;
mod iam;
mod import;
mod init;
mod ledger;
mod lint;
mod listen;
mod live;
mod local;
mod log;
mod out;
mod outputs;
mod plan;
mod planfile;
mod policy;
mod progress;
mod run;
mod schema;
mod session;
mod shell;
mod signals;
mod simulate;
mod start;
mod status;
mod terms;
mod text;
mod vars;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use failure::Failure;
pub use out::Out;
pub use planfile::parse as parse_plan;
pub use schema::text as schema_text;
pub use session::{Common, Job};
pub use text::{look_further, read as read_spec};

/// One YAML file for a whole Amazon Kinesis pipeline: plan it, apply it, see what has drifted.
///
/// There is no state file: what belongs to a pipeline carries its tags. Without an AWS account try `tidegate demo`.
#[derive(Parser)]
#[command(name = "tidegate", version, propagate_version = true, after_help = exit::TABLE, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what would be done, what it costs, how long it takes and what it can break
    Plan(plan::Args),
    /// Make the pipeline as it is described
    Apply(apply::Args),
    /// Delete everything that the pipeline owns
    Destroy(destroy::Args),
    /// Show what differs in what the pipeline owns
    Drift(drift::Args),
    /// Keep every stream with a range at the right number of shards, day and night
    Run(Box<run::Args>),
    /// Show every stream under control: shards, use, age, conditions, the newest decision
    Status(status::Args),
    /// Show the newest decisions for a stream with all their numbers
    Explain(status::ExplainArgs),
    /// Show what the controller decided, and why
    History(status::HistoryArgs),
    /// Ask a running controller whether it is healthy, as a container's health check does
    Health(health::Args),
    /// Give a stream a count of shards, or a floor, for a while
    Pin(hand::PinArgs),
    /// Let the controller leave a stream, or all of the spec, alone: neither sized nor healed
    Pause(hand::PauseArgs),
    /// Take pins and pauses off
    Resume(hand::ResumeArgs),
    /// Judge specs by policies: security, access, reliability, scaling, cost, hygiene; needs no credentials
    Lint(lint::Args),
    /// Write and test policies of your own for `lint`
    Policy(policy::Args),
    /// Write a spec for what is already there
    Import(import::Args),
    /// Write a commented starter spec
    Init(init::Args),
    /// Show the whole life of a pipeline on the embedded cloud, without an account
    Demo(demo::Args),
    /// Show what a sizing policy would have done on your own traffic, and why
    Simulate(Box<simulate::Args>),
    /// Compare on-demand, fixed counts and an autoscaled count on your own traffic, in dollars
    Advise(Box<advise::Args>),
    /// Compare sizing policies over a folder of traffic traces
    Bench(bench::Args),
    /// Print least-privilege IAM policies
    Iam(iam::Args),
    /// Print the JSON Schema of the specification
    Schema(schema::Args),
    /// Print shell completions
    Completions(shell::CompletionArgs),
    /// Print the man page
    Man(shell::ManArgs),
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let lints = std::env::args().nth(1).is_some_and(|command| command == "lint" || command == "policy");
            let code = match (usage.use_stderr(), lints) {
                (false, _) => Exit::Success,
                (true, true) => Exit::Unusable,
                (true, false) => Exit::Error,
            };
            if usage.use_stderr() {
                // If nobody listens there is nothing left to do.
                let _ = usage.print();
            } else {
                // `--help` and `--version` are results like others: on a full disk they are lost, and that is told.
                Out::new(out::Color::Auto).text(&usage.render().ansi().to_string());
            }
            return code.into();
        }
    };
    let out = Out::new(cli.common.color()).hushed(cli.common.quiet);
    cli.common.start_diagnostics(out.color_errors());
    let result = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(command(cli, &out)),
        Err(error) => Err(Failure::from(anyhow::Error::new(error).context("starting the runtime"))),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell(&out).into(),
    }
}

async fn command(cli: Cli, out: &Out) -> Result<Exit, Failure> {
    signals::survive_limits();
    let common = &cli.common;
    match cli.command {
        Command::Plan(args) => plan::run(common, args, out).await,
        Command::Apply(args) => apply::run(common, args, out).await,
        Command::Destroy(args) => destroy::run(common, args, out).await,
        Command::Drift(args) => drift::run(common, args, out).await,
        Command::Run(args) => run::run(common, *args, out).await,
        Command::Status(args) => status::status(common, args, out).await,
        Command::Explain(args) => status::explain(common, args, out).await,
        Command::History(args) => status::history(common, &args, out).await,
        Command::Health(args) => health::run(&args, out).await,
        Command::Pin(args) => hand::pin(common, args, out).await,
        Command::Pause(args) => hand::pause(common, args, out).await,
        Command::Resume(args) => hand::resume(common, args, out).await,
        Command::Lint(args) => lint::run(common, args, out),
        Command::Policy(args) => policy::run(args, out),
        Command::Import(args) => import::run(common, args, out).await,
        Command::Init(args) => init::run(args, out),
        Command::Demo(args) => demo::run(common, args, out).await,
        Command::Simulate(args) => simulate::run(common, *args, out).await,
        Command::Advise(args) => advise::run(common, *args, out).await,
        Command::Bench(args) => bench::run(common, args, out),
        Command::Iam(args) => iam::run(common, args, out).await,
        Command::Schema(args) => schema::run(args, out),
        Command::Completions(args) => shell::completions(args, out),
        Command::Man(args) => shell::man(args, out),
    }
}
