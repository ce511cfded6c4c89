use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::routes::routes;
use super::view::View;
use super::{Pulse, Token};
use crate::apply::Stop;
use crate::cloud::{Class, Fault};
use crate::control::Fleet;

const BOUNDS: Bounds = Bounds { connections: 64, head: Duration::from_secs(5), whole: Duration::from_secs(120) };
/// Bytes of a request's head at most. A body is never read.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request at most.
const HEADERS: usize = 64;
/// Wait after the system had no file or memory for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// What callers may have of a port.
#[derive(Clone, Copy)]
struct Bounds {
    /// Connections at once. One more takes the place of the oldest that has asked for nothing yet; where all have, it waits.
    connections: usize,
    /// Time for a request's head, and between two requests of a connection.
    head: Duration,
    /// Time for all requests of one connection and their answers. Who wants more connects again.
    whole: Duration,
}

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
        Opened(tokio::spawn(accept(self.listener, routes, BOUNDS)))
    }
}

/// Connections that have asked for nothing yet, oldest first, each with the word to leave.
#[derive(Default)]
struct Silent(Mutex<BTreeMap<u64, oneshot::Sender<()>>>);

impl Silent {
    fn enter(&self, id: u64) -> oneshot::Receiver<()> {
        let (leave, told) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, leave);
        told
    }

    /// It has asked for something, or has gone.
    fn leave(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn send_the_oldest_away(&self) {
        if let Some((_, leave)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_first() {
            // Where nobody hears it, it has gone by itself.
            let _ = leave.send(());
        }
    }
}

async fn accept(listener: TcpListener, routes: Router, bounds: Bounds) {
    let (room, silent) = (Arc::new(Semaphore::new(bounds.connections)), Arc::<Silent>::default());
    for id in 0.. {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        if room.available_permits() == 0 {
            // Whoever opens many connections and says nothing must not keep a probe waiting.
            silent.send_the_oldest_away();
        }
        // The semaphore is never closed, so that there always is a next permit.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (routes, silent, told) = (routes.clone(), Arc::clone(&silent), silent.enter(id));
        tokio::spawn(async move {
            tokio::select! {
                () = converse(stream, routes, bounds, || silent.leave(id)) => {}
                // It is dropped unheard where the connection has asked, which is no word to leave.
                Ok(()) = told => {}
            }
            silent.leave(id);
            drop(permit);
        });
    }
}

/// One connection to its end. What it did wrong is its own business. `asked` is told of each request.
async fn converse(stream: TcpStream, routes: Router, bounds: Bounds, asked: impl Fn()) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request| {
        asked();
        routes.call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(bounds.whole, connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const FOREVER: Duration = Duration::from_secs(24 * 3600);

    async fn answer(mut stream: TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        text
    }

    /// No bound of time runs out here: who is answered has got the place of somebody else.
    #[tokio::test]
    async fn who_says_nothing_keeps_nobody_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let routes = Router::new().route("/", get(|| async { "here" }));
        let bounds = Bounds { connections: 4, head: FOREVER, whole: FOREVER };
        let serving = tokio::spawn(accept(listener, routes, bounds));
        let mut silent = Vec::new();
        for at in 0..50 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            // Half of them have begun a request.
            if at % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("it is sent");
            }
            silent.push(stream);
        }
        let probe = TcpStream::connect(address).await.expect("a connection");
        assert!(answer(probe).await.ends_with("here"));
        let newest = silent.pop().expect("the newest");
        assert!(answer(newest).await.ends_with("here"), "the oldest go first");
        let mut oldest = silent.swap_remove(0);
        assert!(matches!(oldest.read(&mut [0; 1]).await, Ok(0) | Err(_)), "it was sent away");
        serving.abort();
    }
}
