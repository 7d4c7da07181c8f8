//! A blocking HTTP/1.1 client that sends exactly the bytes it is told to, keeps its connection, never repeats a request,
//! and says where a connection broke.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const HEAD_LIMIT: u64 = 64 * 1024;
const BODY_LIMIT: u64 = 1 << 30;

/// One connection at a time to one address; it is made when it is needed.
#[derive(Debug)]
pub struct Client {
    authority: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
    stream: Option<BufReader<TcpStream>>,
}

/// What follows the head of a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// No body, and no header that speaks of one.
    None,
    /// `Content-Length` and the bytes.
    Sized(&'a [u8]),
    /// `Transfer-Encoding: chunked`, one chunk for each piece that is not empty.
    Chunked(&'a [&'a [u8]]),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names as they came, and values without blanks around them.
    pub headers: Vec<(String, String)>,
    /// The body without its framing; empty after HEAD.
    pub body: Vec<u8>,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Nobody listens there: nothing was sent.
    #[error("no connection: {0}")]
    NoConnection(#[source] io::Error),
    /// The connection ended before the first byte of an answer: whether the request was carried out is not known.
    #[error("the connection broke before the answer: {0}")]
    BeforeAnswer(#[source] io::Error),
    /// The connection ended inside the answer.
    #[error("the connection broke within the answer: {0}")]
    InAnswer(#[source] io::Error),
    /// The bytes that came are no HTTP/1.1 answer.
    #[error("no HTTP answer: {rule}: {line:?}")]
    Malformed {
        /// The rule that they break.
        rule: &'static str,
        /// Where they do.
        line: String,
    },
}

/// A step of a test that did not end as it had to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There was no answer.
    #[error("{step}: {source}")]
    Broken {
        /// What was tried.
        step: String,
        /// Where the connection broke.
        source: Broken,
    },
    /// There was another answer than the one that had to come.
    #[error("{step}: {} {}", answer.status, String::from_utf8_lossy(&answer.body))]
    Unexpected {
        /// What was tried.
        step: String,
        /// What came.
        answer: Box<Answer>,
    },
    /// The answer was a success, and its content is wrong.
    #[error("{step}: got {got}, not {wanted}")]
    Differs {
        /// What was tried.
        step: String,
        /// What came.
        got: String,
        /// What had to come.
        wanted: String,
    },
}

impl Client {
    /// A client of `host:port`, which is also its `Host` header.
    pub fn new(authority: &str) -> Self {
        Self {
            authority: authority.into(),
            headers: Vec::new(),
            timeout: Duration::from_mins(1),
            stream: None,
        }
    }

    /// The same, with a header for every request.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same, waiting at most that long for the next byte (60 s otherwise).
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// One request and its answer. `target` is sent as it is; a `Host` among the headers replaces the authority.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Answer, Broken> {
        self.connect()?;
        let sent = self.send(&self.head(method, target, headers, body)).and_then(|()| self.send_body(body));
        match sent {
            Ok(()) => self.receive(method),
            // It may have refused before it read everything: then its answer is there.
            Err(Broken::BeforeAnswer(cause)) if self.stream.is_some() => {
                let answer = self.receive(method);
                self.close();
                answer.map_err(|_| Broken::BeforeAnswer(cause))
            }
            Err(other) => Err(other),
        }
    }

    /// As [`Client::request`], with another status than `wanted` as a failure of `step`.
    pub fn expect(
        &mut self,
        step: &str,
        wanted: u16,
        (method, target): (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Answer, Failure> {
        let step = || format!("{step}: {method} {target}");
        let answer = self
            .request(method, target, headers, body)
            .map_err(|source| Failure::Broken { step: step(), source })?;
        if answer.status == wanted {
            Ok(answer)
        } else {
            Err(Failure::Unexpected { step: step(), answer: Box::new(answer) })
        }
    }

    /// Makes the connection unless there is one; answers its own end, by which a trace knows it.
    pub fn connect(&mut self) -> Result<SocketAddr, Broken> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.authority).map_err(Broken::NoConnection)?;
            stream.set_nodelay(true).map_err(Broken::NoConnection)?;
            stream.set_read_timeout(Some(self.timeout)).map_err(Broken::NoConnection)?;
            stream.set_write_timeout(Some(self.timeout)).map_err(Broken::NoConnection)?;
            self.stream = Some(BufReader::with_capacity(64 * 1024, stream));
        }
        let stream =
            self.stream.as_ref().ok_or_else(|| Broken::NoConnection(io::ErrorKind::NotConnected.into()))?;
        stream.get_ref().local_addr().map_err(Broken::NoConnection)
    }

    /// Ends the connection: the next request makes a new one.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Sends bytes as they are, for a test that writes its own requests (or half of one).
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.connect()?;
        let stream =
            self.stream.as_ref().ok_or_else(|| Broken::NoConnection(io::ErrorKind::NotConnected.into()))?;
        let mut socket = stream.get_ref();
        socket.write_all(bytes).map_err(Broken::BeforeAnswer)
    }

    /// Reads the answer to a request with that method, interim answers (1xx) left out.
    pub fn receive(&mut self, method: &str) -> Result<Answer, Broken> {
        let Some(mut stream) = self.stream.take() else {
            return Err(Broken::BeforeAnswer(io::ErrorKind::NotConnected.into()));
        };
        let (status, headers) = loop {
            let (status, headers) = read_head(&mut stream)?;
            if status >= 200 || status == 101 {
                break (status, headers);
            }
        };
        let mut answer = Answer { status, headers, body: Vec::new() };
        let mut reusable =
            !answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if method != "HEAD" && !matches!(status, 204 | 304) {
            let framed = read_body(&mut stream, &mut answer)?;
            reusable = reusable && framed;
        }
        if reusable {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    fn head(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Body<'_>) -> Vec<u8> {
        use std::fmt::Write as _;
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let _ = write!(head, "Host: {}\r\n", self.authority);
        }
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match body {
            Body::None => {}
            Body::Sized(bytes) => {
                let _ = write!(head, "Content-Length: {}\r\n", bytes.len());
            }
            Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn send_body(&mut self, body: Body<'_>) -> Result<(), Broken> {
        match body {
            Body::None => Ok(()),
            Body::Sized(bytes) => self.send(bytes),
            Body::Chunked(pieces) => {
                for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                    chunk.extend_from_slice(piece);
                    chunk.extend_from_slice(b"\r\n");
                    self.send(&chunk)?;
                }
                self.send(b"0\r\n\r\n")
            }
        }
    }
}

impl Answer {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The path of the `Location` header, without scheme and host if it came with them.
    pub fn location(&self) -> Option<&str> {
        let location = self.header("location")?;
        match location.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)),
            None => Some(location),
        }
    }
}

type Head = (u16, Vec<(String, String)>);

fn read_head(stream: &mut impl BufRead) -> Result<Head, Broken> {
    let is_over = loop {
        match stream.fill_buf() {
            // A signal says nothing about the connection.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read.map_err(Broken::BeforeAnswer)?.is_empty(),
        }
    };
    if is_over {
        return Err(Broken::BeforeAnswer(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut head = stream.take(HEAD_LIMIT);
    let first = read_line(&mut head)?;
    let malformed = |rule, line: &str| Broken::Malformed { rule, line: line.into() };
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| malformed("a status line begins with HTTP/1.1 and three digits", &first))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut head)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header has a colon", &line))?;
        headers.push((name.into(), value.trim().into()));
    }
}

fn read_line(stream: &mut impl BufRead) -> Result<String, Broken> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).map_err(Broken::InAnswer)?;
    if !line.ends_with(b"\r\n") {
        return Err(Broken::InAnswer(io::ErrorKind::UnexpectedEof.into()));
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).map_err(|error| Broken::Malformed {
        rule: "a head is text",
        line: String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Whether the body had an end of its own, so that the connection can be used again.
fn read_body(stream: &mut BufReader<TcpStream>, answer: &mut Answer) -> Result<bool, Broken> {
    if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(stream)?;
            let length =
                u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| {
                    Broken::Malformed { rule: "a chunk begins with its length", line: line.clone() }
                })?;
            read_exactly(stream, length, &mut answer.body)?;
            let end = read_line(stream)?;
            if !end.is_empty() {
                return Err(Broken::Malformed {
                    rule: "a chunk ends its line (trailers are not read)",
                    line: end,
                });
            }
            if length == 0 {
                return Ok(true);
            }
        }
    }
    if let Some(length) = answer.header("content-length") {
        let length = length
            .parse()
            .map_err(|_| Broken::Malformed { rule: "Content-Length is a number", line: length.into() })?;
        read_exactly(stream, length, &mut answer.body)?;
        return Ok(true);
    }
    stream.take(BODY_LIMIT).read_to_end(&mut answer.body).map_err(Broken::InAnswer)?;
    Ok(false)
}

fn read_exactly(stream: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> Result<(), Broken> {
    if length > BODY_LIMIT {
        return Err(Broken::Malformed { rule: "a body has at most 1 GiB", line: length.to_string() });
    }
    let got = stream.take(length).read_to_end(body).map_err(Broken::InAnswer)?;
    if u64::try_from(got).ok() == Some(length) {
        Ok(())
    } else {
        Err(Broken::InAnswer(io::ErrorKind::UnexpectedEof.into()))
    }
}

#[cfg(test)]
mod tests;
