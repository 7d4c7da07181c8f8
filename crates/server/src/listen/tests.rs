use super::*;
use crate::body::{BodyError, Frames, FramesError};
use bytes::Bytes;
use http::StatusCode;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

mod tls;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let server = Server::start().await;
    let body = vec![b'x'; 5 * MIB];
    let mut kept = server.connect().await;
    for round in 0..50 {
        kept.write(&request("PUT", "/refuse", &format!("Content-Length: {}", body.len()))).await;
        kept.write(&body).await;
        let answer = kept.answer("PUT").await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "no"), "round {round}");
        assert!(!answer.closes(), "round {round}");
    }
    for round in 0..50 {
        let mut client = server.connect().await;
        let headers = format!("Content-Length: {}\r\nConnection: close", body.len());
        client.write(&request("PUT", "/refuse", &headers)).await;
        client.write(&body).await;
        let answer = client.answer("PUT").await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "no"), "round {round}");
        assert!(answer.closes());
        client.ends().await;
    }
    for headers in ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nConnection: close"] {
        let mut client = server.connect().await;
        client.write(&request("PUT", "/refuse", headers)).await;
        for _ in 0..5 {
            client.write(format!("{MIB:x}\r\n").as_bytes()).await;
            client.write(&body[..MIB]).await;
            client.write(b"\r\n").await;
        }
        client.write(b"0\r\n\r\n").await;
        assert_eq!(client.answer("PUT").await.status, 403);
    }
}

/// More than is read for politeness: the answer says that the connection ends, and comes before it does.
#[tokio::test]
async fn a_huge_body_refused_ends_the_connection() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.write(&request("PUT", "/refuse", &format!("Content-Length: {}", 1_u64 << 40))).await;
    let answer = client.answer("PUT").await;
    assert_eq!((answer.status, answer.closes()), (403, true));
    let sent = client.write_until_it_breaks(64 * MIB).await;
    assert!((8 * MIB..64 * MIB).contains(&sent), "{sent}");
}

#[tokio::test]
async fn whoever_waits_for_100_continue_is_told_the_end_or_to_go_on() {
    let server = Server::start().await;
    let expect = "Content-Length: 5\r\nExpect: 100-continue";
    let mut client = server.connect().await;
    client.write(&request("PUT", "/refuse", expect)).await;
    let answer = client.answer("PUT").await;
    assert_eq!((answer.status, answer.closes()), (403, true));
    client.ends().await;

    // One that does not wait gets the answer all the same.
    let mut client = server.connect().await;
    let headers = format!("Content-Length: {}\r\nExpect: 100-continue", 5 * MIB);
    client.write(&request("PUT", "/refuse", &headers)).await;
    client.write(&vec![0; 5 * MIB]).await;
    assert_eq!(client.answer("PUT").await.status, 403);
    client.ends().await;

    let mut client = server.connect().await;
    client.write(&request("PUT", "/count", expect)).await;
    assert_eq!(client.answer("PUT").await.status, 100);
    client.write(b"12345").await;
    let answer = client.answer("PUT").await;
    assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (200, "5", false));
}

#[tokio::test]
async fn head_says_the_length_and_sends_nothing() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for (path, length) in [
        ("/head/0", "0"),
        ("/head/7", "7"),
        ("/head/1099511627776", "1099511627776"),
        ("/refuse", "2"),
        ("/stream/9/9", "9"),
    ] {
        client.write(&request("HEAD", path, "")).await;
        let answer = client.answer("HEAD").await;
        assert_eq!(answer.header("content-length"), Some(length), "{path}");
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    client.write(&request("GET", "/empty", "")).await;
    assert_eq!(client.answer("GET").await.header("content-length"), Some("0"));
}

#[tokio::test]
async fn answers_are_as_long_as_they_say_or_break_off() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for length in [0, 1, 65_536, 3 * MIB] {
        client.write(&request("GET", &format!("/stream/{length}/{length}"), "")).await;
        let answer = client.answer("GET").await;
        assert_eq!((answer.status, answer.body.len()), (200, length));
        assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
    }
    for (said, sent) in [(100, 50), (100, 150)] {
        let mut client = server.connect().await;
        client.write(&request("GET", &format!("/stream/{said}/{sent}"), "")).await;
        let mut all = Vec::new();
        let _ = client.stream.read_to_end(&mut all).await;
        let text = String::from_utf8(all).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap_or(("", ""));
        assert!(body.len() < said, "{said} {sent}: {}", body.len());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole() {
    let server = Server::start().await;
    for (headers, part) in [
        ("Content-Length: 10", "12345"),
        ("Transfer-Encoding: chunked", "5\r\n12345\r\n"),
        ("Transfer-Encoding: chunked", "zz\r\n12345\r\n"),
    ] {
        let mut client = server.connect().await;
        client.write(&request("PUT", "/breaks", headers)).await;
        client.write(part.as_bytes()).await;
        client.stream.get_mut().shutdown().await.unwrap();
        server.broken(1).await;
    }
}

#[tokio::test]
async fn heads_that_are_none() {
    let server = Server::start().await;
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(5 * MIB));
    for (text, status) in [("\x16\x03\x01\x02\x00\x01\r\n\r\n", 400), (long.as_str(), 431)] {
        let mut client = server.connect().await;
        client.write(text.as_bytes()).await;
        assert_eq!(client.answer("GET").await.status, status);
        client.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let server = Server::start().await;
    let after = async |text: &[u8], answers: usize| {
        let mut client = server.connect().await;
        let start = Instant::now();
        client.write(text).await;
        for _ in 0..answers {
            client.answer("GET").await;
        }
        let _ = client.stream.read_to_end(&mut Vec::new()).await;
        start.elapsed().as_secs()
    };
    let get = request("GET", "/empty", "");
    assert_eq!(after(b"", 0).await, 10);
    assert_eq!(after(b"GET / HTTP/1.1\r\n", 0).await, 10);
    assert_eq!(after(&get, 1).await, 75);
    assert_eq!(after(&[get.as_slice(), get.as_slice()].concat(), 2).await, 75);
    // The server may take its time.
    assert_eq!(after(&request("GET", "/wait/500", ""), 1).await, 575);

    // A head must be whole 10 s after its first byte, on a connection that was used before, too.
    let mut client = server.connect().await;
    client.write(&get).await;
    client.answer("GET").await;
    sleep(Duration::from_mins(1)).await;
    let start = Instant::now();
    for byte in request("GET", "/empty", "").chunks(1) {
        sleep(Duration::from_secs(3)).await;
        if client.stream.get_mut().write_all(byte).await.is_err() {
            break;
        }
    }
    assert!(client.stream.read_to_end(&mut Vec::new()).await.is_err() || start.elapsed().as_secs() < 60);

    // A body that stands still for a minute, though it has moved before.
    let mut client = server.connect().await;
    client.write(&request("PUT", "/count", "Content-Length: 10")).await;
    sleep(Duration::from_secs(59)).await;
    client.write(b"12345").await;
    let start = Instant::now();
    let answer = client.answer("PUT").await;
    assert_eq!((answer.status, answer.closes(), start.elapsed().as_secs()), (408, true, 60));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_let_go() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.write(&request("GET", &format!("/stream/{0}/{0}", 256 * MIB), "")).await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(server.streams.load(Ordering::SeqCst), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.streams.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish() {
    let mut server = Server::start().await;
    let (mut idle, mut busy) = (server.connect().await, server.connect().await);
    idle.write(&request("GET", "/empty", "")).await;
    idle.answer("GET").await;
    busy.write(&request("PUT", "/count", "Content-Length: 5")).await;
    busy.write(b"123").await;
    server.requests(2).await;
    server.stop.send(()).await.unwrap();
    idle.ends().await;
    // Nobody listens any more.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.running.is_finished());
    busy.write(b"45").await;
    let answer = busy.answer("PUT").await;
    assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (200, "5", true));
    (&mut server.running).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_no_longer_than_it_is_told() {
    for (second_signal, seconds) in [(false, DRAIN.as_secs()), (true, 1)] {
        let mut server = Server::start().await;
        let mut client = server.connect().await;
        client.write(&request("GET", "/wait/1000", "")).await;
        server.requests(1).await;
        let start = Instant::now();
        server.stop.send(()).await.unwrap();
        if second_signal {
            sleep(Duration::from_secs(1)).await;
            server.stop.send(()).await.unwrap();
        }
        (&mut server.running).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), seconds);
        assert_eq!(client.stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_had() {
    let first = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.unwrap();
    let error = Listener::bind(first.address(), None).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    let error = Listener::bind("192.0.2.1:0".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot listen on 192.0.2.1:0: this machine does not have the address 192.0.2.1"
    );
}

const DRAIN: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: mpsc::Sender<()>,
    running: JoinHandle<()>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    broken: AtomicUsize,
    streams: AtomicUsize,
}

impl std::ops::Deref for Server {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl Server {
    async fn start() -> Self {
        Self::with_tls(None).await
    }

    async fn with_tls(tls: Option<TlsFiles>) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), tls).await.unwrap();
        let address = listener.address();
        let (stop, stopped) = mpsc::channel(2);
        let seen = Arc::new(Seen::default());
        let service = {
            let seen = Arc::clone(&seen);
            move |request, peer| answer(Arc::clone(&seen), request, peer)
        };
        let running = tokio::spawn(listener.serve(service, stopped, DRAIN));
        Self { address, stop, running, seen }
    }

    async fn connect(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Waits until that many requests have come.
    async fn requests(&self, count: usize) {
        while self.requests.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until that many bodies have broken off, and forgets them.
    async fn broken(&self, count: usize) {
        while self.broken.compare_exchange(count, 0, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            tokio::task::yield_now().await;
        }
    }
}

/// What the server of these tests does, by path.
async fn answer(seen: Arc<Seen>, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let (head, mut body) = request.into_parts();
    let words: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let number = |place: usize| words.get(place).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    let status = |status, body| {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
    };
    match words[0] {
        "refuse" => status(StatusCode::FORBIDDEN, "no".into()),
        "head" => Response::new(Body::Head(number(1))),
        "empty" => Response::new(Body::Empty),
        "peer" => Response::new(format!("{}", peer.tls).into()),
        "wait" => {
            sleep(Duration::from_secs(number(1))).await;
            Response::new(Body::Empty)
        }
        "stream" => {
            seen.streams.fetch_add(1, Ordering::SeqCst);
            Response::new(Body::stream(number(1), Zeroes { left: number(2), seen }))
        }
        _ => {
            let mut count = 0;
            loop {
                match body.next().await {
                    None => return Response::new(count.to_string().into()),
                    Some(Ok(bytes)) => count += bytes.len(),
                    Some(Err(BodyError::Idle)) => return status(StatusCode::REQUEST_TIMEOUT, Body::Empty),
                    Some(Err(error)) => {
                        assert_eq!(body.next().await, Some(Err(error)));
                        seen.broken.fetch_add(1, Ordering::SeqCst);
                        return status(StatusCode::BAD_REQUEST, Body::Empty);
                    }
                }
            }
        }
    }
}

struct Zeroes {
    left: u64,
    seen: Arc<Seen>,
}

impl Frames for Zeroes {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>> {
        let size = self.left.min(40_000);
        self.left -= size;
        let bytes = Bytes::from(vec![b'0'; usize::try_from(size).unwrap()]);
        Poll::Ready((size > 0).then_some(Ok(bytes)))
    }
}

impl Drop for Zeroes {
    fn drop(&mut self) {
        self.seen.streams.fetch_sub(1, Ordering::SeqCst);
    }
}

fn request(method: &str, path: &str, headers: &str) -> Vec<u8> {
    let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n").into_bytes()
}

struct Client<T> {
    stream: BufReader<T>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
    }

    /// How many bytes could be sent.
    async fn write_until_it_breaks(&mut self, most: usize) -> usize {
        let (mut sent, some) = (0, vec![0; 65_536]);
        while sent < most && self.stream.get_mut().write_all(&some).await.is_ok() {
            sent += some.len();
        }
        sent
    }

    async fn answer(&mut self, method: &str) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "the connection ended: {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let mut answer =
            Answer { status, headers: lines[1..].iter().map(header).collect(), body: String::new() };
        if status >= 200 && method != "HEAD" {
            let mut body = vec![0; answer.header("content-length").unwrap().parse().unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        answer
    }

    /// The server has closed, without a reset.
    async fn ends(&mut self) {
        assert_eq!(self.stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}
