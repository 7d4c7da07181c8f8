//! TLS: a request through it, files that are none, and files that change.

use super::{Client, Server, request};
use crate::listen::TlsFiles;
use crate::listen::tls::{Tls, TlsError};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fs::write;
use std::path::Path;
use std::sync::Arc;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn a_request_through_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (files, made) = pair(folder.path());
    let server = Server::with_tls(Some(files)).await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let mut client = Client { stream: BufReader::new(stream) };
    client.write(&request("GET", "/peer", "")).await;
    assert_eq!(client.answer("GET").await.body, "true");
    // Refused with 5 MiB on their way, over and over.
    for headers in ["", "\r\nConnection: close"] {
        client.write(&request("PUT", "/refuse", &format!("Content-Length: 5242880{headers}"))).await;
        client.write(&vec![0; 5 << 20]).await;
        assert_eq!(client.answer("PUT").await.status, 403);
    }
    client.ends().await;

    // Plain HTTP at this door is no request, and harms nobody.
    let mut plain = server.connect().await;
    plain.write(&request("GET", "/peer", "")).await;
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain.stream, &mut rest).await;
    assert!(!rest.starts_with(b"HTTP"));
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = pair(folder.path());
    let load = |files: &TlsFiles| Tls::load(files.clone()).map(drop).unwrap_err();
    let swapped = TlsFiles { cert: files.key.clone(), key: files.cert.clone() };
    assert!(matches!(load(&swapped), TlsError::NoCertificate(path) if path == files.key));
    let no_key = TlsFiles { key: files.cert.clone(), ..files.clone() };
    assert!(matches!(load(&no_key), TlsError::NoKey(path) if path == files.cert));
    let absent = TlsFiles { cert: folder.path().join("absent"), ..files.clone() };
    assert!(matches!(load(&absent), TlsError::Unreadable { .. }));
    write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(load(&files), TlsError::Unusable { .. }));
}

#[test]
fn files_that_change() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = pair(folder.path());
    let tls = Tls::load(files.clone()).unwrap();
    let first = tls.current();
    assert!(!tls.refresh().unwrap());
    // Half replaced: the old stays, until the other half is there.
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(&files.cert, cert.pem() + "\n").unwrap();
    assert!(matches!(tls.refresh(), Err(TlsError::Unusable { .. })));
    assert!(Arc::ptr_eq(&tls.current(), &first));
    assert!(!tls.refresh().unwrap());
    write(&files.key, signing_key.serialize_pem() + "\n").unwrap();
    assert!(tls.refresh().unwrap());
    assert!(!Arc::ptr_eq(&tls.current(), &first));
}

fn pair(folder: &Path) -> (TlsFiles, CertifiedKey<KeyPair>) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    write(&files.cert, made.cert.pem()).unwrap();
    write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made)
}
