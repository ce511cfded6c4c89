//! Starts a server on a free port, waits until it answers, and ties its life to ours.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::provision::Installed;

/// Stands between us and the server. Its standard input is a pipe that only we hold open: however we end, by return,
/// panic or SIGKILL, the kernel closes it, and the server is killed with all its children (its own session).
/// If the server ends first the watchdog ends with it, so that we see a failed start at once.
const WATCHDOG: &str = "
import os, signal, subprocess, sys, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
def kill():
    try: os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError: pass
threading.Thread(target=lambda: (sys.stdin.buffer.read(), kill()), daemon=True).start()
code = server.wait()
kill()
os._exit(code % 256)
";

/// A cold start on a busy two-core machine takes seconds (imports of Python); a minute means that something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// A port can be taken between our look and the server's bind, so a server that ends at once gets another one.
const ATTEMPTS: usize = 5;

/// The ends of the pipes: kept for the whole process, closed by the kernel.
static LIFELINES: Mutex<Vec<ChildStdin>> = Mutex::new(Vec::new());

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Runs `command(port)` until this process ends and returns the port once it answers HTTP.
pub fn keep_running(name: &str, installed: &Installed, command: impl Fn(u16) -> Command) -> u16 {
    let (port, lifeline) = run(name, installed, command);
    // The list never shrinks, so a panic while it was locked cannot have left it half changed.
    LIFELINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(lifeline);
    port
}

/// Runs `command(port)` until what it answers is dropped, or this process ends.
pub fn run(name: &str, installed: &Installed, command: impl Fn(u16) -> Command) -> (u16, ChildStdin) {
    // The process id keeps apart the test processes that share one folder.
    let log = installed.logs().join(format!("{name}-{}.log", std::process::id()));
    for _ in 0..ATTEMPTS {
        let port = free_port();
        let mut child = spawn(&command(port), installed, &log);
        let lifeline = child.stdin.take().expect("the watchdog was started with a pipe");
        if wait_for_answer(name, &mut child, port, &log) {
            return (port, lifeline);
        }
    }
    give_up(name, format_args!("ended {ATTEMPTS} times before it answered"), &log)
}

fn spawn(server: &Command, installed: &Installed, log: &Path) -> Child {
    let mut watchdog = Command::new(installed.python());
    watchdog.args(["-c", WATCHDOG]).arg(server.get_program()).args(server.get_args());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => watchdog.env(name, value),
            None => watchdog.env_remove(name),
        };
    }
    let out = File::create(log).expect("the log folder was made by provisioning");
    let err = out.try_clone().expect("a file handle can be shared");
    watchdog.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().expect("the provisioned Python starts")
}

/// True when the server answers, false when it ended; panics when it does neither.
fn wait_for_answer(name: &str, child: &mut Child, port: u16, log: &Path) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let answered = answers_http(port);
        // Asked after the answer: whoever answered on the port of a dead child is a stranger.
        if child.try_wait().expect("a child can be asked for its state").is_some() {
            return false;
        }
        if answered {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    give_up(name, format_args!("did not answer on port {port} within {} s", PATIENCE.as_secs()), log)
}

/// Any status will do: the servers answer a bare GET with 200, 403 or 404, and only when they are ready.
fn answers_http(port: u16) -> bool {
    let ask = || -> std::io::Result<[u8; 5]> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok(start)
    };
    ask().is_ok_and(|start| &start == b"HTTP/")
}

fn give_up(name: &str, what: impl Display, log: &Path) -> ! {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    panic!("the emulator {name} {what}; the end of {}:\n{tail}", log.display());
}
