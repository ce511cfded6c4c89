use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::routes::routes;
use super::view::View;
use super::{Pulse, Token};
use crate::apply::Stop;
use crate::cloud::{Class, Fault};
use crate::control::Fleet;

/// Connections at once; others wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// Time for a request's head, and between two requests of a connection.
const HEAD: Duration = Duration::from_secs(10);
/// Time for all requests of one connection and their answers. Who wants more connects again.
const WHOLE: Duration = Duration::from_secs(120);
/// Bytes of a request's head at most. A body is never read.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request at most.
const HEADERS: usize = 64;
/// Wait after the system had no file or memory for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// A port that is taken, and not served yet.
pub struct Door {
    listener: TcpListener,
    token: Option<Arc<Token>>,
    /// What was bound, with the port that the system chose for port 0.
    pub address: SocketAddr,
}

/// A served port. It closes when this is dropped.
pub struct Opened(JoinHandle<()>);

impl Opened {
    /// Closes the port; it can be taken again as soon as this answers.
    pub async fn close(mut self) {
        self.0.abort();
        // It was cancelled, as it was to be.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// Takes the port.
    ///
    /// # Errors
    /// An address that others can reach was given without a token, or the port cannot be had.
    pub async fn take(address: SocketAddr, token: Option<Token>) -> Result<Self, Fault> {
        let failed = |code: &str, why: String| Fault::new(Class::Refused, format!("listening on {address}"), code, why);
        if token.is_none() && !address.ip().is_loopback() {
            return Err(failed("TokenNeeded", "others can reach this address, and there is no token".into()).help(
                "give one of 16 characters or more (--token-file FILE or TIDEGATE_TOKEN), or listen on 127.0.0.1",
            ));
        }
        let help = "choose another port, or 0 for any that is free, and an address of this machine";
        let listener =
            TcpListener::bind(address).await.map_err(|error| failed("NotBound", error.to_string()).help(help))?;
        let address = listener.local_addr().map_err(|error| failed("NotBound", error.to_string()).help(help))?;
        Ok(Self { listener, token: token.map(Arc::new), address })
    }

    /// Serves what is known of this fleet, until the answer is dropped.
    pub fn open(self, fleet: Arc<Mutex<Fleet>>, pulse: Arc<Pulse>, stop: Stop) -> Opened {
        let routes = routes(Arc::new(View::new(fleet, pulse, stop)), self.token);
        Opened(tokio::spawn(accept(self.listener, routes)))
    }
}

async fn accept(listener: TcpListener, routes: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed, so that there always is a next permit.
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    converse(stream, routes).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection to its end. What it did wrong is its own business.
async fn converse(stream: TcpStream, routes: Router) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let service = TowerToHyperService::new(routes);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(WHOLE, connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
