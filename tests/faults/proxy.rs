//! Stands between the SDK and an emulator, and makes trouble by a seed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passes,
    Throttled,
    /// An error of the service in its own words: 500.
    Broken,
    /// A load balancer that knows nothing: 503 without a word.
    Unavailable,
    /// The connection ends before the request has arrived.
    Reset,
    /// The connection ends after the effect took place.
    AnswerLost,
    /// The same in the middle of the answer.
    Truncated,
    /// The answer comes later than anybody waits for it. Rare, since it takes half a minute.
    Late,
}

/// A little longer than the program waits for one answer.
pub const TOO_LATE: Duration = Duration::from_secs(33);

/// What a proxy does to the requests that it is told of; `None`: as its dice say.
pub type Rule = dyn Fn(&Request) -> Option<Deed> + Send + Sync;

/// What is done to one request.
#[derive(Clone, Debug)]
pub enum Deed {
    Pass,
    /// It gets this answer and does not reach the emulator.
    Answer {
        status: u16,
        kind: &'static str,
        body: String,
    },
    /// It waits first.
    Delay(Duration),
    /// It is done, and its answer is lost with the connection.
    Swallow,
    /// This other place is asked first: what it forbids (403) is forbidden, what it allows is done where the proxy leads.
    Judged(String),
    /// It goes to this other place, which takes it for the account whose number is the caller's access key: ministack does so by itself,
    /// moto has to be told. The dice fall for it as well.
    InItsAccount(String),
    /// On the way there the first words become the second, on the way back the other way round. Both have one length, so that heads stay true.
    Reword(&'static str, &'static str),
}

pub struct Proxy {
    pub url: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    troubles: AtomicUsize,
    /// How many answers may still come too late.
    lates: AtomicUsize,
    /// What was answered, by the request's token.
    answered: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Proxy {
    /// Listens on a free port of loopback until the test process ends. `percent` of the requests get into trouble.
    pub fn start(to: &str, seed: u64, percent: u64) -> Self {
        Self::with(to, seed, percent, |_| None)
    }

    /// The same with a rule of its own beside the dice.
    pub fn with(
        to: &str,
        seed: u64,
        percent: u64,
        rule: impl Fn(&Request) -> Option<Deed> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let to = to.trim_start_matches("http://").to_owned();
        let counts = Arc::new(Counts::default());
        let (shared, state) = (Arc::clone(&counts), Arc::new(AtomicU64::new(seed)));
        let rule: Arc<Rule> = Arc::new(rule);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (to, counts, state) = (to.clone(), Arc::clone(&shared), Arc::clone(&state));
                let rule = Arc::clone(&rule);
                std::thread::spawn(move || {
                    // A client that goes away is no trouble of ours.
                    let _ = serve(client, &to, percent, &state, &counts, &*rule);
                });
            }
        });
        Self { url, counts }
    }

    /// From now on so many answers may come too late, where the dice say so.
    pub fn be_late(&self, times: usize) {
        self.counts.lates.store(times, Ordering::SeqCst);
    }

    /// How many more may come too late.
    pub fn lates_left(&self) -> usize {
        self.counts.lates.load(Ordering::SeqCst)
    }

    /// Requests, and how many of them got into trouble.
    pub fn counts(&self) -> (usize, usize) {
        (self.counts.requests.load(Ordering::SeqCst), self.counts.troubles.load(Ordering::SeqCst))
    }
}

/// The next number of a sequence (splitmix64): the same seed makes the same troubles in the order of the requests.
fn next(state: &AtomicU64) -> u64 {
    let mut z = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fate(state: &AtomicU64, percent: u64, lates: &AtomicUsize) -> Fate {
    if next(state) % 100 >= percent {
        return Fate::Passes;
    }
    use Fate::{AnswerLost, Broken, Late, Reset, Throttled, Truncated, Unavailable};
    let all = [Throttled, Broken, Unavailable, Reset, AnswerLost, Truncated, Late];
    let fate = all[usize::try_from(next(state) % 7).unwrap_or_default()];
    let one_less = |left: usize| left.checked_sub(1);
    if fate == Late && lates.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
        return AnswerLost;
    }
    fate
}

pub struct Request {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    /// The operation as the protocols name it: `CreateStream`; of S3 the method and path.
    pub fn operation(&self) -> String {
        if let Some((_, operation)) = self.header("x-amz-target").and_then(|target| target.split_once('.')) {
            return operation.to_owned();
        }
        if self.header("smithy-protocol").is_some() {
            return self.head[0].split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default().into();
        }
        let body = String::from_utf8_lossy(&self.body);
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
        action.unwrap_or_else(|| self.head[0].clone())
    }

    /// What is asked for, whatever its head says of time and signature.
    pub fn whole(&self) -> String {
        let target = self.header("x-amz-target").unwrap_or_default();
        format!("{} {target} {}", self.head[0], String::from_utf8_lossy(&self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.iter().filter_map(|line| line.split_once(':'));
        found.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether it is for EC2, by the version that its interface has had for ever.
    pub fn is_for_ec2(&self) -> bool {
        String::from_utf8_lossy(&self.body).contains("Version=2016-11-15")
    }

    /// What the query protocol's calls carry so that they are done once.
    fn token(&self) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        body.split('&').find_map(|pair| pair.strip_prefix("ClientToken=")).map(str::to_owned)
    }

    /// Whose key signed it.
    fn access_key(&self) -> Option<String> {
        let (_, credential) = self.header("authorization")?.split_once("Credential=")?;
        credential.split('/').next().map(str::to_owned)
    }

    /// One request without its connection headers; `None` where the client has closed.
    fn read(from: &mut impl BufRead) -> std::io::Result<Option<Self>> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let mut request = Self { head, body: Vec::new() };
        if request.header("transfer-encoding").is_some() {
            return Err(std::io::Error::other("chunked requests are not expected here"));
        }
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        from.read_exact(&mut request.body)?;
        Ok(Some(request))
    }
}

fn serve(
    client: TcpStream,
    to: &str,
    percent: u64,
    state: &AtomicU64,
    counts: &Counts,
    rule: &Rule,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let Some(mut request) = Request::read(&mut reader)? else { return Ok(()) };
    let (mut client, mut elsewhere) = (client, None);
    counts.requests.fetch_add(1, Ordering::SeqCst);
    match rule(&request) {
        None => {}
        Some(Deed::Pass) => return client.write_all(&forward(&request, to)?),
        Some(Deed::Answer { status, kind, body }) => {
            counts.troubles.fetch_add(1, Ordering::SeqCst);
            return client.write_all(&answer(status, kind, &body));
        }
        Some(Deed::Judged(by)) => {
            let verdict = forward(&request, by.trim_start_matches("http://"))?;
            let forbidden = verdict.starts_with(b"HTTP/1.1 403");
            return client.write_all(&if forbidden { verdict } else { forward(&request, to)? });
        }
        Some(Deed::InItsAccount(there)) => {
            let account = request.access_key().unwrap_or_default();
            request.head.push(format!("x-moto-account-id: {account}"));
            elsewhere = Some(there.trim_start_matches("http://").to_owned());
        }
        Some(Deed::Reword(here, there)) => {
            let body = String::from_utf8_lossy(&request.body).replace(here, there).into_bytes();
            let answer = forward(&Request { body, ..request }, to)?;
            return client.write_all(String::from_utf8_lossy(&answer).replace(there, here).as_bytes());
        }
        Some(Deed::Swallow) => return forward(&request, to).map(drop),
        Some(Deed::Delay(time)) => {
            counts.troubles.fetch_add(1, Ordering::SeqCst);
            let late = forward(&request, to)?;
            std::thread::sleep(time);
            return client.write_all(&late);
        }
    }
    let to = elsewhere.as_deref().unwrap_or(to);
    let fate = fate(state, percent, &counts.lates);
    counts.troubles.fetch_add(usize::from(fate != Fate::Passes), Ordering::SeqCst);
    match fate {
        Fate::Passes => client.write_all(&once(&request, to, counts)?),
        Fate::AnswerLost => once(&request, to, counts).map(drop),
        Fate::Truncated => {
            let whole = once(&request, to, counts)?;
            client.write_all(&whole[..whole.len() / 2])
        }
        Fate::Late => {
            let late = once(&request, to, counts)?;
            std::thread::sleep(TOO_LATE);
            client.write_all(&late)
        }
        Fate::Reset => reset(client),
        Fate::Throttled => {
            client.write_all(&refusal(&request, "ThrottlingException", "SlowDown", "Rate exceeded", 400))
        }
        Fate::Broken => client.write_all(&refusal(&request, "InternalFailure", "InternalError", "We are sorry", 500)),
        Fate::Unavailable => client.write_all(&answer(503, "text/plain", "")),
    }
}

/// Ends a connection with a reset in place of an orderly end, as the kernel does where nothing may linger.
fn reset(client: TcpStream) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    client.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(client)?.set_zero_linger()
}

/// The emulator's answer, and of a request whose token has been answered that same answer: so AWS keeps a repeated call from making a
/// second thing, where moto remembers the token and makes it.
fn once(request: &Request, to: &str, counts: &Counts) -> std::io::Result<Vec<u8>> {
    let Some(token) = request.token() else { return forward(request, to) };
    let mut answered = counts.answered.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = answered.get(&token) {
        return Ok(known.clone());
    }
    let answer = forward(request, to)?;
    if answer.starts_with(b"HTTP/1.1 200") {
        answered.insert(token, answer.clone());
    }
    Ok(answer)
}

/// The emulator's answer, to the last byte.
fn forward(request: &Request, to: &str) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(to)?;
    let mut head = request.head[0].clone() + "\r\n";
    let kept = request.head[1..].iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    kept.for_each(|line| head += &format!("{line}\r\n"));
    // As whoever ends TLS in front of a service does, so that policies that ask for it are met.
    server.write_all(format!("{head}X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n").as_bytes())?;
    server.write_all(&request.body)?;
    let mut all = Vec::new();
    server.read_to_end(&mut all)?;
    Ok(all)
}

/// An error in the words of the request's protocol: JSON, S3's XML or the query protocol's.
fn refusal(request: &Request, code: &str, s3: &str, message: &str, status: u16) -> Vec<u8> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.contains("json") {
        return answer(
            status,
            "application/x-amz-json-1.1",
            &format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
        );
    }
    if request.header("smithy-protocol").is_some() {
        return answer(503, "application/cbor", "");
    }
    if kind.contains("x-www-form-urlencoded") {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        return answer(status, "text/xml", &format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"));
    }
    answer(503, "application/xml", &format!("<Error><Code>{s3}</Code><Message>{message}</Message></Error>"))
}

fn answer(status: u16, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Trouble\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    (head + "Connection: close\r\n\r\n" + body).into_bytes()
}
