//! A health check for images that have no shell and no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Exit, Failure, Out, listen};

/// Time for the whole question: less than any platform's time-out of a health check.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes of an answer that are read; a true one has a few hundred.
const MOST: u64 = 8 * 1024;

#[derive(clap::Args)]
pub struct Args {
    /// Where `tidegate run` listens
    #[arg(value_name = "ADDRESS:PORT", env = "TIDEGATE_LISTEN", default_value = "127.0.0.1:9464", value_parser = listen::address)]
    address: SocketAddr,
    /// Ask whether AWS has answered it, too
    #[arg(long)]
    ready: bool,
}

pub async fn run(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let address = reachable(args.address);
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let asked = tokio::time::timeout(PATIENCE, ask(address, path)).await;
    let answer = asked.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let (healthy, said) = answer.map_err(|error| {
        Failure::Other(
            anyhow::Error::new(error).context(format!("asking http://{address}{path} of a running controller")),
        )
    })?;
    out.line(&said);
    Ok(if healthy { Exit::Success } else { Exit::Error })
}

/// Who listens on every address also listens on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr, path: &str) -> std::io::Result<(bool, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    read(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "this is no answer of tidegate"))
}

/// Whether the status is 200, and the body's first line.
fn read(answer: &str) -> Option<(bool, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let line: String = body.lines().next()?.chars().filter(|letter| !letter.is_control()).take(300).collect();
    Some((status == "200", line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_strangers_are_not() {
        assert_eq!(read("HTTP/1.1 200 OK\r\na: b\r\n\r\nok: fine\n"), Some((true, "ok: fine".into())));
        assert_eq!(read("HTTP/1.1 503 No\r\n\r\nstuck\u{1b}[2J\n"), Some((false, "stuck[2J".into())));
        assert_eq!(read("SSH-2.0-x\r\n\r\nhello"), None);
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn every_address_includes_this_machines_own() {
        let shown = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(
            (shown("0.0.0.0:1"), shown("[::]:1"), shown("10.0.0.1:1")),
            ("127.0.0.1:1".into(), "[::1]:1".into(), "10.0.0.1:1".into())
        );
    }
}
