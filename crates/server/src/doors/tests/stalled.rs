//! A body that stands still: 408 after a minute, and an upload keeps what came.

use super::*;

#[tokio::test]
async fn a_stalled_upload_is_408_and_keeps_what_came() {
    let server = Server::start().await;
    server.push_image().await;
    let input = GetAuthorizationToken { registry_ids: None };
    let token = server.registry.authorization_token(&server.caller, input).unwrap();
    let token = token.authorization_data[0].authorization_token.expose().to_owned();
    let arn = server.caller.registry.repository(RepositoryName::parse("aa").unwrap());
    // In memory, and behind what is on disk.
    for before in [0, 200_000] {
        for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
            let upload = server.registry.start_upload(&server.caller, &arn, Algorithm::Sha256).unwrap();
            let mut first = AtOnce::from(Bytes::from(vec![7; before]));
            let expect = Expect::default();
            server.registry.append_upload(&server.caller, &arn, upload, expect, &mut first).await.unwrap();
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let head = format!(
                "PATCH /v2/aa/blobs/uploads/{upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n{framing}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            if framing.starts_with('T') {
                stream.write_all(b"5\r\n").await.unwrap();
            }
            stream.write_all(b"hello").await.unwrap();
            tokio::time::pause();
            let start = tokio::time::Instant::now();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let waited = start.elapsed();
            tokio::time::resume();
            assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("SIZE_INVALID"), "{answer}");
            assert!(answer.contains("connection: close"), "{answer}");
            assert!((60..=66).contains(&waited.as_secs()), "{waited:?}");
            let status = server.registry.upload_status(&server.caller, &arn, upload).await.unwrap();
            assert_eq!(status, before as u64 + 5);
        }
    }
}
