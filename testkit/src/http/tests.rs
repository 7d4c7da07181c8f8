use super::*;
use std::net::TcpListener;
use std::thread::JoinHandle;

/// A server that reads until `until` has come and then says `answer`, for each of them on one connection.
fn say(script: Vec<(&'static [u8], &'static [u8])>) -> (Client, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client =
        Client::new(&listener.local_addr().unwrap().to_string()).with_timeout(Duration::from_secs(10));
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut read = Vec::new();
        for (until, answer) in script {
            let start = read.len();
            let mut byte = [0];
            while !read[start..].ends_with(until) && socket.read(&mut byte).unwrap() == 1 {
                read.push(byte[0]);
            }
            socket.write_all(answer).unwrap();
        }
        read
    });
    (client, server)
}

#[test]
fn framing_of_requests_and_answers() {
    let (client, server) = say(vec![
        (b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabc"),
        (b"\r\n\r\nxyz", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x\r\nf\r\n0\r\n\r\n"),
        (b"0\r\n\r\n", b"HTTP/1.1 202 Accepted\r\nLocation: http://h:1/v2/x\r\nContent-Length: 0\r\n\r\n"),
        (b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nto the end"),
    ]);
    let mut client = client.with_header("A", "1");
    let first = client.request("GET", "/x?y=%2F", &[("B", "2")], Body::None).unwrap();
    assert_eq!((first.status, first.header("x-a"), &first.body[..]), (200, Some("b"), &b"abc"[..]));
    assert_eq!(client.request("PUT", "/", &[], Body::Sized(b"xyz")).unwrap().body, b"def");
    let third = client.request("PATCH", "/", &[], Body::Chunked(&[b"0123456789abcdef", b"", b"!"])).unwrap();
    assert_eq!((third.status, third.location()), (202, Some("/v2/x")));
    assert_eq!(client.request("HEAD", "/", &[], Body::None).unwrap().body, b"");
    assert_eq!(client.request("GET", "/", &[], Body::None).unwrap().body, b"to the end");
    let authority = client.authority().to_owned();
    let sent = String::from_utf8(server.join().unwrap()).unwrap().replace(&authority, "HOST");
    assert_eq!(
        sent,
        "GET /x?y=%2F HTTP/1.1\r\nHost: HOST\r\nA: 1\r\nB: 2\r\n\r\n\
         PUT / HTTP/1.1\r\nHost: HOST\r\nA: 1\r\nContent-Length: 3\r\n\r\nxyz\
         PATCH / HTTP/1.1\r\nHost: HOST\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
         10\r\n0123456789abcdef\r\n1\r\n!\r\n0\r\n\r\n\
         HEAD / HTTP/1.1\r\nHost: HOST\r\nA: 1\r\n\r\nGET / HTTP/1.1\r\nHost: HOST\r\nA: 1\r\n\r\n"
    );
}

#[test]
fn where_it_broke() {
    let ask = |answer: &'static [u8]| {
        let (mut client, _server) = say(vec![(b"\r\n\r\n", answer)]);
        client.request("GET", "/", &[], Body::None).unwrap_err()
    };
    assert!(matches!(ask(b""), Broken::BeforeAnswer(_)));
    assert!(matches!(ask(b"HTTP/1.1 20"), Broken::InAnswer(_)));
    assert!(matches!(ask(b"HTTP/1.1 200 OK\r\nContent-Le"), Broken::InAnswer(_)));
    assert!(matches!(ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), Broken::InAnswer(_)));
    assert!(matches!(
        ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        Broken::InAnswer(_)
    ));
    assert!(matches!(ask(b"SSH-2.0\r\n"), Broken::Malformed { .. }));
    assert!(matches!(ask(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), Broken::Malformed { .. }));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Client::new(&closed.to_string()).request("GET", "/", &[], Body::None);
    assert!(matches!(nobody, Err(Broken::NoConnection(_))));
}

#[test]
fn an_early_refusal_is_read_although_the_body_was_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::new(&listener.local_addr().unwrap().to_string());
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut some = [0; 1000];
        socket.read_exact(&mut some).unwrap();
        socket
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        let _ = io::copy(&mut socket, &mut io::sink());
    });
    assert_eq!(client.request("PUT", "/", &[], Body::Sized(&vec![7; 1 << 20])).unwrap().status, 413);
    drop(client);
    server.join().unwrap();
}
