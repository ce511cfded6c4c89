//! A host that answers as a test wants it, or takes calls and says nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Its threads end with the test process.
pub struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// `answer` makes a status and a body of a request's head and body; without one the caller is left waiting.
    pub fn start(answer: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (counted, answer) = (Arc::clone(&counted), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &counted, &*answer));
            }
        });
        Self { url, requests }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many it has taken.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: &TcpStream, counted: &AtomicUsize, answer: &dyn Fn(&str) -> Option<(u16, String)>) {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    while reader.read_line(&mut request).is_ok_and(|read| read > 2) {
        let line = request.lines().last().unwrap_or_default().to_ascii_lowercase();
        length = line.strip_prefix("content-length:").and_then(|length| length.trim().parse().ok()).unwrap_or(length);
    }
    let mut body = vec![0; length];
    if request.is_empty() || reader.read_exact(&mut body).is_err() {
        return;
    }
    request += &String::from_utf8_lossy(&body);
    counted.fetch_add(1, Ordering::SeqCst);
    match answer(&request) {
        Some((status, body)) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all((head + &body).as_bytes());
        }
        // Until the caller gives up.
        None => drop(reader.read_to_end(&mut Vec::new())),
    }
}
