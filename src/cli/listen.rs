//! The arguments of the HTTP port, and its token.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Failure;
use crate::disk;
use crate::serve::{Door, Token};

/// The variable that holds the token where no file does. It is no argument, so that no list of processes tells it.
const TOKEN: &str = "TIDEGATE_TOKEN";
/// Bytes of a token's file: more is no token.
const MOST: u64 = 4096;

#[derive(clap::Args)]
pub struct Listen {
    /// Serve health, metrics and the page on this address, such as 127.0.0.1:9464; port 0: any that is free
    #[arg(long, value_name = "ADDRESS:PORT", env = "TIDEGATE_LISTEN", value_parser = address)]
    listen: Option<SocketAddr>,
    /// The file with the token that callers must know; else TIDEGATE_TOKEN; needed unless the address is 127.0.0.1 or ::1
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// An address and a port; `localhost` is 127.0.0.1.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "write an IP address and a port, such as 127.0.0.1:9464 or [::1]:9464".into())
}

impl Listen {
    /// From now on the address that was had, where any free port was asked for.
    pub fn keep(&mut self, address: SocketAddr) {
        self.listen = Some(address);
    }

    /// Takes the port, if one is asked for.
    ///
    /// # Errors
    /// The token cannot be read or used, is missing where it is needed, or the port cannot be had.
    pub async fn take(&self) -> Result<Option<Door>, Failure> {
        let Some(address) = self.listen else {
            return match &self.token_file {
                Some(_) => Err(Failure::refused("--token-file has no port to guard", "add --listen 127.0.0.1:9464")),
                None => Ok(None),
            };
        };
        let token = self.token()?;
        let door = Door::take(address, token).await;
        door.map(Some).map_err(|fault| Failure::refused(fault.to_string(), fault.help.unwrap_or_default()))
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        let (text, from) = match (&self.token_file, std::env::var_os(TOKEN)) {
            (Some(path), _) => {
                let from = format!("--token-file {}", path.display());
                let text = disk::text(path, MOST).map_err(|error| {
                    Failure::refused(
                        format!("reading {from}: {error}"),
                        "name a file of yours with the token alone in it",
                    )
                })?;
                (text, from)
            }
            (None, Some(value)) if !value.is_empty() => (value.to_string_lossy().into_owned(), TOKEN.to_owned()),
            _ => return Ok(None),
        };
        Token::new(&text).map(Some).map_err(|why| {
            let help = "make one with: head -c 32 /dev/urandom | base64";
            Failure::refused(format!("the token of {from} cannot be used: {why}"), help)
        })
    }
}
