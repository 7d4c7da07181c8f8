use super::*;
use acre_wire::ecr::account::{CreateAccount, CreateAccountAnswer};
use acre_wire::names::{AccountId, Region};
use acre_wire::sigv4::{Claim, Credentials, Secret};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{JoinHandle, spawn};

#[test]
fn a_call_is_signed_and_its_answer_read() {
    let answer = r#"{"accessKeyId":"AKIANEW","accountId":"111111111111","secretAccessKey":"new"}"#;
    let (endpoint, server) = answering(200, CONTENT_TYPE, answer);
    let called = call(&endpoint).unwrap();
    assert_eq!(called.access_key_id, "AKIANEW");
    assert_eq!(called.secret_access_key.expose(), "new");

    let request = server.join().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"accountId":"111111111111"}"#);
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST / HTTP/1.1"));
    let headers: Vec<(String, &[u8])> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes()))
        .collect();
    let value = |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1);
    assert_eq!(value("x-amz-target"), Some(&b"Acre_V1.CreateAccount"[..]));
    assert_eq!(value("content-type"), Some(CONTENT_TYPE.as_bytes()));
    // What came over the wire verifies: host, path and body are as they were signed.
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
    let claim = Claim::parse(&parts).unwrap();
    claim.verify("secret", &sigv4::body_hash(body.as_bytes())).unwrap();
}

#[test]
fn refusals_and_strangers() {
    for (status, content_type, body, message) in [
        (
            400,
            CONTENT_TYPE,
            r#"{"__type":"AccessDeniedException","message":"no"}"#,
            "AccessDeniedException: no",
        ),
        (400, "application/json", r#"{"__type":"com.amazonaws.ecr#ServerException"}"#, "ServerException: "),
        (403, CONTENT_TYPE, r#"{"__type":"X","Message":"upper"}"#, "X: upper"),
        (404, "text/plain", "404 page not found\n", "http://HOST/ does not speak the ECR API (HTTP 404)"),
        (200, "text/html", "<html>", "http://HOST/ does not speak the ECR API (HTTP 200)"),
        (200, CONTENT_TYPE, "{}", "http://HOST/ does not speak the ECR API (HTTP 200)"),
        (307, CONTENT_TYPE, "{}", "http://HOST/ does not speak the ECR API (HTTP 307)"),
    ] {
        let (endpoint, server) = answering(status, content_type, body);
        let error = call(&endpoint).unwrap_err();
        let host = endpoint.trim_start_matches("http://");
        assert_eq!(error.to_string().replace(host, "HOST"), message);
        server.join().unwrap();
    }
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = call(&endpoint).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().starts_with(&format!("no connection to {endpoint}/: Connection refused")),
        "{error}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = spawn(move || drop(listener.accept().unwrap()));
    assert!(matches!(call(&endpoint).unwrap_err(), Error::NoAnswer { .. }));
    server.join().unwrap();
}

#[test]
fn endpoints() {
    for bad in
        ["", "localhost:4510", "ftp://x", "http://", "http://a?b", "http://user@a", "http://user:word@a"]
    {
        assert!(matches!(Client::new(login(bad)), Err(Error::Endpoint(_))), "{bad}");
    }
    for (good, loopback) in [
        ("http://localhost:4510", true),
        ("http://127.3.0.1", true),
        ("http://[::1]:80/", true),
        ("http://example.com", false),
    ] {
        assert_eq!(is_loopback(&Client::new(login(good)).unwrap().endpoint), loopback, "{good}");
    }
}

fn call(endpoint: &str) -> Result<CreateAccountAnswer, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let account_id = AccountId::parse("111111111111").unwrap();
    runtime.block_on(Client::new(login(endpoint)).unwrap().call_operation(&CreateAccount { account_id }))
}

fn login(endpoint: &str) -> Login {
    Login {
        endpoint: endpoint.into(),
        region: Region::parse("us-west-2").unwrap(),
        credentials: Credentials {
            access_key_id: "AKIA".into(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        },
    }
}

/// A server for one request, which it gives back.
fn answering(status: u16, content_type: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nLocation: /\r\n\r\n{body}"
    );
    let server = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut some = [0; 4096];
        while !request.ends_with(b"}") {
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0);
            request.extend_from_slice(&some[..count]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (endpoint, server)
}
